"""Cameras by address: rpicam-vid, of which a stand-in is run here, and GStreamer, which is real."""

import contextlib
import itertools
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.commands.source_options import SourceOptions
from edge.sources import FrameNeeds, find_source, live, open_source, programs
from edge_common import SourceError
from edge_devices.detection import cameras
from edge_devices.detection.cameras import CameraList, ConnectedCamera

needs_gstreamer = pytest.mark.skipif(
    not shutil.which("gst-launch-1.0"), reason="needs gst-launch-1.0 (gstreamer1.0-tools)"
)
_RED = np.array([0, 0, 254])


@pytest.fixture
def rpicam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A board with rpicam-vid, and two cameras on its ports."""
    program = tmp_path / "rpicam-vid"
    stub = Path(__file__).with_name("rpicam_vid.py")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {stub} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    listing = CameraList(
        tuple(ConnectedCamera(f"csi:{n}", "imx708") for n in range(2)), "rpicam-hello"
    )
    monkeypatch.setattr(cameras, "read_cameras", lambda: listing)
    return monkeypatch


def _children(name: str) -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if name in " ".join(p.cmdline())]


@pytest.mark.parametrize("address", ["0", "csi:0", "camera:csi:0", 0])
def test_a_csi_camera_by_number_and_by_port(rpicam, address: str | int) -> None:
    with open_source(address) as source:
        frame = next(iter(source))
    assert frame.pixels.shape == (480, 640, 3)
    assert np.abs(frame.pixels.astype(int) - _RED).max() <= 2
    assert _children("rpicam_vid") == []


def test_a_port_and_its_number_are_one_camera(rpicam) -> None:
    done = CliRunner().invoke(main, ["--camera", "0", "--camera", "csi:0"])
    assert done.exit_code == 2 and "csi:0 is given twice" in done.output
    assert len(SourceOptions(("camera:0", "csi:1")).endpoints) == 2
    rpicam.setattr(cameras, "read_cameras", CameraList)  # a number is a V4L device's then
    assert len(SourceOptions(("camera:0", "csi:0")).endpoints) == 2


def test_a_csi_camera_is_asked_for_size_and_rate(
    rpicam, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_source("camera:csi:1:width=1296,height=972,rate=12.5") as source:
        (child,) = _children("rpicam_vid")
        asked_for = " ".join(child.cmdline())
        # its rows would be padded, so that frames are as wide as padded ones
        assert next(iter(source)).pixels.shape == (972, 1344, 3)
        assert source.rate_hz == 12.5
    assert "--camera 1 --width 1344 --height 972 --framerate 12.5" in asked_for
    assert "camera csi:1: gives 1344x972, not 1296x972" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("none", "no camera is connected: switch the board off and push its cable in"),
        ("other", "there is none of this number; `edge-devices cameras` lists"),
        ("busy", "another program uses it: end that one (fuser -v /dev/media*)"),
    ],
)
def test_why_a_csi_camera_gives_nothing(rpicam, mode: str, reason: str) -> None:
    rpicam.setenv("RPICAM_STUB", mode)
    with pytest.raises(SourceError) as error:
        open_source("csi:0")
    assert str(error.value) == f"camera csi:0 gives no picture: {reason}"


@pytest.mark.parametrize("mode", ["hang", "deaf", "crash"])
def test_a_csi_camera_that_stops_is_opened_again(rpicam, mode: str) -> None:
    rpicam.setenv("RPICAM_STUB", mode)
    with open_source("camera:csi:0:stall_after=0.5") as source:
        next(frame for frame in source if frame.restart)
        assert source.gaps is not None and source.gaps.reconnects == 1
        began = time.monotonic()
    assert time.monotonic() - began < 1.0 and _children("rpicam_vid") == []


def test_what_a_csi_camera_cannot(rpicam) -> None:
    with pytest.raises(SourceError, match="camera csi:0 has no fourcc"):
        open_source("camera:csi:0:fourcc=MJPG")
    rpicam.setenv("PATH", "/nowhere")
    with pytest.raises(SourceError, match="rpicam-vid is not installed .*apt install rpicam-apps"):
        open_source("csi:0")


def test_a_pi_without_programs_is_said_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "read_cameras", CameraList)
    monkeypatch.setattr(cameras, "is_pi", lambda: True)
    with pytest.raises(SourceError, match="rpicam-hello is missing: sudo apt install rpicam-apps"):
        open_source(0)


def test_a_number_without_csi_camera_is_a_device(rpicam) -> None:
    with pytest.raises(SourceError, match="camera 7 gives no picture: there is no /dev/video7"):
        open_source(7)


def test_jetson_s_pipeline() -> None:
    assert programs.jetson_pipeline(1, programs.Wishes()) == (
        "nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM) ! nvvidconv ! "
        "video/x-raw,format=I420,width=640,height=360"
    )
    assert programs.jetson_pipeline(0, programs.Wishes(1280, 720, 29.97)) == (
        "nvarguscamerasrc sensor-id=0 ! "
        "video/x-raw(memory:NVMM),width=1280,height=720,framerate=2997/100 ! nvvidconv ! "
        "video/x-raw,format=I420,width=1280,height=720"
    )


@needs_gstreamer
def test_a_jetson_without_its_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "is_jetson", lambda: True)
    with pytest.raises(
        SourceError, match="nvarguscamerasrc: sudo apt install nvidia-l4t-gstreamer"
    ):
        open_source("csi:0")


@needs_gstreamer
@pytest.mark.parametrize("end", ["", " ! videoconvert ! appsink drop=1 max-buffers=1"])
@pytest.mark.parametrize(
    ("caps", "size"),
    [
        ("video/x-raw,format=GRAY8,width=64,height=48", (48, 64)),
        ("video/x-raw,format=RGB,width=322,height=241", (240, 320)),  # its rows would be padded
        ("video/x-raw,width=64,height=48 ! jpegenc ! jpegdec", (48, 64)),
    ],
)
def test_pipelines(caps: str, size: tuple[int, int], end: str) -> None:
    pipeline = f"videotestsrc num-buffers=3 pattern=red ! {caps}{end}"
    with open_source(pipeline) as source:
        frames = list(source)
    assert [frame.pixels.shape[:2] for frame in frames] == [size] * 3
    colour = frames[0].pixels[10, 10].astype(int)
    expected = [76, 76, 76] if "GRAY8" in caps else [0, 0, 255]
    assert np.abs(colour - expected).max() <= 8, colour


@needs_gstreamer
@pytest.mark.parametrize(
    ("width", "needs", "expected"),
    [
        (1280, FrameNeeds((100, 100)), (100, 100)),
        (48, FrameNeeds((100, 20)), (20, 48)),
        (322, FrameNeeds((30, 30)), (240, 320)),  # its rows would be padded
        (320, FrameNeeds((100, 100), keeps_aspect=True), (240, 320)),
        (320, FrameNeeds(), (240, 320)),
    ],
)
def test_a_pipeline_scales_to_what_is_looked_at(
    width: int, needs: FrameNeeds, expected: tuple[int, int]
) -> None:
    pipeline = f"videotestsrc num-buffers=2 pattern=red ! video/x-raw,width={width},height=240"
    with open_source(pipeline, needs) as source:
        frames = [frame.pixels for frame in source]
    assert [pixels.shape[:2] for pixels in frames] == [expected] * 2
    assert np.abs(frames[0].astype(int) - [0, 0, 255]).max() <= 8


@needs_gstreamer
def test_a_pipeline_comes_as_fast_as_its_clock() -> None:
    with open_source(
        "videotestsrc num-buffers=20 ! video/x-raw,framerate=20/1 ! identity"
    ) as source:
        began = time.monotonic()
        assert len(list(source)) == 20 and source.rate_hz == 20
        assert time.monotonic() - began > 0.5


@needs_gstreamer
@pytest.mark.parametrize(
    ("pipeline", "reason"),
    [
        ("v4l2src device=/dev/video78 ! appsink", "Cannot identify device '/dev/video78'"),
        ("videotestsrc ! jpegparse ! appsink", "could not link videotestsrc0 to jpegparse0"),
        (
            "libcamerasrc ! appsink",
            "no element libcamerasrc: sudo apt install gstreamer1.0-libcamera",
        ),
        ("ownsrc ! appsink", "no element ownsrc: gst-inspect-1.0 ownsrc"),
        ("videotestsrc pattern='red ! appsink", "No closing quotation in the pipeline"),
    ],
)
def test_why_a_pipeline_gives_nothing(pipeline: str, reason: str) -> None:
    with pytest.raises(SourceError) as error:
        open_source(pipeline)
    assert reason in str(error.value)


@needs_gstreamer
def test_a_pipeline_s_secrets_are_not_told() -> None:
    pipeline = (
        "rtspsrc location=rtsp://127.0.0.1:9/ user-id=me user-pw=secret ! decodebin ! appsink"
    )
    with pytest.raises(SourceError) as error:
        open_source(pipeline)
    assert "secret" not in str(error.value) and "pipeline rtspsrc" in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--camera", "0", "--size", "wide"), "'wide' is no size: write it as 640x480"),
        (("--camera", "/dev/null", "--fourcc", "MJPEG"), "fourcc is four letters, such as MJPG"),
        (("--source", "a.mp4", "--size", "640x480"), "--size goes with a camera, not with video"),
        (("--source", "a.mp4", "--fps", "5"), "--fps goes with a camera, not with video"),
        (("--camera", "a ! b", "--fps", "5"), "its size, rate and format stand in the pipeline"),
        (("--camera", "first"), "give 0, /dev/video0, csi:0 or a GStreamer pipeline"),
    ],
)
def test_options_that_do_not_fit(arguments: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 2 and message in done.output, done.output


def test_options_reach_the_camera(rpicam, tiny_bundle_path: Path) -> None:
    arguments = ["--camera", "csi:0", "--size", "320x240", "--fps", "20", "--frames", "3"]
    done = CliRunner().invoke(main, [str(tiny_bundle_path), *arguments])
    assert done.exit_code == 0, done.output
    assert "not 320x240" not in done.output


def test_addresses_are_cameras() -> None:
    by_id = "/dev/v4l/by-id/usb-HD_Webcam-video-index0"
    for text in ("0", "/dev/video0", by_id, "csi:0", "a location=rtsp://x:y@z/b ! c"):
        assert (find_source(text).kind.name, find_source(text).target) == ("camera", text)
    assert find_source(f"camera:{by_id}:rate=5").target == by_id


def test_opencv_reads_pipelines_if_gstreamer_s_program_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(programs, "has_gstreamer", lambda: False)
    pipeline = "videotestsrc ! videoconvert ! appsink"
    with contextlib.suppress(SourceError), open_source(pipeline) as source:  # with such an OpenCV
        assert isinstance(source, live.LiveSource)
        assert next(itertools.islice(source, 1)).pixels.ndim == 3
        return
    with pytest.raises(SourceError, match="gst-launch-1.0 is not installed: sudo apt install"):
        open_source(pipeline)
