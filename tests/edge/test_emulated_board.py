"""A board played on this machine: labelled as predicted wherever a figure of it comes out."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge import Stream, open_bundle
from edge.cli import main as edge_run
from edge.emulated import ThrottledBoard
from edge.stream import StreamOptions
from edge_benchmarks.cli import main as edge_bench
from edge_benchmarks.commands.compare import compare
from edge_benchmarks.record import read_record, write_record
from edge_common.errors import DeviceError, EngineError

PI_4 = StreamOptions(device="emulated:pi-4")


def test_each_part_takes_at_least_what_was_predicted() -> None:
    stream = Stream(open_bundle("faces-in-motion"), PI_4)
    for _ in range(15):
        decision = stream.push(np.zeros((100, 100, 3), np.uint8))
    predicted = stream.network.predicted
    assert decision and predicted and predicted.board == "pi-4"
    assert decision.predicted_for == "pi-4"
    for role, latency in predicted.parts_ms.items():
        assert decision.latency_ms[role] >= latency.ms
        assert latency.low_ms < latency.ms < latency.high_ms


def test_the_same_is_decided() -> None:
    bundle, random = open_bundle("faces-in-motion"), np.random.default_rng(0)
    played, real = Stream(bundle, PI_4), Stream(bundle)
    for _ in range(16):
        pixels = random.integers(0, 256, (100, 100, 3), np.uint8)
        one, other = played.push(pixels), real.push(pixels)
    assert one and other
    assert [a.label for a in one.tasks.values()] == [a.label for a in other.tasks.values()]
    assert other.predicted_for is None and "predicted_for" not in other.to_json()


def test_no_more_threads_than_the_board_has_cores() -> None:
    board = ThrottledBoard.named("emulated:pi-4", threads=64)
    assert board.threads == 4


def test_boards_that_cannot_be_played() -> None:
    with pytest.raises(EngineError, match="write emulated:pi-4 to play that board"):
        ThrottledBoard.named("pi-4")
    with pytest.raises(DeviceError, match="did you mean 'pi-4'"):
        ThrottledBoard.named("emulated:pi4")
    with pytest.raises(DeviceError, match="nothing can be predicted for generic-x86-64"):
        ThrottledBoard.named("emulated:generic-x86-64")


def test_every_output_of_a_run_says_so(video_path: Path, tmp_path: Path) -> None:
    lines, film = tmp_path / "d.jsonl", tmp_path / "seen.avi"
    options = ["faces-in-motion", "--source", str(video_path), "--device", "emulated:pi-5"]
    # a process of its own, as this one may have grown beyond the board's memory
    command = [sys.executable, "-m", "edge.cli", *options, "--jsonl", lines, "--save", film]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "PREDICTED for Raspberry Pi 5, not measured (90 % intervals): encoder" in done.stdout
    decisions = [json.loads(line) for line in lines.read_text().splitlines()]
    assert decisions and all(each["predicted_for"] == "pi-5" for each in decisions)
    as_json = subprocess.run([*command[:-4], "--json"], capture_output=True, text=True)
    predicted = json.loads(as_json.stdout)["predicted"]
    assert predicted["board"] == "pi-5" and set(predicted["parts_ms"]) == {"encoder", "head"}


def test_a_record_says_so_and_is_not_compared_with_a_measured_one(
    cli: CliRunner, tmp_path: Path
) -> None:
    played, real = tmp_path / "played.json", tmp_path / "real.json"
    short = ["--frames", "20", "--seconds", "0.1", "--rounds", "2", "--cold-starts", "0"]
    short += ["--processes", "0"]
    device = ["--device", "emulated:pi-5"]
    done = cli.invoke(edge_bench, ["run", *short, *device, "-o", str(played)])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip().startswith("PREDICTED for Raspberry Pi 5")
    assert "emulating Raspberry Pi 5" in done.stdout
    record = read_record(played)
    assert record.setup.device == "emulated:pi-5" and record.predicted and not record.work
    for role, latency in record.predicted.parts_ms.items():
        assert record.streamed.invokes_ms[role].min >= latency.ms
    assert cli.invoke(edge_bench, ["run", *short, "-o", str(real)]).exit_code == 0
    refused = cli.invoke(compare, [str(played), str(real)])
    assert refused.exit_code == 2 and "device: emulated:pi-5 and this machine" in refused.stderr


@pytest.mark.parametrize("option", ["--profile", "--roofline", "--engines", "--cross-check"])
def test_what_looks_at_this_machine_is_refused(cli: CliRunner, option: str) -> None:
    done = cli.invoke(edge_bench, ["run", "--device", "emulated:pi-4", option])
    assert done.exit_code == 2
    assert f"{option} measures this machine" in done.stderr


def test_a_board_without_its_prefix_is_explained(cli: CliRunner) -> None:
    done = cli.invoke(edge_run, ["faces-in-motion", "--source", "x.mp4", "--device", "pi-4"])
    assert done.exit_code == 2 and "write emulated:pi-4" in done.stderr
    done = cli.invoke(edge_bench, ["run", "--device", "pi-4"])
    assert done.exit_code == 2 and "--device emulated:pi-4" in done.stderr


def test_the_report_page_names_it_wherever_a_figure_stands(cli: CliRunner, tmp_path: Path) -> None:
    from edge.emulated import Predicted
    from tests.benchmarks.samples import RECORD

    predicted = Predicted("pi-5", "Raspberry Pi 5", {}, {})
    played = dataclasses.replace(RECORD, predicted=predicted)
    path, page = tmp_path / "played.json", tmp_path / "page.md"
    write_record(path, played)
    assert cli.invoke(edge_bench, ["report", str(path), "-o", str(page)]).exit_code == 0
    text = page.read_text()
    tables = [line for line in text.splitlines() if line.startswith("| tiny")]
    assert tables and all(line.startswith("| tiny, predicted for pi-5") for line in tables)
    assert "PREDICTED for Raspberry Pi 5, not measured" in text and "Measured 2" not in text
