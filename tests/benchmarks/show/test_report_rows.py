"""CSV: one row a record and way."""

import csv
import io
from dataclasses import replace

from edge_benchmarks.show.writing import csv_text
from tests.benchmarks.samples import FULL, RECORD

PROMISED = [
    "record", "way", "machine", "created_at", "complete", "edge_run", "revision", "bundle",
    "bundle_sha256", "bundle_bytes", "window_frames", "precisions", "parameters",
    "multiply_adds", "runtime", "runtime_version", "threads", "delegate", "predicted_for",
    "delegate_left_out", "operators", "board", "cpu", "architecture", "cores", "governor",
    "kernel", "data", "not_measured", "verdict",
    "model_bytes", "n_frames", "mean_ms", "min_ms", "max_ms", "cpu_p50_ms", "frames_per_s",
    "outlier_share", "p50_ms", "p50_low_ms", "p50_high_ms", "p90_ms", "p90_low_ms",
    "p90_high_ms", "p99_ms", "p99_low_ms", "p99_high_ms", "p99_9_ms", "p99_9_low_ms",
    "p99_9_high_ms", "edge_run_peak_rss_bytes", "peak_rss_bytes", "pss_bytes",
    "energy_mj_per_frame", "energy_covers",
    "stage_preprocess_p50_ms", "stage_encoder_p50_ms", "stage_head_p50_ms",
    "kind_accuracy", "kind_accuracy_low", "kind_accuracy_high", "kind_n",
    "size_mean_absolute_error_mm", "size_mean_absolute_error_mm_low",
    "size_mean_absolute_error_mm_high", "size_n",
]  # fmt: skip


def rows(*records) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(records), newline="")))


def test_the_columns_are_a_promise() -> None:
    assert list(rows(FULL)[0]) == PROMISED


def test_a_row_for_each_record_and_way() -> None:
    found = rows(FULL, replace(RECORD, setup=replace(RECORD.setup, threads=2)))
    assert [(row["record"], row["way"]) for row in found] == [
        ("tiny, 1 thread", "streamed"),
        ("tiny, 1 thread", "split re-run"),
        ("tiny, 1 thread", "whole window int8"),
        ("tiny, 1 thread", "whole window float32"),
        ("tiny, 2 threads", "streamed"),
        ("tiny, 2 threads", "split re-run"),
        ("tiny, 2 threads", "whole window int8"),
    ]


def test_figures_come_back_as_they_were() -> None:
    streamed, rerun, unmeasured, _ = rows(FULL)
    assert float(streamed["p50_low_ms"]) == 3.9 and streamed["p99_low_ms"] == ""
    assert float(streamed["kind_accuracy_high"]) == 0.9433
    assert streamed["precisions"] == "encoder=int8 head=dynamic_range"
    assert streamed["verdict"] == FULL.streamed.verdict
    assert float(streamed["energy_mj_per_frame"]) == 8.1 and rerun["energy_mj_per_frame"] == ""
    assert float(rerun["p90_ms"]) == 66.0  # of the summary, where nothing else is known
    assert (unmeasured["p50_ms"], unmeasured["n_frames"]) == ("", "")
    assert unmeasured["not_measured"] == "give --model MODEL.keras"


def test_accuracy_that_was_not_measured_is_empty() -> None:
    assert rows(FULL)[0]["size_mean_absolute_error_mm"] == rows(FULL)[0]["size_n"] == ""


def test_commas_quotes_and_lines_survive() -> None:
    name = 'a, "b"\nc'
    assert rows(replace(RECORD, data=name))[0]["data"] == name
