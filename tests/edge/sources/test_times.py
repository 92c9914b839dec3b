"""When the frames of recordings were captured, and which of them a network of 25 frames/s gets."""

import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.sources import open_source
from tests.edge.sources.test_damaged_videos import make, needs_ffmpeg

THIRTY = ("-vf", "fps=30", "-pix_fmt", "yuv420p")
B_FRAMES = (*THIRTY, "-c:v", "libx264", "-bf", "3")
# 30 frames/s in the first second, 10 behind it: what phones do in the dark
UNEVEN = ("-vf", "fps=30,select='lt(n,30)+not(mod(n,3))'", "-fps_mode", "vfr", "-c:v", "libx264")


def times(path: Path) -> list[float]:
    with open_source(str(path)) as source:
        return [frame.time_s for frame in source if frame.time_s is not None]


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", B_FRAMES),
        ("a.mkv", B_FRAMES),
        ("a.avi", B_FRAMES),
        ("a.ts", B_FRAMES),
        ("a.mpg", (*THIRTY, "-c:v", "mpeg2video", "-bf", "2")),
        ("a.webm", (*THIRTY, "-c:v", "libvpx", "-deadline", "realtime")),
    ],
)
def test_each_container_says_when_its_frames_were_captured(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    steps_s = np.diff(times(make(tmp_path / name, *options, seconds=2)))
    assert len(steps_s) == 59
    assert np.abs(steps_s[:-5] - 1 / 30).max() < 0.001  # rounded to ms in some
    assert steps_s.min() > 0


@needs_ffmpeg
def test_if_none_is_said_frames_are_even(tmp_path: Path) -> None:
    film = make(tmp_path / "raw.h264", "-c:v", "libx264", "-bf", "2", seconds=2)
    assert times(film) == pytest.approx([number / 25 for number in range(50)])


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_rate_is_sampled_by_its_times(
    tmp_path: Path, cli: CliRunner, suffix: str
) -> None:
    film = make(tmp_path / f"uneven.{suffix}", *UNEVEN)
    assert times(film)[29:33] == pytest.approx([0.967, 1.0, 1.1, 1.2], abs=0.001)
    summary = run(cli, film)
    assert (summary["frames"], summary["rate_hz"]) == (60, 25.0)
    assert summary["sampled"] == pytest.approx(25 + 30, abs=1)


def run(cli: CliRunner, source: Path, *options: str) -> dict:
    result = cli.invoke(
        main, ["faces-in-motion", "--source", str(source), "--quiet", "--json", *options]
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@needs_ffmpeg
def test_a_faster_film_is_sampled_and_stays_whole_in_every_sink(
    tmp_path: Path, cli: CliRunner
) -> None:
    film, saved, lines = (
        make(tmp_path / "a.mp4", *B_FRAMES),
        tmp_path / "b.avi",
        tmp_path / "c.jsonl",
    )
    summary = run(cli, film, "--save", str(saved), "--jsonl", str(lines))
    assert (summary["frames"], summary["sampled"], summary["decisions"]) == (120, 100, 86)
    numbers = [json.loads(line)["frame"] for line in lines.read_text().splitlines()]
    assert set(np.diff(numbers)) == {1, 2}
    assert cv2.VideoCapture(str(saved)).get(cv2.CAP_PROP_FRAME_COUNT) == 120
    text = cli.invoke(main, ["faces-in-motion", "--source", str(film), "--quiet"]).output
    assert "120 frames, 100 sampled at 25 Hz, 86 decisions" in text


@needs_ffmpeg
@pytest.mark.parametrize(
    ("option", "sampled", "rate_hz"), [("all", 120, None), ("10", 40, 10.0), ("trained", 100, 25.0)]
)
def test_the_rate_can_be_chosen(
    tmp_path: Path, cli: CliRunner, option: str, sampled: int, rate_hz: float | None
) -> None:
    summary = run(cli, make(tmp_path / "a.mp4", *B_FRAMES), "--rate", option)
    assert (summary["sampled"], summary["rate_hz"]) == (sampled, rate_hz)
    assert summary["rate_warning"] is None


@needs_ffmpeg
def test_a_slower_film_passes_whole_and_that_is_said(tmp_path: Path, cli: CliRunner) -> None:
    summary = run(cli, make(tmp_path / "a.mp4", "-r", "10"))
    assert summary["frames"] == summary["sampled"] == 40
    assert "trained at 25 frames/s and got 10.0" in summary["rate_warning"]


@pytest.mark.parametrize("rate", ["0", "-5", "nan", "inf", "often"])
def test_what_is_no_rate_is_one_line(cli: CliRunner, rate: str) -> None:
    result = cli.invoke(main, ["faces-in-motion", "--source", "a.mp4", "--rate", rate])
    assert result.exit_code == 2
    assert "--rate" in result.stderr


def test_images_are_sampled_if_their_rate_is_given(image_folder: Path) -> None:
    with open_source(f"{image_folder}:rate=50") as source:
        assert [frame.time_s for frame in source][:3] == [0.0, 0.02, 0.04]
    with open_source(str(image_folder)) as source:
        assert {frame.time_s for frame in source} == {None}


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_a_phone_that_was_held_upright_is_shown_upright(tmp_path: Path, suffix: str) -> None:
    """Frames lie on their side in the file; a display matrix says how to turn them."""
    film, phone = make(tmp_path / "film.mp4", "-c:v", "mpeg4"), tmp_path / f"phone.{suffix}"
    turn = ["-c", "copy", "-metadata:s:v", "rotate=90"]  # FFmpeg 6 on: -display_rotation
    upright = tmp_path / "upright.png"
    for command in (["-i", film, *turn, phone], ["-i", phone, "-frames:v", "1", upright]):
        subprocess.run(["ffmpeg", "-v", "error", *map(str, command)], check=True)
    with open_source(str(phone)) as source:
        pixels = next(iter(source)).pixels
    assert pixels.shape == (320, 240, 3)
    assert cv2.absdiff(pixels, cv2.imread(str(upright))).mean() < 2
