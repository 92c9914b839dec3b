"""Precision chosen for a board that is not here, by the latency that is predicted for it."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.bundle import open_bundle
from edge.emulated import ThrottledBoard
from edge_convert.cli import main
from tests import tiny


def test_a_choice_for_a_board_rests_on_its_prediction(
    tmp_path: Path, tiny_clips_path: Path
) -> None:
    tiny.window_model().save(tmp_path / "tiny.keras")
    output, page = tmp_path / "tiny.edge", tmp_path / "tiny.html"
    words = ["--calibration", tiny_clips_path, "--report", page, "--no-gate", "--for", "pi-4"]
    words = [tmp_path / "tiny.keras", "-o", output, *words]
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exit_code == 0, done.output
    assert "ms, predicted for pi-4" in done.stdout and "int16x8" not in done.stdout
    bundle, board = open_bundle(output), ThrottledBoard.named("emulated:pi-4")
    latencies = [board.latency(bundle.members[part.file]) for part in bundle.manifest.parts]
    (row,) = [line for line in done.stdout.splitlines() if line.endswith("chosen")]
    assert f" {sum(each.ms for each in latencies):.2f} " in row
    text = f"Latency is predicted for pi-4, one thread, not measured; .*: encoder {latencies[0]}"
    assert re.search(text, done.stdout) and re.search(text, bundle.members["report.md"].decode())
    assert "predicted for pi-4" in page.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--for", "pi-44"], "no board is called 'pi-44'"),
        (["--for", "pi-4", "--head-precision", "int16x8"], "nothing is predicted of int16x8"),
    ],
)
def test_a_board_without_a_prediction_is_refused_at_once(
    tmp_path: Path, tiny_clips_path: Path, options: list[str], message: str
) -> None:
    tiny.window_model().save(tmp_path / "tiny.keras")
    words = [tmp_path / "tiny.keras", "-o", tmp_path / "x.edge", "--calibration", tiny_clips_path]
    done = CliRunner().invoke(main, [*map(str, words), *options])
    assert done.exit_code == 2 and message in done.stderr
    assert not (tmp_path / "x.edge").exists()
