"""`edge-run --detector`: from options to lines, videos and the summary."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import Bundle, write_bundle
from edge.check import self_test
from edge.cli import main
from edge.commands.scene_options import MAX_PEOPLE, PeopleOptions
from edge.scene import SceneOptions
from edge.sources import Source
from edge.stream import Frame, StreamOptions
from edge.summary import SourceSummary
from edge_common import SelfTestFailed
from tests import tiny
from tests.detectors import ssd
from tests.edge.scene.scenes import HEIGHT, WIDTH
from tests.edge.sources import web

TWO = [[0.25, 0.1, 0.75, 0.3], [0.25, 0.6, 0.75, 0.8]]  # top, left, bottom, right


@pytest.fixture
def cli() -> CliRunner:
    return CliRunner()


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, in every frame."""
    path, bundle = tmp_path_factory.mktemp("detector") / "two.edge", ssd(TWO, [0.9, 0.8])
    write_bundle(path, bundle.manifest, bundle.members)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (WIDTH, HEIGHT))
    for pixels in tiny.frames(12, HEIGHT, WIDTH):
        writer.write(pixels)
    writer.release()
    return path


def test_help_and_python_have_one_default() -> None:
    assert SceneOptions.max_people == MAX_PEOPLE


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_person_is_decided_on(
    cli: CliRunner, tiny_bundle_path: Path, detector: Path, film: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    arguments = [tiny_bundle_path, "--detector", detector, "--source", film, "--jsonl", out]
    result = cli.invoke(main, [*map(str, arguments), "--json", "--rate", "all", "--quiet"])
    assert result.exit_code == 0, result.output
    lines, summary = lines_of(out.read_text()), json.loads(result.stdout)
    presence = [line for line in lines if "presence" in line]
    assert [(line["frame"], line["presence"]["count"]) for line in presence] == [(0, 0), (1, 2)]
    decisions = [line for line in lines if "tasks" in line]
    numbers = [(line["track"]["number"], line["first_frame"], line["frame"]) for line in decisions]
    assert numbers == [(n, f - 3, f) for f in range(4, 12) for n in (1, 2)]
    assert decisions[0]["track"]["box"] == [32, 60, 64, 120]
    assert decisions[0]["track"]["age_s"] == pytest.approx(0.4)
    assert summary["decisions"] == 16
    assert summary["scene"] == {
        "people": 2, "most_people": 2, "most_without_window": 0, "decisions_a_track": 8.0,
        "frames_a_detection": 1.0, "budget_ms": None, "calls_due": 22, "calls": 22,
        "rate_hz": pytest.approx(10.5, abs=1), "trained_rate_hz": None,
    }  # fmt: skip


def test_the_summary_says_who_was_there(
    cli: CliRunner, tiny_bundle_path: Path, detector: Path, film: Path
) -> None:
    arguments = [tiny_bundle_path, "--detector", detector, "--source", film]
    result = cli.invoke(main, [*map(str, arguments), "--rate", "all", "--budget-ms", "500"])
    assert "people: 2 seen, at most 2 at once; 8.0 decisions each" in result.stdout
    assert "detector: every 1.0 frames; budget 500.0 ms a frame" in result.stdout
    assert "encoder: 22 of 22 calls that were due (100 %)" in result.stdout


def test_two_sources_share_the_networks(
    cli: CliRunner, tiny_bundle_path: Path, detector: Path, film: Path
) -> None:
    sources = [f"--source={film}"] * 2
    arguments = [str(tiny_bundle_path), "--detector", str(detector), *sources, "--jsonl", "-"]
    result = cli.invoke(main, [*arguments, "--rate", "all", "--quiet", "--frames", "6"])
    decisions = [line for line in lines_of(result.stdout) if "tasks" in line]
    labels = [(line["source"][-3:], line["track"]["number"], line["frame"]) for line in decisions]
    assert labels == [(f"({s})", n, f) for f in (4, 5) for s in (1, 2) for n in (1, 2)]


def test_a_source_that_ends_leaves_the_people_of_the_other(
    cli: CliRunner, tiny_bundle_path: Path, detector: Path, film: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, pixels in enumerate(tiny.frames(5, HEIGHT, WIDTH)):
        cv2.imwrite(str(photos / f"{number}.png"), pixels)
    arguments = [tiny_bundle_path, "--detector", detector, "--source", film, "--source", photos]
    out = tmp_path / "out.jsonl"
    words = ["--rate", "all", "--quiet", "--json", "--jsonl", str(out)]
    words += ["--save", str(tmp_path / "out.avi")]
    result = cli.invoke(main, [*map(str, arguments), *words])
    assert result.exit_code == 0, result.output
    assert f"{photos} has ended; the others go on" in result.stderr
    summary = json.loads(result.stdout)
    assert [each["frames"] for each in summary["sources"]] == [12, 5]
    assert (summary["scene"]["people"], summary["scene"]["most_people"]) == (4, 2)
    decisions = [line for line in lines_of(out.read_text()) if "tasks" in line]
    frames = [(line["track"]["number"], line["frame"]) for line in decisions]
    assert frames[:4] == [(1, 4), (2, 4)] * 2
    assert frames[4:] == [(n, f) for f in range(5, 12) for n in (1, 2)]
    for number, count in ((1, 12), (2, 5)):
        video = cv2.VideoCapture(str(tmp_path / f"out-{number}.avi"))
        assert video.get(cv2.CAP_PROP_FRAME_COUNT) == count


def test_nobody_is_an_answer(
    cli: CliRunner, tiny_bundle_path: Path, film: Path, tmp_path: Path
) -> None:
    path, bundle = tmp_path / "none.edge", ssd(TWO, [0.1, 0.1])
    write_bundle(path, bundle.manifest, bundle.members)
    arguments = [tiny_bundle_path, "--detector", path, "--source", film, "--jsonl", "-"]
    result = cli.invoke(main, [*map(str, arguments), "--quiet"])
    (line,) = lines_of(result.stdout)
    assert line["presence"]["count"] == 0
    assert "no decision: nobody was there" in result.stderr


BAD = {
    "--budget-ms 0": "0.0 is not in the range x>0",
    "--budget-ms -2": "-2.0 is not in the range x>0",
    "--budget-ms nan": "'nan' is not a finite number",
    "--max-people 0": "0 is not in the range x>=1",
    "--zone door=1,2,3,4": "has 2 points",
    "--zone door=0,0,9999,0,9999,9999": "outside of the frames",
    "--mask 0,0,1": "has an x without a y",
    "--region square": "--region goes without --detector",
    "--detector no-such": "there is no bundle 'no-such'",
    "--detector face": "face is no detector",
    "--detector /": "cannot be read: Is a directory",
}


@pytest.mark.parametrize("arguments", BAD)
def test_what_cannot_be_is_one_line(
    cli: CliRunner, detector: Path, film: Path, tmp_path: Path, arguments: str
) -> None:
    out = tmp_path / "out.jsonl"
    words = [
        "faces-in-motion",
        "--detector",
        str(detector),
        "--source",
        str(film),
        "--jsonl",
        str(out),
    ]
    result = cli.invoke(main, [*words, *arguments.split()])
    assert result.exit_code == 2
    assert BAD[arguments] in result.stderr.splitlines()[-1]
    assert not out.exists() or not out.read_text()


@pytest.mark.parametrize("output", ["ssd.toml", "ssd.tflite"])
@pytest.mark.parametrize("given", ["ssd.toml", "ssd.tflite"])
def test_no_output_destroys_the_detector(
    cli: CliRunner, film: Path, tmp_path: Path, given: str, output: str
) -> None:
    words = ["faces-in-motion", "--detector", str(tmp_path / given), "--source", str(film)]
    result = cli.invoke(main, [*words, "--jsonl", str(tmp_path / output)])
    assert result.exit_code == 2 and "is given twice" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [[], ["--budget-ms", "50"]])
def test_without_a_bundle_each_face_is_looked_at(
    cli: CliRunner, film: Path, words: list[str]
) -> None:
    arguments = ["--source", str(film), "--frames", "2", "--quiet", "--json"]
    summary = json.loads(cli.invoke(main, [*words, *arguments]).stdout)
    assert summary["bundle"] == "face" and summary["scene"]["people"] == 0


@pytest.mark.parametrize("words", ["--detector none", "--region square", "face"])
def test_a_detector_that_comes_along_can_be_left_out(
    cli: CliRunner, film: Path, words: str
) -> None:
    arguments = [*words.split(), "--source", str(film), "--frames", "2", "--quiet", "--json"]
    summary = json.loads(cli.invoke(main, arguments).stdout)
    assert summary["bundle"] == "face" and "scene" not in summary


@pytest.mark.parametrize(
    "option", ["--budget-ms 20", "--max-people 3", "--detect-every 2", "--zone a=0,0,1,1,0,1"]
)
def test_options_of_people_need_a_detector(cli: CliRunner, film: Path, option: str) -> None:
    result = cli.invoke(main, ["faces-in-motion", "--source", str(film), *option.split()])
    assert result.exit_code == 2
    assert f"{option.split()[0]} goes with --detector NAME" in result.stderr


def test_a_detector_is_no_network_that_answers(cli: CliRunner, detector: Path, film: Path) -> None:
    result = cli.invoke(main, [str(detector), "--source", str(film)])
    assert result.exit_code == 2
    assert "is a detector" in result.stderr and "--detector" in result.stderr


def test_network_and_detector_are_tested(cli: CliRunner, tiny_bundle_path: Path) -> None:
    arguments = [str(tiny_bundle_path), "--detector", "person", "--self-test"]
    result = cli.invoke(main, arguments)
    assert result.exit_code == 0, result.output
    network, detector = result.stdout.splitlines()
    assert network == "tiny: self-test passed: 4 decisions as expected, bit for bit"
    assert detector.startswith("person: self-test passed: 30 boxes as expected, ")
    summary = json.loads(cli.invoke(main, [*arguments, "--json"]).stdout)
    assert (summary["decisions"], summary["detector"]["decisions"]) == (4, 30)
    assert summary["detector"]["delegation"].keys() == {"detector"}


def test_a_detector_is_tested_also_if_the_network_fails(
    cli: CliRunner, tiny_bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = self_test.self_test

    def fail(bundle: Bundle, options: StreamOptions) -> self_test.SelfTest:
        if bundle.manifest.detection:
            return honest(bundle, options)
        raise SelfTestFailed("task action is off")

    monkeypatch.setattr(self_test, "self_test", fail)
    result = cli.invoke(main, [str(tiny_bundle_path), "--detector", "person", "--self-test"])
    assert result.exit_code == 1
    assert result.stdout.startswith("person: self-test passed: 30 boxes")
    assert result.stderr == "Error: tiny: task action is off\n"


def test_a_detector_without_golden_frames_is_no_self_test(
    cli: CliRunner, tiny_bundle_path: Path, detector: Path
) -> None:
    arguments = [str(tiny_bundle_path), "--detector", str(detector), "--self-test"]
    result = cli.invoke(main, arguments)
    assert result.exit_code == 2
    assert "test-detector holds no golden frames to test with" in result.stderr


@pytest.mark.usefixtures("unconfined")
def test_what_a_board_takes_is_predicted_of_all_parts(cli: CliRunner, film: Path) -> None:
    arguments = [
        "faces-in-motion",
        "--source",
        str(film),
        "--detector",
        "person",
        "--device",
        "emulated:pi-5",
    ]
    result = cli.invoke(main, [*arguments, "--frames", "4", "--quiet", "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    parts = {"encoder", "head", "detector"}
    assert summary["predicted"]["parts_ms"].keys() == summary["predicted"]["late"].keys() == parts
    assert summary["delegation"].keys() == parts


def counted(
    live: bool, rate_hz: float, measured_hz: float = 0.0, ended: bool = False, gap_s: float = 0.0
):
    """A source that announces one rate and gives frames at another; 0: not known yet."""

    class Sized(Source):
        def __iter__(self) -> Iterator[Frame]:
            return iter(())

        def measured_hz(self) -> float:
            return measured_hz

        def gap_s(self) -> float:
            return gap_s

    source = Sized("yard")
    source.live, source.rate_hz = live, rate_hz
    return SourceSummary(source, ended=ended)


@pytest.mark.parametrize(
    ("sources", "milliseconds"),
    [
        ([counted(True, 25.0)], 20.0),
        ([counted(True, 25.0), counted(True, 15.0), counted(False, 30.0)], 12.5),
        ([counted(True, 0.0), counted(True, 25.0)], 10.0),
        ([counted(True, float("nan"))], 20.0),
        ([counted(False, 25.0)], float("inf")),
        ([counted(True, 25.0, measured_hz=10.0)], 50.0),
        ([counted(True, 0.0, measured_hz=10.0), counted(True, 90.0, measured_hz=15.0)], 20.0),
        ([counted(True, 25.0, measured_hz=3000.0)], 20.0),
        ([counted(True, 25.0), counted(True, 25.0, ended=True)], 20.0),
        ([counted(True, 25.0, ended=True), counted(False, 25.0)], float("inf")),
        ([counted(True, 0.0, measured_hz=12.5), counted(True, 0.0, gap_s=3.0)], 40.0),
        ([counted(True, 25.0, measured_hz=12.5), counted(True, 25.0, 12.5, gap_s=3.0)], 40.0),
        ([counted(True, 0.0, measured_hz=15.0), counted(True, 0.0)], 12.5),
        ([counted(True, 0.0, gap_s=3.0)], 20.0),
    ],
)
def test_the_budget_is_half_of_a_live_source_s_time(sources, milliseconds: float) -> None:
    assert PeopleOptions("person").budget(sources)[0] == milliseconds
    assert PeopleOptions("person", budget_ms=7.0).budget(sources)[0] == 7.0


class TenHertz(web.Handler):
    """A camera of 10 frames a second; FFmpeg takes each such stream for one of 25."""

    def do_GET(self) -> None:
        jpegs = [cv2.imencode(".jpg", each)[1].tobytes() for each in tiny.frames(40, 48, 64)]
        self.send_images(jpegs, step_s=0.1)


def test_the_budget_of_a_stream_is_that_of_the_frames_that_come(
    cli: CliRunner, tiny_bundle_path: Path, detector: Path
) -> None:
    """From the second second on; until then what is announced holds."""
    budgets_ms = {}
    with web.serving(TenHertz) as address:
        for frames in (5, 30):
            arguments = [tiny_bundle_path, "--detector", detector, "--source", f"{address}/stream"]
            words = [*map(str, arguments), "--json", "--quiet", "--frames", str(frames)]
            result = cli.invoke(main, words)
            assert result.exit_code == 0, result.output
            budgets_ms[frames] = json.loads(result.stdout)["scene"]["budget_ms"]
    assert budgets_ms == {5: 20.0, 30: pytest.approx(50.0, rel=0.2)}


def test_nothing_of_it_is_loaded_without_a_detector(film: Path, tiny_bundle_path: Path) -> None:
    code = (
        "import sys\n"
        "from edge.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "rooms = ('edge.scene', 'edge.tracks', 'edge.detector', 'lap')\n"
        "sys.exit(any(name.startswith(rooms) for name in sys.modules))\n"
    )
    command = [sys.executable, "-c", code, str(tiny_bundle_path), "--source", str(film)]
    assert subprocess.run(command, check=False).returncode == 0


def test_from_python(tiny_bundle: Bundle) -> None:
    from edge import Scene

    scene = Scene(tiny_bundle, ssd(TWO, [0.9, 0.8]))
    for pixels in tiny.frames(6, HEIGHT, WIDTH):
        view = scene.push(pixels)
    assert view.presence.count == len(view.tracks) == len(view.decisions) == 2
    assert [decision.track for decision in view.decisions] == list(view.tracks)
    assert all(np.isfinite(d.tasks["size"].value) for d in view.decisions)


def test_the_detector_says_which_boxes_make_somebody_new(tiny_bundle: Bundle) -> None:
    from edge import Scene

    counts = []
    for sure in (0.5, 0.3):
        scene = Scene(tiny_bundle, ssd(TWO, [0.9, 0.4], score=0.1, sure=sure))
        views = [scene.push(pixels) for pixels in tiny.frames(3, HEIGHT, WIDTH)]
        counts.append(views[-1].presence.count)
    assert counts == [1, 2]
