"""edge-run as a user runs it: outputs, exit codes, one clear line for what is wrong."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner

from edge.bundle import Bundle, GateSpec, write_bundle
from edge.cli import main
from edge.sources import Source
from edge.summary import RunSummary, SourceSummary
from tests import tiny
from tests.signals import heed_interrupts


def _read_video(path: Path) -> list:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (picture := capture.read()[1]) is not None:
        frames.append(picture)
    return frames


def test_a_video_becomes_an_annotated_video_and_json_lines(
    cli: CliRunner, tiny_bundle_path: Path, video_path: Path, tmp_path: Path
) -> None:
    saved, lines = tmp_path / "out.mp4", tmp_path / "out.jsonl"
    arguments = [str(tiny_bundle_path), "--source", str(video_path)]
    done = cli.invoke(main, [*arguments, "--save", str(saved), "--jsonl", str(lines)])
    assert done.exit_code == 0, done.output
    assert "30 frames, 27 decisions, 0 dropped" in done.output
    for stage in ("preprocess", "encoder", "head", "p50", "p99", "peak memory"):
        assert stage in done.output
    decisions = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [decision["frame"] for decision in decisions] == list(range(3, 30))
    assert [decision["first_frame"] for decision in decisions] == list(range(27))
    fields = {"frame", "first_frame", "captured_at", "age_ms", "latency_ms", "tasks"}
    fields |= {"at", "time_s", "source", "bundle_sha256"}
    assert set(decisions[0]) == {*fields, "restart"} and set(decisions[1]) == fields
    assert set(decisions[0]["tasks"]) == {"kind", "size"}
    frames = _read_video(saved)
    assert len(frames) == 30
    assert frames[0].shape[1] == 480
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "out.mp4"]


def test_json_lines_on_stdout_leave_the_summary_to_stderr(
    cli: CliRunner, tiny_bundle_path: Path, image_folder: Path
) -> None:
    arguments = [
        str(tiny_bundle_path),
        "--source",
        str(image_folder),
        "--jsonl",
        "-",
        "--frames",
        "6",
    ]
    done = cli.invoke(main, arguments)
    assert done.exit_code == 0
    assert [json.loads(line)["frame"] for line in done.stdout.splitlines()] == [3, 4, 5]
    assert "6 frames, 3 decisions" in done.stderr


def test_the_summary_as_json(cli: CliRunner, tiny_bundle_path: Path, video_path: Path) -> None:
    done = cli.invoke(main, [str(tiny_bundle_path), "--source", str(video_path), "--json"])
    summary = json.loads(done.stdout)
    assert (summary["frames"], summary["decisions"], summary["dropped"]) == (30, 27, 0)
    assert summary["first_result_s"] > 0
    assert set(summary["latency_ms"]["encoder"]) == {"p50", "p90", "p99"}


def test_still_frames_cost_little_unless_the_gate_is_left_out(
    cli: CliRunner, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    gated, source = str(tmp_path / "gated.edge"), ["--source", str(tmp_path)]
    manifest = replace(tiny_bundle.manifest, schema=5, gate=GateSpec(1.0))
    write_bundle(gated, manifest, tiny_bundle.members)
    for number in range(8):
        cv2.imwrite(str(tmp_path / f"{number}.png"), tiny.frames(1)[0])
    done = cli.invoke(main, [gated, *source])
    assert "saved by the motion gate: encoder calls 50 %, head calls 80 %" in done.output
    done = cli.invoke(main, [gated, *source, "--json"])
    assert json.loads(done.stdout)["gate"] == {
        "encoder": {"calls": 4, "saved": 4, "share": 0.5},
        "head": {"calls": 1, "saved": 4, "share": 0.8},
    }
    for arguments in ([gated, *source, "--no-gate"], [str(tiny_bundle.path), *source]):
        assert json.loads(cli.invoke(main, [*arguments, "--json"]).stdout)["gate"] is None
        assert "motion gate" not in cli.invoke(main, arguments).output


def test_self_test(cli: CliRunner, tiny_bundle_path: Path) -> None:
    done = cli.invoke(main, [str(tiny_bundle_path), "--self-test"])
    assert done.exit_code == 0
    assert done.output == "self-test passed: 4 decisions as expected, bit for bit\n"


BUNDLE, VIDEO = "{bundle}", "{video}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([BUNDLE], "give one of --camera N and --source URI"),
        ([VIDEO], "clip.mp4 is no bundle but a source: edge-run --source"),
        (["rtsp://host/door"], "is no bundle but a source: edge-run --source rtsp://host/door"),
        (
            [BUNDLE, "--source", VIDEO, "--save", "a.mp4", "--save", "b.mp4"],
            "--save is given twice",
        ),
        (["none.edge", "--source", VIDEO], "there is no bundle 'none.edge'"),
        ([VIDEO, "--source", VIDEO], "is damaged or is no bundle"),
        ([BUNDLE, "--source", "none.mp4"], "there is no source none.mp4"),
        ([BUNDLE, "--source", BUNDLE], "holds no readable frame"),
        ([BUNDLE, "--camera", "77"], "camera 77 gives no picture"),
        ([BUNDLE, "--source", VIDEO, "--region", "9,9"], "region '9,9' is not understood"),
        ([BUNDLE, "--source", VIDEO, "--region", "0,0,900,9"], "does not fit"),
        ([BUNDLE, "--source", VIDEO, "--save", "x.gif"], "name ends in one of"),
        ([BUNDLE, "--source", VIDEO, "--save", "no/such/x.mp4"], "folder is missing"),
        ([BUNDLE, "--source", VIDEO, "--jsonl", "no/such/x"], "cannot be written"),
        (
            [BUNDLE, "--source", VIDEO, "--strict-delegate", "--delegate", "none.so"],
            "cannot be opened",
        ),
        (
            [BUNDLE, "--source", VIDEO, "--strict-delegate", "--delegate", "libc.so.6"],
            "no TFLite delegate",
        ),
        ([BUNDLE, "--source", VIDEO, "--labels", VIDEO], "go with a plain .tflite"),
        ([BUNDLE, "--source", VIDEO, "--save", VIDEO], "is given twice"),
        ([BUNDLE, "--source", VIDEO, "--jsonl", VIDEO], "is given twice"),
        ([BUNDLE, "--source", VIDEO, "--jsonl", BUNDLE], "is given twice"),
        ([BUNDLE, "--source", VIDEO, "--save", "x.mp4", "--jsonl", "x.mp4"], "is given twice"),
        (["none.tflite", "--source", VIDEO], "cannot be read"),
        (["{model}", "--source", VIDEO], "make a bundle of it with edge-convert first"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    cli: CliRunner,
    tiny_bundle_path: Path,
    tiny_model_path: Path,
    video_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    paths = {"bundle": tiny_bundle_path, "model": tiny_model_path, "video": video_path}
    filled = [argument.format(**paths) for argument in arguments]
    done = cli.invoke(main, filled)
    assert done.exit_code == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_an_existing_output_is_untouched_when_the_source_is_bad(
    cli: CliRunner, tiny_bundle_path: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "kept.jsonl"
    lines.write_text("precious\n")
    arguments = [str(tiny_bundle_path), "--source", "none.mp4", "--jsonl", str(lines)]
    assert cli.invoke(main, arguments).exit_code == 2
    assert lines.read_text() == "precious\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_leaves_whole_outputs(
    tiny_bundle_path: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """The video is far too long to be over when the signal comes."""
    saved, lines = tmp_path / "out.mp4", tmp_path / "out.jsonl"
    source = _long_video(tmp_path / "long.avi")
    child = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", str(tiny_bundle_path), "--source", str(source)]
        + ["--save", str(saved), "--jsonl", str(lines)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        preexec_fn=heed_interrupts,
    )
    while not (lines.exists() and lines.read_text().count("\n") > 5):
        assert child.poll() is None, child.stderr.read()
    child.send_signal(number)
    output, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert errors.strip() == "Interrupted."
    assert "decisions" in output
    decisions = [json.loads(line) for line in lines.read_text().splitlines()]
    frames = _read_video(saved)
    assert len(frames) > len(decisions) > 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.avi", "out.jsonl", "out.mp4"]


def _long_video(path: Path) -> Path:
    from tests import tiny

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for frame in tiny.frames(6000, 48, 64):
        writer.write(frame)
    writer.release()
    return path


def test_a_reader_that_leaves_ends_the_run_quietly(
    tiny_bundle_path: Path, video_path: Path
) -> None:
    command = f"{sys.executable} -m edge.cli {tiny_bundle_path} --source {video_path} --jsonl - | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert json.loads(done.stdout)["frame"] == 3
    assert "Traceback" not in done.stderr


class Nothing(Source):
    def __init__(self, total: int | None = None, rate_hz: float = 0.0) -> None:
        super().__init__("s")
        self.total, self.rate_hz, self.live = total, rate_hz, total is None

    def __iter__(self):
        yield from ()


def summary_of(source: Source, frames: int, wall_s: float, trained_rate_hz: float) -> RunSummary:
    sources = [SourceSummary(source, frames)]
    return RunSummary("b", sources, "litert", wall_s=wall_s, trained_rate_hz=trained_rate_hz)


def test_another_frame_rate_than_in_training_is_said() -> None:
    def warning(trained_rate_hz: float, **fields) -> str | None:
        return summary_of(Nothing(**fields), 100, 10.0, trained_rate_hz).rate_warning

    assert "25 frames/s and got 10.0" in warning(25.0)
    assert "got 60.0" in warning(25.0, total=100, rate_hz=60.0)
    assert warning(25.0, total=100, rate_hz=30.0) is None
    assert warning(0.0) is None


def test_how_fast_images_are_read_is_no_frame_rate() -> None:
    assert summary_of(Nothing(total=100), 100, 0.1, 25.0).rate_warning is None


def test_an_outage_does_not_lower_the_frame_rate() -> None:
    """25 frames/s, twice away for a minute: once with a reconnection, once frozen."""
    summary = summary_of(Nothing(), 300, 132.0, 25.0)
    arrivals = summary.sources[0].arrivals
    for number in range(300):
        outage_s = 60.0 * (number >= 100) + 60.0 * (number >= 200)
        arrivals.add(outage_s + number / 25, restart=number == 100)
    assert arrivals.rate_hz == pytest.approx(25.0)
    assert summary.rate_warning is None


def test_a_camera_that_is_slower_than_the_training_is_said() -> None:
    """Two frames every 200 ms, as over some networks."""
    summary = summary_of(Nothing(), 300, 30.0, 25.0)
    for number in range(300):
        summary.sources[0].arrivals.add(number // 2 * 0.2 + number % 2 * 0.001)
    assert "25 frames/s and got 10.0" in summary.rate_warning


def test_labels_in_another_encoding_are_one_line(
    cli: CliRunner, video_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "l.txt").write_bytes("gr\u00fcn\n".encode("latin-1"))
    arguments = ["none.tflite", "--source", str(video_path), "--labels", str(tmp_path / "l.txt")]
    done = cli.invoke(main, arguments)
    assert done.exit_code == 2
    assert "save it as UTF-8" in done.stderr


def test_a_run_that_is_too_short_says_so(
    cli: CliRunner, tiny_bundle_path: Path, video_path: Path
) -> None:
    arguments = [str(tiny_bundle_path), "--source", str(video_path), "--frames", "2"]
    done = cli.invoke(main, arguments)
    assert "no decision: the window of 4 frames was never full" in done.output


@pytest.mark.parametrize("room", ["convert", "models"])
def test_what_a_board_has_not_installed_is_one_line(room: str, tiny_model_path: Path) -> None:
    """On a board edge-convert and edge-train stand on the PATH, and tensorflow is not there."""
    arguments = {
        "convert": [str(tiny_model_path), "--explain"],
        "models": ["models/configs/orl_motion_lite.toml", "-o", "never.keras"],
    }[room]
    code = (
        "import sys\n"
        "sys.modules.update(tensorflow=None, keras=None)\n"
        f"from {room}.cli import main\n"
        f"main({arguments!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "[convert]'" in done.stderr
    assert "Traceback" not in done.stderr
