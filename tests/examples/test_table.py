"""python -m examples.thesis_table: published rows, what is kept, what is shown."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_benchmarks.cells import machine_name
from edge_benchmarks.measure.timing import Plan
from edge_common.errors import ConfigError, EngineError, ModelError
from edge_devices.detection.machine import this_machine
from edge_devices.prediction.cores import Work
from edge_devices.profiles.catalogue import profile_named
from edge_models.networks.comparison.catalogue import ROWS
from examples.thesis_table.__main__ import lines, main, run_table
from examples.thesis_table.measure import build_row, kernels_of, latency_on, work_by_kernels
from examples.thesis_table.render import ThesisTable, as_csv, as_json, as_markdown, as_page, notes
from examples.thesis_table.rows import Figures, RowCache, Timing, published, rows_named
from examples.thesis_table.timed import time_row

PI_4 = profile_named("pi-4")
MTLLNN = Figures(
    key="mtllnn",
    networks=("mobilenet_v1_mtllnn",),
    input=(224, 224, 3),
    parameters=3_337_514,
    multiply_adds=567_800_000,
    size_bytes=3_600_000,
    timing=Timing(8.4, (8.3, 8.5), (8.2, 8.9), 600, 1.2),
    machine="a machine",
    work={kernels_of(PI_4): Work(250e6, 140e6, 20e6, 40)},
)


def figures(key: str) -> Figures:
    return replace(MTLLNN, key=key)


def shown(**found) -> ThesisTable:
    rows = rows_named("facenet,mtllnn")
    return ThesisTable(rows, found, (PI_4,), 1, "a machine")


def test_the_rows_are_those_of_the_thesis() -> None:
    rows = published()
    assert [(r.method, r.year, r.age_mae, r.gender_acc, r.race_acc, r.params_m) for r in rows.values()] == [
        ("Randomized Bins", 2020, 4.55, None, None, 25.6),
        ("CORAL", 2020, 5.39, None, None, 21.8),
        ("One-task (VGG11)", 2019, 7.32, 90.70, None, 133.0),
        ("VGG11 Cross-Stitch", 2019, 6.78, 90.30, None, 133.0),
        ("MT-SFG", 2019, 6.00, 92.46, None, 133.0),
        ("MobileNetV2", 2018, 7.29, 91.47, None, 7.1),
        ("InsightFace", 2019, 8.57, 87.52, None, 60.1),
        ("DEX", 2015, 6.48, 91.05, None, 262.5),
        ("FaceNet", 2015, 8.58, 89.54, 85.6, 12.3),
        ("MTLLNN", 2021, 5.74, 93.79, 87.6, 3.2),
        ("Lightweight MTDNN (the thesis)", 2021, 4.98, 93.00, 87.00, 11.1),
    ]  # fmt: skip
    assert [key for key, row in rows.items() if row.approximate] == list(rows)[:5]
    assert all(row.source and row.built and row.counts for row in rows.values())


def test_every_row_can_be_built_and_is_named_in_the_help(cli: CliRunner) -> None:
    assert list(published()) == list(ROWS)
    said = " ".join(cli.invoke(main, ["--help"]).output.split())
    assert ", ".join(published()) in said


@pytest.mark.parametrize(
    "given, said",
    [
        ("corall", "no row is called 'corall'; did you mean 'coral'?"),
        ("coral,xyz", "no row is called 'xyz'; there are randomized-bins, coral, "),
    ],
)
def test_an_unknown_row_names_the_nearest(given: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        rows_named(given)


def test_rows_keep_the_order_of_the_table() -> None:
    assert [row.key for row in rows_named("mtdnn, coral")] == ["coral", "mtdnn"]
    assert len(rows_named("")) == 11


def test_a_row_in_markdown() -> None:
    text = as_markdown(shown(mtllnn=MTLLNN))
    predicted = latency_on(PI_4, MTLLNN, 1)
    assert predicted is not None
    assert (
        "| MTLLNN, Savchenko | 2021 | 5.74 | 93.79 | 87.60 | 3.2 M | 3.338 M | 567.8 M | 3.6 MB "
        "| 8.4 (8.3 to 8.5) |\n"
    ) in text
    assert f"{predicted.ms:.0f} ({predicted.low_ms:.0f} to {predicted.high_ms:.0f}) |" in text
    assert (
        "| FaceNet, Schroff et al., CVPR | 2015 | 8.58 | 89.54 | 85.60 | 12.3 M | not measured |"
        in text
    )
    assert "| method | pi-4, predicted ms |" in text
    assert "22,808,144" in text and "224 x 224 x 3" in text


def test_the_page_and_the_notes_say_what_is_whose() -> None:
    whole = shown(mtllnn=MTLLNN)
    said = " ".join(notes(whole))
    assert "cited as published" in said and "weights here are random" in said
    assert "predicted, not measured" in said and "1.20 to 1.20 ms" in said
    assert as_page(whole).count("<table>") == 3


def test_csv_holds_unrounded_figures() -> None:
    facenet, mtllnn = csv.DictReader(io.StringIO(as_csv(shown(mtllnn=MTLLNN))))
    assert (mtllnn["counted_params"], mtllnn["int8_bytes"]) == ("3337514", "3600000")
    assert (mtllnn["int8_p50_ms"], mtllnn["int8_p50_low_ms"]) == ("8.4", "8.3")
    assert float(mtllnn["predicted_pi-4_ms"]) > 0
    assert facenet["counted_params"] == "" and facenet["published_params_m"] == "12.3"


def test_json_tells_measured_from_published() -> None:
    content = json.loads(as_json(shown(mtllnn=MTLLNN)))
    facenet, mtllnn = content["rows"]
    assert content["accuracy"] == "as published"
    assert mtllnn["measured"]["parameters"] == 3_337_514
    assert mtllnn["predicted"]["pi-4"]["ms"] > 0
    assert set(facenet) == {"published"}


def test_a_median_that_cannot_be_bounded_shows_its_rounds() -> None:
    unsteady = replace(MTLLNN, timing=replace(MTLLNN.timing, interval=None))
    assert "| 8.4 [rounds 8.2 to 8.9] |" in as_markdown(shown(mtllnn=unsteady))


def test_an_interrupted_table_goes_on_where_it_was(tmp_path: Path) -> None:
    measured: list[str] = []

    def interrupted(key: str) -> Figures:
        if key == "mtllnn":
            raise KeyboardInterrupt
        return count(key)

    def count(key: str) -> Figures:
        measured.append(key)
        return figures(key)

    output = tmp_path / "table.md"
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, output, interrupted)
    text = output.read_text()
    assert (
        "| FaceNet, Schroff et al., CVPR | 2015 | 8.58 | 89.54 | 85.60 | 12.3 M | 3.338 M |" in text
    )
    assert "| 3.2 M | not measured |" in text
    whole = _run(tmp_path, output, count)
    assert measured == ["facenet", "mtllnn"]
    assert set(whole.results) == {"facenet", "mtllnn"}


@pytest.mark.parametrize("error", [ModelError, EngineError])
def test_a_row_that_fails_does_not_end_the_others(tmp_path: Path, error: type) -> None:
    def measure(key: str) -> Figures:
        if key == "facenet":
            raise error("no memory\nleft")
        return figures(key)

    output, printed = tmp_path / "table.json", []
    whole = run_table(
        "facenet,mtllnn", "pi-4", 1, tmp_path, output,
        lambda found, table: printed.extend(lines(found, table)), str, measure,
    )  # fmt: skip
    assert printed[0].startswith("method") and "  no memory left" in printed
    assert any(line.startswith("MTLLNN   ") and "3.338 M" in line for line in printed)
    assert json.loads(output.read_text())["rows"][0]["failure"] == "no memory left"
    assert whole.results["mtllnn"] == MTLLNN
    assert _run(tmp_path, output, figures).results["facenet"] == figures("facenet")


def test_a_kept_row_that_is_broken_is_measured_again(tmp_path: Path) -> None:
    kept = RowCache(tmp_path, "a machine", 1)
    kept.keep(MTLLNN)
    assert kept.find("mtllnn") == MTLLNN
    assert replace(kept, threads=2).find("mtllnn") is None
    assert replace(kept, machine="another").find("mtllnn") is None
    for path in tmp_path.glob("mtllnn-*"):
        path.write_text("{")
    assert kept.find("mtllnn") is None


def test_the_command_prints_rows_that_are_kept(cli: CliRunner, tmp_path: Path) -> None:
    kept = RowCache(tmp_path / "cache", machine_name(this_machine()), 1)
    kept.make()
    kept.keep(MTLLNN)
    call = ["--rows", "mtllnn", "--cache", str(kept.folder)]
    done = cli.invoke(main, [*call, "-o", str(tmp_path / "t.html")])
    assert done.exit_code == 0, done.output
    assert "8.4 (8.3 to 8.5)" in done.stdout and "cited as published" in done.stdout
    assert (tmp_path / "t.html").read_text().startswith("<!doctype html>")
    done = cli.invoke(main, [*call, "--json"])
    assert json.loads(done.stdout)["rows"][0]["measured"]["timing"]["p50_ms"] == 8.4


@pytest.mark.parametrize(
    "options, said",
    [
        (["--rows", "dexx"], "no row is called 'dexx'; did you mean 'dex'?"),
        (["--device", "pi4"], "no board is called 'pi4'; did you mean 'pi-4'?"),
        (
            ["-o", "table.txt"],
            "table.txt is no name for a table: it ends in .md, .html, .csv, .json",
        ),
        (["-o", "missing/table.md"], "its folder is missing or read-only"),
        (["--cache", "file/under"], "cannot be made (Not a directory): give another --cache"),
    ],
)
def test_bad_options_are_one_line(
    cli: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    options = options if "--cache" in options else [*options, "--cache", str(tmp_path)]
    done = cli.invoke(main, [*options])
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.stderr.split())


def test_a_narrow_network_goes_all_the_way(tmp_path: Path) -> None:
    (built,) = build_row("mtllnn", tmp_path, str, width=0.1)
    assert built.name == "mobilenet_v1_mtllnn" and built.input == (224, 224, 3)
    (model,) = built.models
    assert built.parameters < model.stat().st_size < 8 * built.parameters
    found = time_row([model, model], 1, Plan(frames=4, seconds=0.0, rounds=2, warmup=1))
    assert found.frames == 4 and found.yardstick_ms > 0
    assert 0 < found.rounds[0] <= found.p50_ms <= found.rounds[1]
    once, twice = work_by_kernels([model]), work_by_kernels([model, model])
    kernels = kernels_of(PI_4)
    assert twice[kernels].instructions == pytest.approx(2 * once[kernels].instructions)
    assert not once[kernels].counted
    large = ("piece0", "piece0.tflite", "piece0-converted.tflite")
    assert not any((tmp_path / "0" / name).exists() for name in large)


def test_a_network_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no row is called 'corall'"):
        build_row("corall", tmp_path, str)


def _run(folder: Path, output: Path, measure) -> ThesisTable:
    return run_table("facenet,mtllnn", "pi-4", 1, folder, output, lambda *_: None, str, measure)
