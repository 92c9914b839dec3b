"""Which cameras are connected: those on CSI ports, as their programs list them, and V4L devices."""

import errno
import fcntl
import os
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from subprocess import TimeoutExpired

from edge_common.children import run_captured
from edge_devices.detection import detect, kernel_files

Ioctl = Callable[[int, int, bytearray], int]

# rpicam-apps: the name since 2023, and the one before
LISTERS = ("rpicam-hello", "libcamera-hello")
_LISTING_S = 20.0
_CSI_LINE = re.compile(r"(\d+) : (\S+)(?: \[.*?\])? \((.+)\)")
_CSI_FORMAT = re.compile(r"'(\w+)' : ")
_CSI_MODE = re.compile(r"(\d+)x(\d+)(?: [\[(]([\d.]+) fps)?")
_CROP = re.compile(r" - \(.*? crop")  # of the sensor
_JETSON_CSI = "tegra-video"
_PI, _JETSON = "Raspberry Pi", "nvidia,tegra"
# capture nodes that give no pictures by themselves: sensors without their image processor, and
# processors and decoders without a sensor
_NO_CAMERAS = frozenset(
    ("unicam", "rp1-cfe", "bcm2835-isp", "bcm2835-codec", "pispbe", "rpivid", "rpi-hevc-dec")
)


@dataclass(frozen=True)
class CameraMode:
    """format: its four letters, or a sensor's.  rates_hz: frames a second, most first."""

    format: str
    width: int
    height: int
    rates_hz: tuple[float, ...] = ()


@dataclass(frozen=True)
class ConnectedCamera:
    """address: what --camera takes: `csi:0`, `/dev/video0`.

    stable: a name of the device that stays when others are plugged in; "" if it has none.
    usable: whether this user may read and write it.
    """

    address: str
    name: str
    modes: tuple[CameraMode, ...] = ()
    stable: str = ""
    usable: bool = True

    @property
    def is_csi(self) -> bool:
        return self.address.startswith("csi:")


@dataclass(frozen=True)
class CameraList:
    """lister: the program that CSI cameras were asked of; "" if there is none."""

    cameras: tuple[ConnectedCamera, ...] = ()
    lister: str = ""


def is_pi(root: Path = Path("/")) -> bool:
    """Whether this is a Raspberry Pi."""
    return (detect.device_tree_model(root) or "").startswith(_PI)


def is_jetson(root: Path = Path("/")) -> bool:
    """Whether this is a Jetson."""
    return any(name.startswith(_JETSON) for name in detect.compatible(root))


def read_cameras(root: Path = Path("/"), ioctl: Ioctl = fcntl.ioctl) -> CameraList:
    """All cameras of this machine, CSI first; takes a second if there is a program for them."""
    lister = next(filter(shutil.which, LISTERS), "")
    csi = parse_csi(list_csi(lister)) if lister else ()
    others = tuple(v4l_cameras(root, ioctl))
    return CameraList((*csi, *others), lister)


def list_csi(lister: str) -> str:
    """What the program prints; "" if it fails or hangs."""
    try:
        done = run_captured([lister, "--list-cameras"], timeout_s=_LISTING_S)
    except (OSError, TimeoutExpired):
        return ""
    return done.stdout + done.stderr  # older ones list there


def parse_csi(text: str) -> tuple[ConnectedCamera, ...]:
    """The cameras of `rpicam-hello --list-cameras`, USB ones left out, which are V4L devices."""
    cameras, pixel_format = [], ""
    modes: list[CameraMode] = []
    for line in text.splitlines():
        if camera := _CSI_LINE.match(line.strip()):
            number, name, path = camera.groups()
            modes = []
            cameras.append((f"csi:{number}", name, path, modes))
            continue
        if layout := _CSI_FORMAT.search(line):
            pixel_format = layout[1]
            line = line[layout.end() :]
        for width, height, rate in _CSI_MODE.findall(_CROP.sub("", line)):
            rates = (float(rate),) if rate else ()
            modes.append(CameraMode(pixel_format, int(width), int(height), rates))
    return tuple(
        ConnectedCamera(address, name, tuple(own))
        for address, name, path, own in cameras
        if "usb" not in path.lower()
    )


