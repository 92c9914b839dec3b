"""How frames are read from a pipe: whole, in their colours, and never half of one."""

import os
import shutil
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from edge.sources.capture_process import CaptureProcess
from edge.sources.formats import FRAME, START, Pipe, TaggedFrames, Yuv4Mpeg
from edge_common import SourceError

RED, GREEN, BLUE, GREY = (0, 0, 255), (0, 255, 0), (255, 0, 0), (128, 128, 128)


def pipe_of(content: bytes) -> Pipe:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(content)
    pipe = Pipe(os.fdopen(reader, "rb", buffering=0))
    pipe.deadline = time.monotonic() + 5
    return pipe


def y4m(head: str, *planes: int, count: int = 1) -> bytes:
    """Frames of 4 x 2 in one colour each: so many bytes of each value."""
    sizes = {"C420": (8, 2, 2), "C422": (8, 4, 4), "C444": (8, 8, 8), "Cmono": (8,)}
    (form,) = (key for key in sizes if key in head)
    body = b"".join(bytes([value]) * size for value, size in zip(planes, sizes[form]))
    return f"YUV4MPEG2 W4 H2 F30000:1001 Ip {head}\n".encode() + (b"FRAME\n" + body) * count


@pytest.mark.parametrize("form", ["C420jpeg", "C420mpeg2", "C422", "C444"])
@pytest.mark.parametrize(
    ("planes", "range_field", "colour"),
    [
        ((76, 85, 255), "XCOLORRANGE=FULL", RED),
        ((150, 44, 21), "XCOLORRANGE=FULL", GREEN),
        ((82, 90, 240), "XCOLORRANGE=LIMITED", RED),
        ((145, 54, 34), "", GREEN),
        ((41, 240, 110), "", BLUE),
        ((126, 128, 128), "", GREY),
    ],
)
def test_colours_of_yuv4mpeg_come_as_bgr(form, planes, range_field, colour) -> None:
    pipe, reader = pipe_of(y4m(f"{form} {range_field}", *planes)), Yuv4Mpeg()
    assert reader.begin(pipe)
    assert reader.rate_hz == pytest.approx(29.97, abs=0.001)
    frame = reader.frame(pipe)
    assert frame.shape == (2, 4, 3)
    assert np.abs(frame.astype(int) - colour).max() <= 2
    assert reader.frame(pipe) is None


def test_grey_yuv4mpeg_has_no_colour() -> None:
    pipe, reader = pipe_of(y4m("Cmono XCOLORRANGE=FULL", 77)), Yuv4Mpeg()
    assert reader.begin(pipe)
    assert (reader.frame(pipe) == 77).all()


@pytest.mark.parametrize("lost_bytes", [1, 8, 12, 17])
def test_half_a_frame_is_none(lost_bytes: int) -> None:
    pipe, reader = pipe_of(y4m("C420jpeg", 1, 2, 3, count=2)[:-lost_bytes]), Yuv4Mpeg()
    assert reader.begin(pipe)
    assert reader.frame(pipe) is not None
    assert reader.frame(pipe) is None


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF....AVI LIST\n",
        b"YUV4MPEG2 H2 F25:1\n",
        b"YUV4MPEG2 W4 Hx F25:1\n",
        b"YUV4MPEG2 W0 H2 F25:1\n",
        b"YUV4MPEG2 W99999 H99999 F25:1 C420\n",
        b"YUV4MPEG2 W4 H2 F25:1 C420p10\n",
        b"YUV4MPEG2 W4 H2 F25:1 C411\n",
        b"YUV4MPEG2 W4 H2 F25\n",
        b"x" * 1000,
        b"x" * 9000,
    ],
)
def test_garbage_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(SourceError, match="YUV4MPEG2"):
        Yuv4Mpeg().begin(pipe_of(content))


@pytest.mark.parametrize(
    ("rate", "rate_hz"),
    [
        ("30:1", 30.0),
        ("1:60", 1 / 60),
        *((rate, 0.0) for rate in ("0:0", "0:1", "-25:1", "25:-1", "9" * 400 + ":1")),
    ],
)
def test_a_rate_that_no_camera_has_is_none(rate: str, rate_hz: float) -> None:
    reader = Yuv4Mpeg()
    assert reader.begin(pipe_of(y4m("C444", 1).replace(b"30000:1001", rate.encode())))
    assert reader.rate_hz == rate_hz


