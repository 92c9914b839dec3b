"""Cameras by programs: rpicam-vid on a Raspberry Pi, gst-launch-1.0 on a Jetson and for pipelines."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from edge.sources import WHOLE, FrameNeeds, raw
from edge.sources.capture_process import CaptureProcess
from edge.sources.connection import FIRST_FRAME_S
from edge.sources.formats import FrameFormat, Yuv4Mpeg
from edge_common import SourceError

_RECORDERS = ("rpicam-vid", "libcamera-vid")  # the name since 2023, and the one before
_GST = "gst-launch-1.0"
_USUAL = (640, 480)
_JETSON_USUAL = (640, 360)  # of sensors that are wide
# rows of planes are padded to 64 bytes by the Pi's image processor, and written with the padding
_ROW = 64
_RPICAM_REASONS = {
    "no cameras available": "no camera is connected: switch the board off and push its cable in",
    "selected camera is not available": "there is none of this number; `edge-devices cameras` lists",
    "failed to acquire camera": "another program uses it: end that one (fuser -v /dev/media*)",
}
_GST_PACKAGES = {
    "gstreamer1.0-plugins-base": "videoconvert videoscale videorate videotestsrc decodebin "
    "uridecodebin appsink",
    "gstreamer1.0-plugins-good": "v4l2src rtspsrc jpegdec y4menc souphttpsrc multifilesrc rtph264depay "
    "rtpjpegdepay udpsrc videocrop videoflip matroskademux qtdemux multipartdemux",
    "gstreamer1.0-plugins-bad": "h264parse h265parse rtmpsrc srtsrc",
    "gstreamer1.0-libav": "avdec_h264 avdec_h265 avdec_mjpeg",
    "gstreamer1.0-libcamera": "libcamerasrc",
    "nvidia-l4t-gstreamer": "nvarguscamerasrc nvvidconv nvv4l2decoder nvjpegdec nvv4l2camerasrc",
}
# planes in levels 16..235, and of sizes whose rows GStreamer does not pad
_PLANES = "video/x-raw,format=I420,colorimetry=bt601,width=(int)[8,16384,8],height=(int)[2,16384,2]"
_SCALED = "video/x-raw,format=Y444,colorimetry=bt601,width=(int)[4,{},4],height=(int)[1,{}]"
# what comes without a clock of its own, which is to come as fast as it would be shown
_CLOCKLESS = re.compile(r"\bfilesrc\b|\bnum-buffers=|\bvideotestsrc\b(?!.*\bis-live=)")
_ENDS = re.compile(r"\bfilesrc\b|\bnum-buffers=\d")
_APPSINK = re.compile(r"\s*!\s*appsink[^!]*$")
_OWN_SINK = re.compile(r"!\s*fdsink[^!]*$")


@dataclass(frozen=True)
class Wishes:
    """What a camera is asked for, pixels and frames a second; 0: its own choice.

    fourcc: the four letters of a V4L device's format.
    """

    width: int = 0
    height: int = 0
    rate_hz: float = 0.0
    fourcc: str = ""

    def __bool__(self) -> bool:
        return self != Wishes()


def csi_opener(
    name: str, number: int, wishes: Wishes, needs: FrameNeeds, is_jetson: bool
) -> Callable[[], CaptureProcess]:
    """What opens the camera of this number on a CSI port. Raises SourceError if it cannot be read."""
    if wishes.fourcc:
        raise SourceError(f"{name} has no fourcc: that goes with V4L devices, as /dev/video0")
    if is_jetson:
        scaled = WHOLE if wishes.width else needs
        return pipeline_opener(name, jetson_pipeline(number, wishes), scaled)
    program = next(filter(shutil.which, _RECORDERS), "")
    if not program:
        raise SourceError(
            f"{name}: {_RECORDERS[0]} is not installed (Raspberry Pi OS: sudo apt install rpicam-apps)"
        )
    width, height = wishes.width or _USUAL[0], wishes.height or _USUAL[1]
    layout = raw.PixelLayout(
        -(-width // _ROW) * _ROW, height + height % 2, "i420", wishes.rate_hz, full_range=True
    )
    command = [
        program, "--codec", "yuv420", "-o", "-", "-n", "-t", "0", "--flush",
        "--camera", str(number), "--width", str(layout.width), "--height", str(layout.height),
    ]  # fmt: skip
    if wishes.rate_hz:
        command += ["--framerate", f"{wishes.rate_hz:g}"]
    return lambda: _open(name, command, raw.RawFrames(layout), _rpicam_reason)


def jetson_pipeline(number: int, wishes: Wishes) -> str:
    """NVIDIA's elements for a sensor; its image processor scales."""
    sensor = ["video/x-raw(memory:NVMM)"]
    width, height = _JETSON_USUAL
    if wishes.width and wishes.height:
        width, height = wishes.width, wishes.height
        sensor += [f"width={width}", f"height={height}"]
    if wishes.rate_hz:
        rate = Fraction(wishes.rate_hz).limit_denominator(1001)
        sensor.append(f"framerate={rate.numerator}/{rate.denominator}")
    return (
        f"nvarguscamerasrc sensor-id={number} ! {','.join(sensor)} ! nvvidconv ! "
        f"video/x-raw,format=I420,width={width},height={height}"
    )


