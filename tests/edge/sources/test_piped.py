"""Frames through pipes: formats byte for byte, and real programs on the other side."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sources import FrameNeeds, open_source, piped
from edge.sources.live import LiveSource
from edge.sources.raw import JpegFrames, PixelLayout, RawFrames
from edge_common import SourceError, children
from tests import tiny
from tests.edge.sources.test_formats import pipe_of

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")


def _jpeg(frame: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".jpg", frame, options)[1].tobytes()


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("640x480", PixelLayout(640, 480)),
        ("64x48@12.5", PixelLayout(64, 48, "bgr", 12.5)),
        ("2x2@25:i420", PixelLayout(2, 2, "i420", 25.0)),
        ("2x2:j420", PixelLayout(2, 2, "i420", full_range=True)),
        ("3x2:gray", PixelLayout(3, 2, "gray")),
    ],
)
def test_layouts(text: str, layout: PixelLayout) -> None:
    assert PixelLayout.parse(text) == layout


@pytest.mark.parametrize(
    "text", ["", "640", "0x5", "3x2:i420", "4x4:nv12", "4x4@nan", "99999x99999"]
)
def test_what_is_no_layout(text: str) -> None:
    with pytest.raises(ValueError, match="x|size"):
        PixelLayout.parse(text)


@pytest.mark.parametrize(
    ("layout", "content", "colour"),
    [
        (PixelLayout(2, 2), bytes([1, 2, 3] * 4), [1, 2, 3]),
        (PixelLayout(2, 2, "rgb"), bytes([3, 2, 1] * 4), [1, 2, 3]),
        (PixelLayout(2, 2, "gray"), bytes([7] * 4), [7, 7, 7]),
        (PixelLayout(2, 2, "i420"), bytes([81] * 4 + [90, 240]), [0, 0, 255]),
        (PixelLayout(2, 2, "i420", full_range=True), bytes([76] * 4 + [85, 255]), [0, 0, 254]),
        (PixelLayout(2, 2, "i420", full_range=True), bytes([255] * 4 + [128] * 2), [255] * 3),
    ],
)
def test_pixels_come_as_bgr(layout: PixelLayout, content: bytes, colour: list[int]) -> None:
    frames, pipe = RawFrames(layout), pipe_of(content + content[:-1])
    assert frames.begin(pipe)
    pixels = frames.frame(pipe)
    assert pixels is not None and pixels.shape == (2, 2, 3) and pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - colour).max() <= 2
    assert frames.frame(pipe) is None  # half a frame


def test_jpeg_images_one_behind_the_other() -> None:
    images = tiny.frames(3, 48, 64)
    thumbnail = b"\xff\xe1" + (2 + 300).to_bytes(2, "big") + _jpeg(images[0])[:298] + b"\xff\xd9"
    first = _jpeg(images[0])
    content = [
        first[:2] + thumbnail + first[2:],  # with an end inside
        b"\0" * 100,  # as some cameras pad
        _jpeg(images[1], cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        b"\xff\xd8\xff\xd9",  # nothing to decode
        _jpeg(images[2], cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        first[: len(first) // 2],
    ]
    frames, pipe = JpegFrames(), pipe_of(b"".join(content))
    assert frames.begin(pipe)
    for image in images:
        expected = cv2.imdecode(np.frombuffer(_jpeg(image), np.uint8), cv2.IMREAD_COLOR)
        pixels = frames.frame(pipe)
        assert pixels is not None and np.abs(pixels.astype(int) - expected).max() < 60
    assert frames.frame(pipe) is None


@pytest.mark.parametrize(
    ("needs", "shape"),
    [
        (FrameNeeds(), (96, 128)),
        (FrameNeeds((128, 97)), (96, 128)),
        (FrameNeeds((64, 48)), (48, 64)),
        (FrameNeeds((33, 20)), (48, 64)),
        (FrameNeeds((32, 24)), (24, 32)),
        (FrameNeeds((2, 2)), (12, 16)),
    ],
)
def test_jpeg_images_are_decoded_as_small_as_can_be(
    needs: FrameNeeds, shape: tuple[int, int]
) -> None:
    frames, pipe = JpegFrames(needs), pipe_of(_jpeg(tiny.frames(1, 96, 128)[0]))
    pixels = frames.frame(pipe)
    assert pixels is not None and pixels.shape == (*shape, 3)


def test_a_marker_may_have_many_fill_bytes() -> None:
    image = _jpeg(tiny.frames(1, 96, 128)[0])
    filled = image.replace(b"\xff\xc0", b"\xff" * 30_000 + b"\xc0", 1)
    frame, expected = (JpegFrames().frame(pipe_of(content)) for content in (filled, image))
    assert np.array_equal(frame, expected)


def test_what_is_no_jpeg_is_refused() -> None:
    with pytest.raises(SourceError, match="no JPEG images came"):
        JpegFrames().begin(pipe_of(b"no image " * 5000))


def test_a_frame_that_comes_in_pieces_is_whole() -> None:
    reader, writer = os.pipe()
    frames, content = RawFrames(PixelLayout(4, 4)), bytes(range(48))
    with open(reader, "rb", buffering=0) as file:
        pipe = piped.PatientPipe(file)
        for piece in (content[:5], content[5:30]):
            os.write(writer, piece)
            pipe.deadline = time.monotonic() + 0.01
            with pytest.raises(TimeoutError):
                pipe.resume(frames.frame)
        os.write(writer, content[30:] + content[:1])
        pipe.deadline = time.monotonic() + 5
        pixels = pipe.resume(frames.frame)
        assert pixels is not None and pixels.tobytes() == content
        os.close(writer)
        assert pipe.resume(frames.frame) is None


@pytest.fixture
def fifo(tmp_path: Path) -> str:
    path = str(tmp_path / "frames")
    os.mkfifo(path)
    return path


@contextlib.contextmanager
def _writing(path: str, *pieces: bytes, pause_s: float = 0.0) -> Iterator[None]:
    def write() -> None:
        with contextlib.suppress(BrokenPipeError), open(path, "wb", buffering=0) as file:
            for number, piece in enumerate(pieces):
                time.sleep(pause_s if number else 0)
                file.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    yield
    thread.join(20)


def _y4m(count: int) -> bytes:
    return b"YUV4MPEG2 W16 H16 F25:1 C420\n" + (b"FRAME\n" + bytes([128]) * 384) * count


def test_a_named_pipe_ends_with_its_last_whole_frame(fifo: str) -> None:
    with _writing(fifo, b"Y", _y4m(3)[1:-10], pause_s=0.05), open_source(fifo) as source:
        assert [frame.pixels.shape for frame in source] == [(16, 16, 3)] * 2
        assert source.rate_hz == 25 and source.name == fifo


def test_a_named_pipe_says_that_it_waits_for_its_writer(
    fifo: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piped, "_SOON_S", 0.01)
    late = threading.Timer(0.3, lambda: Path(fifo).write_bytes(_y4m(2)))
    late.start()
    with open_source(fifo) as source:
        assert len(list(source)) == 2
    assert f"{fifo}: waiting for a program that writes frames into it" in capsys.readouterr().err


def test_a_pipe_that_is_silent_is_waited_for(fifo: str, capsys: pytest.CaptureFixture[str]) -> None:
    content = _y4m(3)
    pieces = (content[:-500], content[-500:])
    with (
        _writing(fifo, *pieces, pause_s=0.6),
        open_source(f"fifo:{fifo}:stall_after=0.2") as source,
    ):
        frames = list(source)
    assert [frame.restart for frame in frames] == [False, True, False]
    assert source.gaps is not None and (source.gaps.stalls, source.gaps.reconnects) == (1, 0)
    assert 0.2 <= source.gaps.longest_s < 30
    assert "waiting for more" in capsys.readouterr().err


def test_a_silent_pipe_is_closed_at_once(fifo: str) -> None:
    with contextlib.ExitStack() as stack:
        writer = threading.Thread(target=lambda: stack.enter_context(open(fifo, "wb", buffering=0)))
        writer.start()
        source_thread: list[LiveSource] = []
        reader = threading.Thread(
            target=lambda: source_thread.append(open_source(f"fifo:{fifo}:stdin_format=raw:4x4"))
        )
        reader.start()
        writer.join(10)
        handle = os.open(fifo, os.O_WRONLY)
        os.write(handle, bytes(48))
        reader.join(10)
        began = time.monotonic()
        source_thread[0].close()
        assert time.monotonic() - began < 1.0
        os.close(handle)


@pytest.mark.parametrize("form", ["mjpeg", ""])
def test_jpeg_images_through_a_named_pipe(fifo: str, form: str) -> None:
    jpegs = [_jpeg(frame) for frame in tiny.frames(3, 48, 64)]
    with _writing(fifo, *jpegs), open_source(f"fifo:{fifo}:stdin_format={form}") as source:
        assert [frame.pixels.shape for frame in source] == [(48, 64, 3)] * 3


@pytest.mark.parametrize(
    ("content", "form", "reason"),
    [
        (b"", "", "ended before it gave a frame"),
        (b"", "y4m", "ended before it gave a frame"),
        (bytes(40), "raw:4x4", "ended before it gave a frame"),
        (b"Y", "", "gives no picture"),
        (b"YUV4MPEG2 W0 H0\n", "", "gives no picture: YUV4MPEG2 of the form"),
        (b"hello\n" * 9, "y4m", "gives no picture: no YUV4MPEG2 but b'hello' came"),
        (b"hello\n" * 9, "", "bare pixels need --stdin-format raw:WxH:bgr"),
        (b"hello\n" * 9, "mjpeg", "ended before it gave a frame"),
    ],
)
def test_what_a_pipe_cannot_give(fifo: str, content: bytes, form: str, reason: str) -> None:
    with _writing(fifo, content), pytest.raises(SourceError) as error:
        open_source(f"fifo:{fifo}:stdin_format={form}")
    assert reason in str(error.value)


@pytest.mark.parametrize("form", ["h264", "raw:4x", "raw:4x4:nv12"])
def test_formats_that_there_are_not(fifo: str, form: str) -> None:
    with pytest.raises(SourceError, match="bgr|rgb|gray|i420"):  # before anybody writes
        open_source(f"fifo:{fifo}:stdin_format={form}")


_CLI = children.module_command("edge.cli")


def _run(bundle: Path, stdin: object, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*_CLI, str(bundle), "--source", "-", "--quiet", *options]
    return subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=120)  # type: ignore[call-overload]


def _ffmpeg(*options: str) -> subprocess.Popen[bytes]:
    """Twelve frames, as fast as their clock."""
    source = ["-re", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10", "-frames:v", "12"]
    command = ["ffmpeg", "-loglevel", "error", "-nostdin", *source, *options, "-"]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("encoding", "form"),
    [
        (("-f", "yuv4mpegpipe", "-pix_fmt", "yuv420p"), ()),
        (("-f", "mjpeg"), ()),
        (("-f", "rawvideo", "-pix_fmt", "bgr24"), ("--stdin-format", "raw:64x48@10")),
        (("-f", "matroska", "-c:v", "mjpeg"), ()),  # by FFmpeg
    ],
)
def test_ffmpeg_into_edge_run(
    tiny_bundle_path: Path, encoding: tuple[str, ...], form: tuple[str, ...]
) -> None:
    with _ffmpeg(*encoding) as writer:
        done = _run(tiny_bundle_path, writer.stdout, "--json", *form)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["source"] == "standard input"
    assert summary["frames"] >= 8 and summary["frames"] + summary["dropped"] == 12


def test_rpicam_vid_into_edge_run(tiny_bundle_path: Path) -> None:
    """By its stand-in."""
    stub = Path(__file__).with_name("rpicam_vid.py")
    options = ["--codec", "yuv420", "-o", "-", "-n", "-t", "0", "--camera", "0"]
    options += ["--width", "64", "--height", "48"]
    with subprocess.Popen([sys.executable, str(stub), *options], stdout=subprocess.PIPE) as writer:
        form = ("--stdin-format", "raw:64x48@30:j420", "--frames", "10")
        done = _run(tiny_bundle_path, writer.stdout, *form)
        writer.kill()
    assert done.returncode == 0 and "10 frames" in done.stdout, done.stderr


def test_a_file_as_standard_input_drops_nothing(
    tiny_bundle_path: Path, video_path: Path, tmp_path: Path
) -> None:
    frames = tmp_path / "frames"
    frames.write_bytes(bytes(64 * 48 * 3) * 200)
    with frames.open("rb") as file:
        done = _run(tiny_bundle_path, file, "--stdin-format", "raw:64x48")
    assert done.returncode == 0 and "200 frames" in done.stdout, done.stderr
    with video_path.open("rb") as file:
        done = _run(tiny_bundle_path, file)
    assert done.returncode == 0 and "dropped" not in done.stdout.replace("0 dropped", ""), (
        done.stderr
    )


def test_nothing_as_standard_input_is_said(tiny_bundle_path: Path) -> None:
    done = _run(tiny_bundle_path, subprocess.DEVNULL)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    done = _run(tiny_bundle_path, subprocess.DEVNULL, "--stdin-format", "jpeg")
    assert done.returncode == 2 and "y4m, mjpeg or raw:" in done.stderr
    command = ["sh", "-c", '"$@" <&-', "sh", *_CLI, str(tiny_bundle_path), "--source", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "standard input is closed" in done.stderr
