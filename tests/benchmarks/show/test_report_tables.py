"""What the report says in words and figures: the Markdown of it."""

import re
from dataclasses import replace

import pytest

from edge_benchmarks.cells import machine_labels, number, record_labels, within
from edge_benchmarks.show.sections import sections
from edge_benchmarks.show.writing import TITLE
from edge_common.document import markdown
from tests.benchmarks.samples import FULL, RECORD

OTHER = replace(RECORD, machine=replace(RECORD.machine, board="Raspberry Pi 5", cores=4))


@pytest.fixture(scope="module")
def full() -> str:
    return markdown(TITLE, sections([FULL]))


def test_numbers_have_four_digits() -> None:
    found = [number(value) for value in (0.12345, 1.5, 12.345, 123.45, 12345.6, -0.5)]
    assert found == ["0.123", "1.500", "12.35", "123.5", "12,346", "-0.500"]
    assert number(None, "ms") == "not measured"
    assert within("4", (3.9, 4.1)) == "4 (3.900 to 4.100)"


@pytest.mark.parametrize(
    "line",
    [
        "| tiny | **unstable** because |",
        "|  | the machine was busy, part of the time of a frame was spent waiting (20%): "
        "long frames wait more, which distorts the ratios: close other programs |",
        "|  | the medians of the rounds lie apart (12%): "
        "close other programs, or measure longer with --seconds |",
        "| a frame, ms | p50 | p90 | p99 | p99.9 | frames/s | n |",
        "| tiny | 4.000 (3.900 to 4.100) | 6.000 | 8.000 | 8.200 | 250.0 | 300 |",
        "| tiny | encoder int8, head dynamic_range | 15 | 11.19 M | 235.1 M | 13.00 MB |",
        "| tiny | 122.0 MB | 101.0 MB | 84.0 MB | 8.100 mJ (the whole board) |",
        "| tiny | kind | accuracy | test.npz | 80.00 % (49.02 to 94.33) | 10 |",
        "| tiny | size | mean absolute error |  | not measured |  |",
        "| missed: decided on too late, or never | 50.00 % |",
        "**Invalid:** the generator was late with 25.0% of its frames (at most 1% may be): "
        "close other programs, or lower the rate.",
        "**8 streams** at 30 frames a second each (at most 64 were tried).",
        "| frames a second | 222.2 |",
        "| memory grows by | 12.00 kB an hour (-3.000 to 20.00) |",
        "| of it: import | 0.450 | 0.400 | 0.500 | 2 |",
        "| OpenVINO 2025.3 | encoder | 3.600 | 5.400 | 7.200 | 1.50 | 31.5 dB |",
        "ONNX Runtime, encoder: not measured (pip install '.[engines]').",
        "| 1 SOFTMAX | SOFTMAX (not delegated) | 1 x 10 | 0.00 | 0.500 | 25.00 % |",
        "| encoder (int8, 1 thread) | compute | 29.90 | 170.0 | 38.00 % | 38.00 % |",
        "Ours over that of LiteRT's benchmark script: 1.020 (1.000 to 1.040); it agrees within "
        "3 %. 2 rounds in turn of 50 invocations, 1 thread.",
        "whole window int8: not measured (give --model MODEL.keras).",
        "**Throttled in 1 of 4 samples.**",
        "| a reading of the clock | 45.00 ns |",
        "| project revision | c0ffee |",
        "The shortest frame of each of 4 fresh processes, which comparisons rest on: "
        "3.800 ms in the best, 4.000 ms in the worst.",
    ],
)
def test_what_is_said(full: str, line: str) -> None:
    assert line in full.splitlines()


def test_every_table_has_as_many_cells_in_each_row(full: str) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", full, re.MULTILINE)
    assert len(tables) > 20
    for table in tables:
        counts = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(counts) == 1, table


def test_figures_are_aligned_to_the_right(full: str) -> None:
    lines = full.splitlines()
    below = lines[lines.index("| a frame, ms | p50 | p90 | p99 | p99.9 | frames/s | n |") + 1]
    assert below == "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"


def test_nothing_that_was_not_measured_is_0() -> None:
    bare = replace(RECORD, measurements=(replace(RECORD.streamed, accuracy=()),))
    shown = markdown(TITLE, sections([bare])).splitlines()
    assert "| tiny | 122.0 MB | not measured | not measured | not measured |" in shown
    assert "| tiny |  |  |  | not measured |  |" in shown


def test_an_interrupted_record_says_so() -> None:
    shown = markdown(TITLE, sections([replace(FULL, complete=False)]))
    assert "| tiny | **interrupted, unstable** because |" in shown
    assert "| complete | **no, interrupted** |" in shown


def test_machines_that_differ_are_told_apart() -> None:
    assert record_labels([RECORD, OTHER]) == ["tiny, a cpu, 2 cores", "tiny, Raspberry Pi 5"]
    shown = markdown(TITLE, sections([RECORD, OTHER]))
    assert "**The records are of different machines.**" in shown
    assert "different machines" not in markdown(TITLE, sections([RECORD, RECORD]))


def test_machines_of_one_name_that_differ_are_numbered() -> None:
    slow = replace(RECORD, machine=replace(RECORD.machine, governor="powersave"))
    fast = replace(RECORD, machine=replace(RECORD.machine, governor="performance"))
    assert machine_labels([slow, fast, slow]) == [
        "a cpu, 2 cores", "a cpu, 2 cores (2)", "a cpu, 2 cores",
    ]  # fmt: skip


def test_records_of_one_bundle_are_told_apart_by_what_differs() -> None:
    two = replace(RECORD, setup=replace(RECORD.setup, threads=2))
    later = replace(two, created_at="2025-11-24T06:00:00+00:00")
    assert record_labels([RECORD, two]) == ["tiny, 1 thread", "tiny, 2 threads"]
    assert record_labels([two, later])[1] == "tiny, 2025-11-24T06:00:00+00:00"
    assert record_labels([RECORD, RECORD]) == ["tiny", "tiny (2)"]