def pipeline_opener(
    name: str, pipeline: str, needs: FrameNeeds = WHOLE
) -> Callable[[], CaptureProcess]:
    """What opens a pipeline as gst-launch-1.0 takes it; an appsink at its end is left out.

    Raises SourceError if it cannot be run.
    """
    if not has_gstreamer():
        raise SourceError(f"{name}: {_GST} is not installed: sudo apt install gstreamer1.0-tools")
    try:
        words = shlex.split(complete_pipeline(pipeline, needs))
    except ValueError as error:
        raise SourceError(f"{name}: {error} in the pipeline") from None
    return lambda: _open(name, [_GST, "-q", *words], Yuv4Mpeg(), _gst_reason)


def has_gstreamer() -> bool:
    return shutil.which(_GST) is not None


def complete_pipeline(pipeline: str, needs: FrameNeeds = WHOLE) -> str:
    """With what writes its frames to standard output, no larger than needed."""
    if _OWN_SINK.search(pipeline):
        return pipeline
    planes = _PLANES
    if needs.size and not needs.keeps_aspect and needs.size[0] % 4 == 0:
        planes = _SCALED.format(*needs.size)
    sync = " sync=true" if _CLOCKLESS.search(pipeline) else ""
    # quoted as in a shell, for its brackets
    tail = f"videoscale ! videoconvert ! '{planes}' ! y4menc ! fdsink{sync}"
    return f"{_APPSINK.sub('', pipeline)} ! {tail}"


def ends(pipeline: str) -> bool:
    """Whether its end is no loss, as that of a file."""
    return _ENDS.search(pipeline) is not None


def _open(
    name: str, command: list[str], frame_format: FrameFormat, explain: Callable[[str], str]
) -> CaptureProcess:
    return CaptureProcess(
        name, command, FIRST_FRAME_S, frame_format, explain, stdin=subprocess.DEVNULL
    )


def _rpicam_reason(messages: str) -> str:
    reasons = (reason for words, reason in _RPICAM_REASONS.items() if words in messages)
    fatal = re.search(r"ERROR: \*\*\* (.*?) \*\*\*", messages)
    return next(reasons, fatal[1] if fatal else "")


def _gst_reason(messages: str) -> str:
    """The first error, as what follows from it is told behind it.

    Raises ValueError if the pipeline itself is wrong.
    """
    if match := re.search(r'no element "([^"]+)"', messages):
        element = match[1]
        packages = (name for name, elements in _GST_PACKAGES.items() if element in elements.split())
        package = next(packages, "")
        hint = (
            f"sudo apt install {package}" if package else f"gst-inspect-1.0 {element} tells of it"
        )
        raise ValueError(f"GStreamer has no element {element}: {hint}")
    if match := re.search(r"erroneous pipeline: (.+)", messages):
        raise ValueError(match[1].rstrip("."))
    match = re.search(r"ERROR: from element \S+: (.+)", messages)
    return match[1].rstrip(".") if match else ""
