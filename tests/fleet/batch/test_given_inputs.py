"""What is given beside frames in a batch: answers, parts that it goes on with, and refusals."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge.bundle import Bundle, open_bundle, write_bundle
from edge.cli import main as edge_run
from edge.sources.video import VideoFile
from edge.stream import Stream
from edge_fleet.batch.cli import main
from edge_fleet.batch.rows import read_rows
from tests.detectors import ssd

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg makes the video")
TWO = [[0.25, 0.1, 0.75, 0.3], [0.25, 0.6, 0.75, 0.8]]  # top, left, bottom, right
USUAL = ("--workers", "1", "--quiet", "--chunk-frames", "60")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, speed_bundle_path: Path) -> Path:
    """With `net.edge`, one that counts in km/h, a detector, and 150 frames of H.264."""
    folder = tmp_path_factory.mktemp("given")
    known = open_bundle(speed_bundle_path)
    (speed,) = known.manifest.inputs
    kmh = replace(known.manifest, inputs=(replace(speed, unit="km/h"),))
    shutil.copy(speed_bundle_path, folder / "net.edge")
    write_bundle(folder / "kmh.edge", kmh, known.members)
    detector = ssd(TWO, [0.9, 0.8])
    write_bundle(folder / "two.edge", detector.manifest, detector.members)
    picture = "testsrc2=size=128x96:rate=50:duration=3"
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "40"]
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, *codec, folder / "ride.mp4"]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(autouse=True)
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def bundle(speed_bundle_path: Path) -> Bundle:
    return open_bundle(speed_bundle_path)


def batch(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, words), *USUAL])


def rows_of(output: Path, *words: str) -> list[dict[str, Any]]:
    result = batch("net.edge", "ride.mp4", "-o", output, *words)
    assert result.exit_code == 0, result.output
    return list(read_rows(str(output)))


def lines_of_run(output: Path, *words: str) -> list[dict[str, Any]]:
    command = ["net.edge", "--source", "ride.mp4", "--quiet", "--jsonl", str(output), *words]
    result = CliRunner().invoke(edge_run, command)
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    return [line for line in lines if "tasks" in line]


def test_chunks_are_decided_on_as_edge_run_does_with_the_same_numbers(
    bundle: Bundle, tmp_path: Path
) -> None:
    speed = ("--input", "speed=1.5,2.1")
    rows = rows_of(tmp_path / "rows.parquet", *speed)
    layout = next((tmp_path / "rows.parquet.parts").glob("*.json")).read_text()
    assert len(json.loads(layout)["bounds"]) > 1
    lines = lines_of_run(tmp_path / "run.jsonl", *speed)
    assert [(row["frame"], row["tasks.kind.label"], row["tasks.kind.p"]) for row in rows] == [
        (e["frame"], e["tasks"]["kind"]["label"], e["tasks"]["kind"]["p"]) for e in lines
    ]
    stream = Stream(bundle, inputs={"speed": [1.5, 2.1]})
    with VideoFile("ride.mp4") as video:
        scores = [d.tasks["kind"].scores.tolist() for f in video if (d := stream.push(f))]
    assert [row["tasks.kind.scores"] for row in rows] == scores  # bit for bit


def test_it_is_given_for_each_person(tmp_path: Path) -> None:
    words = ("--input", "speed=1.5,2.1", "--detector", "two.edge")
    rows = rows_of(tmp_path / "rows.parquet", *words)
    lines = lines_of_run(tmp_path / "run.jsonl", *words)
    mine = [(r["frame"], r["track.number"], r["tasks.kind.p"]) for r in rows]
    assert {each[1] for each in mine} == {1, 2}
    assert mine == [(e["frame"], e["track"]["number"], e["tasks"]["kind"]["p"]) for e in lines]


def test_it_goes_on_with_parts_of_the_same_numbers_alone(tmp_path: Path) -> None:
    """Whatever stands beside the output of before."""
    output, parts = tmp_path / "rows.parquet", tmp_path / "rows.parquet.parts"
    slow = rows_of(output, "--input", "speed=0,0")
    slow_parts = {path: path.stat().st_mtime_ns for path in sorted(parts.glob("*.parquet"))}
    first, *_ = slow_parts
    first.unlink()  # as if it had been interrupted
    del slow_parts[first]
    assert slow_parts
    fast = rows_of(output, "--input", "speed=2.5,-1")
    assert fast == rows_of(tmp_path / "alone.parquet", "--input", "speed=2.5,-1")
    assert not any(a["tasks.kind.scores"] == b["tasks.kind.scores"] for a, b in zip(slow, fast))
    assert rows_of(output, "--input", "speed=0.0,0.00") == slow
    assert {path: path.stat().st_mtime_ns for path in slow_parts} == slow_parts


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [],
            "the network takes 'speed' (2 numbers in m/s, -0.989 to 2.99 in its clips) beside frames",
        ),
        (["--input", "speed=1"], "the input 'speed' takes 2 numbers, and (1.0,) was given"),
        (["--input", "sped=1,2"], "no input 'sped' beside frames; did you mean 'speed'?"),
        (["--input", "speed=1,x"], "'speed=1,x' is no NAME=NUMBER,NUMBER,... of an input"),
        (["--input", "speed=1,nan"], "'speed=1,nan' is no NAME=NUMBER,NUMBER,... of an input"),
        (["--input", "speed=1,2", "--input", "speed=1,3"], "'speed' is given twice"),
    ],
)
@pytest.mark.parametrize("command", [["net.edge"], ["compare", "net.edge", "net.edge"]])
def test_what_does_not_fit_is_one_line_before_anything_begins(
    words: list[str], message: str, command: list[str], tmp_path: Path
) -> None:
    result = batch(*command, "ride.mp4", "-o", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert message in result.output and len(result.output.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_each_of_two_bundles_gets_what_it_takes(
    bundle: Bundle, tiny_bundle_path: Path, tmp_path: Path
) -> None:
    """As if it ran alone; one takes nothing beside frames."""
    report = tmp_path / "report"
    words = ["ride.mp4", "-o", report, "--input", "speed=1.5,2.1", "--clips", "0"]
    result = batch("compare", tiny_bundle_path, "net.edge", *words, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["tasks"]["kind"]["decisions"] > 100
    new = list(read_rows(str(report / "new.parquet")))
    assert new == rows_of(tmp_path / "alone.parquet", "--input", "speed=1.5,2.1")


@pytest.mark.parametrize(
    ("old", "words", "message"),
    [
        (
            "kmh.edge", ["--input", "speed=1,2"],
            "OLD takes 2 numbers in km/h as 'speed' beside frames and NEW 2 numbers in m/s, which one "
            "--input cannot be: convert one of them again",
        ),
        ("tiny", [], "the network takes 'speed'"),
        ("tiny", ["--input", "speed=1,2", "--input", "load=1"], "no input 'load' beside frames"),
    ],
)  # fmt: skip
def test_two_bundles_that_cannot_be_compared_are_one_line(
    old: str, words: list[str], message: str, tiny_bundle_path: Path, tmp_path: Path
) -> None:
    first = tiny_bundle_path if old == "tiny" else old
    result = batch("compare", first, "net.edge", "ride.mp4", "-o", tmp_path / "report", *words)
    assert result.exit_code == 2
    assert message in result.output and len(result.output.splitlines()) == 1
    assert not list(tmp_path.iterdir())