# of linux/videodev2.h; the layouts and numbers are the same on ARM and x86, 32 and 64 bits
_CAPABILITY = struct.Struct("16s32s32sIII12x")
_FORMAT = struct.Struct("3I32s4s16x")
_SIZE = struct.Struct("I4sI6I8x")
_INTERVAL = struct.Struct("I4sIII6I8x")
_QUERY, _FORMATS, _SIZES, _INTERVALS = 0x80685600, 0xC0405602, 0xC02C564A, 0xC034564B
_CAPTURE, _CAPTURE_PLANES = 0x1, 0x1000
_BOTH_WAYS = 0xC000  # codecs and scalers: memory to memory
_BUFFERS = {_CAPTURE: 1, _CAPTURE_PLANES: 9}
_DISCRETE = 1
_MOST = 100  # a driver that never ends
# of those whose sizes are a range, what people ask for
_USUAL_SIZES = ((640, 480), (1280, 720), (1920, 1080))


def v4l_cameras(root: Path = Path("/"), ioctl: Ioctl = fcntl.ioctl) -> Iterator[ConnectedCamera]:
    """Those of /dev/video*, without nodes for metadata, codecs and image processors."""
    stable = {
        os.path.basename(os.path.realpath(link)): f"/dev/v4l/by-id/{link.name}"
        for link in kernel_files.children(root / "dev/v4l/by-id")
    }
    nodes = kernel_files.children(root / "dev", "video")
    jetson_cameras = count()
    for node in sorted(nodes, key=lambda node: (len(node.name), node.name)):
        address, folder = f"/dev/{node.name}", root / "sys/class/video4linux" / node.name
        try:
            device = os.open(node, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            # the other nodes of a camera, for metadata, have a higher index
            if error.errno == errno.EACCES and not kernel_files.read_int(folder / "index"):
                name = kernel_files.read_text(folder / "name") or node.name
                if not name.startswith(tuple(_NO_CAMERAS)):
                    yield ConnectedCamera(
                        address, name, stable=stable.get(node.name, ""), usable=False
                    )
            continue
        try:
            driver, name, modes = _described(device, ioctl)
        finally:
            os.close(device)
        if driver == _JETSON_CSI:
            yield ConnectedCamera(f"csi:{next(jetson_cameras)}", name, modes)
        elif modes:
            yield ConnectedCamera(address, name, modes, stable.get(node.name, ""))


def _described(device: int, ioctl: Ioctl) -> tuple[str, str, tuple[CameraMode, ...]]:
    """Driver, name and modes; no modes for what is no camera."""
    reply = bytearray(_CAPABILITY.size)
    try:
        ioctl(device, _QUERY, reply)
    except OSError:
        return "", "", ()
    driver, card, _, _, _, can = _CAPABILITY.unpack(reply)
    is_camera = can & (_CAPTURE | _CAPTURE_PLANES) and not can & _BOTH_WAYS
    if not is_camera or _text(driver) in _NO_CAMERAS:
        return "", "", ()
    buffers = _BUFFERS[can & _CAPTURE or _CAPTURE_PLANES]
    return _text(driver), _text(card), tuple(_modes(device, buffers, ioctl))


def _modes(device: int, buffers: int, ioctl: Ioctl) -> Iterator[CameraMode]:
    for _, _, _, _, letters in _replies(device, _FORMATS, _FORMAT, (buffers, 0, b"", b""), ioctl):
        for width, height in _sizes(device, letters, ioctl):
            request = (letters, width, height, *[0] * 7)
            intervals = _replies(device, _INTERVALS, _INTERVAL, request, ioctl)
            # of a range, the shortest time comes first
            rates = {reply[6] / reply[5] for reply in intervals if reply[5]}
            yield CameraMode(_text(letters), width, height, tuple(sorted(rates, reverse=True)))


def _sizes(device: int, letters: bytes, ioctl: Ioctl) -> Iterator[tuple[int, int]]:
    replies = _replies(device, _SIZES, _SIZE, (letters, *[0] * 7), ioctl)
    for _, _, kind, *numbers in replies:
        if kind == _DISCRETE:
            yield numbers[0], numbers[1]
            continue
        least_width, most_width, _, least_height, most_height, _ = numbers
        for width, height in _USUAL_SIZES:
            if least_width <= width <= most_width and least_height <= height <= most_height:
                yield width, height
        return  # a range stands alone


def _replies(
    device: int, number: int, layout: struct.Struct, request: tuple[object, ...], ioctl: Ioctl
) -> Iterator[tuple]:  # type: ignore[type-arg]  # of what the layout says
    """What a driver answers to a question, asked with 0, 1, ... in front until it refuses."""
    for index in range(_MOST):
        reply = bytearray(layout.pack(index, *request))
        try:
            ioctl(device, number, reply)
        except OSError:
            return
        yield layout.unpack(reply)


def _text(letters: bytes) -> str:
    return letters.split(b"\0")[0].decode("ascii", "replace").strip()
