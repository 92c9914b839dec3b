"""Films that are damaged, cut off, or cannot be decoded: what can be read, and what is said of it."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner

from edge.check.clips import windows_of
from edge.cli import main
from edge.sources import open_source
from edge.stream import Resizer
from edge_common.errors import SourceError

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="needs ffmpeg: apt-get install ffmpeg")


def make(path: Path, *options: str, seconds: float = 4) -> Path:
    """A film of 25 frames/s, 320 x 240."""
    pattern = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-t", str(seconds)]
    subprocess.run([str(FFMPEG), "-v", "error", *pattern, *options, str(path)], check=True)
    return path


def damage(film: Path, path: Path) -> Path:
    """The same film with 20,000 bytes of zeros in its middle."""
    content = bytearray(film.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """`whole`, `gap` and `half` as .mp4 and .mkv."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in ("mp4", "mkv"):
            codec = ["-c:v", "mpeg4", "-q:v", "2", "-g", "12", "-movflags", "+faststart"]
            whole = make(folder / f"whole.{suffix}", *codec)
            damage(whole, folder / f"gap.{suffix}")
            content = whole.read_bytes()
            (folder / f"half.{suffix}").write_bytes(content[: len(content) // 2])
        yield folder


def read(path: Path) -> tuple[list[int], list[int], int, str]:
    """Numbers of the frames, of those that restart a window, what was skipped, and the warning."""
    with open_source(str(path)) as source:
        frames = list(source)
    numbers = [frame.number for frame in frames]
    restarts = [frame.number for frame in frames if frame.restart]
    return numbers, restarts, source.skipped, source.warning


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_whole_film_has_no_gap(folder: Path, suffix: str) -> None:
    assert read(folder / f"whole.{suffix}") == (list(range(100)), [], 0, "")


@needs_ffmpeg
def test_a_film_goes_on_behind_what_cannot_be_read(folder: Path) -> None:
    numbers, (restart,), skipped, warning = read(folder / "gap.mp4")
    assert numbers[-1] == 99 and len(numbers) == 100 - skipped
    assert 1 <= skipped <= 20
    assert numbers == [*range(restart - skipped), *range(restart, 100)]
    assert f"announces 100 frames, {100 - skipped} could be read" in warning
    assert f"{skipped} are damaged" in warning


@needs_ffmpeg
def test_a_gap_that_the_decoder_passes_over_is_seen_by_the_clock(folder: Path) -> None:
    numbers, restarts, skipped, warning = read(folder / "gap.mkv")
    assert len(restarts) == 1 and skipped > 0
    assert restarts[0] - numbers[numbers.index(restarts[0]) - 1] == skipped + 1
    assert f"announces 100 frames, {len(numbers)} could be read" in warning


@needs_ffmpeg
def test_time_stamps_that_jump_by_years_are_no_damage(tmp_path: Path) -> None:
    jump = ["-c:v", "mpeg4", "-bsf:v", "setts=ts=TS+gte(N\\,50)*25*100000000"]
    assert read(make(tmp_path / "jump.mkv", *jump)) == (list(range(100)), [50], 0, "")


@needs_ffmpeg
def test_a_film_that_was_cut_off_says_so(folder: Path) -> None:
    numbers, _, skipped, warning = read(folder / "half.mkv")
    assert 40 <= len(numbers) <= 60
    missing = 100 - len(numbers) - skipped
    assert f"announces 100 frames, {len(numbers)} could be read" in warning
    assert f"{missing} are not there: it is damaged, or was cut off while copying" in warning


@needs_ffmpeg
def test_frames_at_a_varying_rate_are_no_gap(tmp_path: Path) -> None:
    """As of a phone or a screen: every frame stands between 1 and 9 periods after the one before."""
    varied = ["-vf", "select='not(mod(n\\,10))+lt(mod(n\\,20)\\,6)'", "-fps_mode", "vfr"]
    numbers, restarts, skipped, warning = read(make(tmp_path / "varied.mkv", *varied))
    assert (restarts, skipped, warning) == ([], 0, "")
    assert numbers == list(range(len(numbers)))


@needs_ffmpeg
def test_the_summary_says_what_was_lost(
    cli: CliRunner, folder: Path, tiny_bundle_path: Path
) -> None:
    arguments = [str(tiny_bundle_path), "--source", str(folder / "gap.mp4")]
    numbers, _, skipped, warning = read(folder / "gap.mp4")
    text = cli.invoke(main, arguments)
    assert text.exit_code == 0
    # each stretch begins with a window of 4
    counts = f"{len(numbers)} frames of 100 announced, {len(numbers) - 6} decisions, 0 dropped"
    assert f"{counts}, {skipped} unreadable" in text.output
    assert warning in text.output
    summary = json.loads(cli.invoke(main, [*arguments, "--json"]).stdout)
    assert (summary["announced"], summary["frames"]) == (100, len(numbers))
    assert (summary["skipped"], summary["source_warning"]) == (skipped, warning)


@needs_ffmpeg
def test_no_clip_spans_a_gap(folder: Path) -> None:
    _, (restart,), skipped, _ = read(folder / "gap.mp4")
    with open_source(str(folder / "gap.mp4")) as source:
        clips = list(windows_of(source, 10, Resizer((32, 32))))
    assert len(clips) == (restart - skipped) // 10 + (100 - restart) // 10
    assert all(clip.shape == (10, 32, 32, 3) for clip in clips)


def test_a_film_of_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match="is empty: was it copied to its end"):
        open_source(str(tmp_path / "empty.mp4"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody without rights")
def test_a_film_that_may_not_be_read_is_said(video_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(shutil.copy(video_path, name))
        Path(name).chmod(0o755)
        path.chmod(0o600)
        os.seteuid(65534)
        try:
            with pytest.raises(SourceError, match="may not be read \\(Permission denied\\)"):
                open_source(str(path))
        finally:
            os.seteuid(0)


def test_a_name_with_colons_is_a_name(
    video_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As cameras write times; FFmpeg alone takes `12` for a protocol."""
    shutil.copy(video_path, tmp_path / "12:30:05.mp4")
    monkeypatch.chdir(tmp_path)
    with open_source("12:30:05.mp4") as source:
        assert (source.total, len(list(source))) == (30, 30)


@needs_ffmpeg
def test_a_codec_without_decoder_is_named(tmp_path: Path) -> None:
    film = make(tmp_path / "film.mp4", "-c:v", "libaom-av1", "-cpu-used", "8", seconds=0.2)
    if cv2.VideoCapture(str(film)).read()[0]:
        pytest.skip("this OpenCV decodes AV1")
    with pytest.raises(SourceError, match=r"no decoder for its codec \(AV01\).*ffmpeg -i IN"):
        open_source(str(film))


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"), [("x.ts", ()), ("x.m2ts", ("-mpegts_m2ts_mode", "1"))]
)
def test_a_transport_stream_that_was_cut_off_is_said_to_be(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    """It never says how long it is; but all its packets are of one size."""
    whole = make(tmp_path / name, "-c:v", "mpeg2video", *options)
    assert read(whole)[3] == ""
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2 // 192 // 188 * 192 * 188 + 100])
    assert read(whole)[3].endswith("it ends inside of a packet: it was cut off while copying")