def test_a_frame_may_have_long_parameters() -> None:
    content = y4m("C444", 1, 2, 3, count=2).replace(b"FRAME\n", b"FRAME X" + b"y" * 1000 + b"\n")
    pipe, reader = pipe_of(content), Yuv4Mpeg()
    assert reader.begin(pipe)
    assert all(reader.frame(pipe) is not None for _ in range(2))
    assert reader.frame(pipe) is None


def test_garbage_between_frames_is_refused() -> None:
    pipe, reader = pipe_of(y4m("C444", 1, 2, 3) + b"GARBAGE GARBAGE\n" * 3), Yuv4Mpeg()
    assert reader.begin(pipe)
    assert reader.frame(pipe) is not None
    with pytest.raises(SourceError, match="GARBA"):
        reader.frame(pipe)


def test_tagged_frames_may_change_their_size() -> None:
    content = START.pack(12.5, -1) + FRAME.pack(1, 2) + bytes(6) + FRAME.pack(2, 1) + bytes(6)
    pipe, reader = pipe_of(content), TaggedFrames()
    assert reader.begin(pipe)
    assert (reader.rate_hz, reader.count) == (12.5, None)
    assert [reader.frame(pipe).shape for _ in range(2)] == [(1, 2, 3), (2, 1, 3)]
    assert reader.frame(pipe) is None


def test_what_a_program_says_takes_no_room_and_stops_no_frame() -> None:
    script = "for i in $(seq 20000); do echo message $i >&2; done; printf 12345678"
    child = subprocess.Popen(["sh", "-c", script], bufsize=0, stdout=-1, stderr=-1)
    pipe = Pipe(child.stdout, child.stderr)
    pipe.deadline = time.monotonic() + 60
    assert pipe.read(8) == b"12345678"
    assert pipe.read(1) is None
    assert pipe.messages.startswith("message 1\n")
    assert pipe.messages.endswith("message 20000\n")
    assert len(pipe.messages) <= 32_768
    assert child.wait() == 0


CHILD = """
import sys, time
def frames(*levels):
    for level in levels:
        sys.stdout.buffer.write(b"FRAME\\n" + bytes([level] * 4))
    sys.stdout.buffer.flush()
sys.stdout.buffer.write(b"YUV4MPEG2 W2 H2 Cmono XCOLORRANGE=FULL\\n")
frames(1, 2, 3, 4, 5)
"""


@pytest.mark.parametrize(
    ("script", "levels"),
    [
        ("time.sleep(0.5); frames(6)", [5, 6, None]),
        ("sys.stdout.buffer.write(b'FRA'); sys.stdout.buffer.flush(); time.sleep(60)", [5, None]),
    ],
)
def test_what_waited_while_a_program_was_started_is_left_out(script: str, levels: list) -> None:
    command = [sys.executable, "-c", CHILD + script]
    capture = CaptureProcess("child", command, 30, Yuv4Mpeg())
    capture.skip_backlog()
    read = [capture.read(30) for _ in levels]
    assert [None if pixels is None else int(pixels[0, 0, 0]) for pixels in read] == levels
    capture.close()


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p"])
def test_what_ffmpeg_writes_has_the_colours_that_it_was_given(pixels: str) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32], image[:24, 32:], image[24:, 32:] = (40, 90, 200), (200, 60, 20), (30, 160, 60)
    png = cv2.imencode(".png", image)[1].tobytes()
    command = f"ffmpeg -v error -f image2pipe -i - -pix_fmt {pixels} -f yuv4mpegpipe -"
    written = subprocess.run(command.split(), input=png, capture_output=True, check=True).stdout
    pipe, reader = pipe_of(written), Yuv4Mpeg()
    assert reader.begin(pipe)
    difference = np.abs(reader.frame(pipe).astype(int) - image)
    assert np.median(difference) <= 2
    assert (difference > 6).mean() < 0.1  # around edges, as colour is subsampled
