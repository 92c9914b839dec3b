"""What a diagnosis needs beside the kernel's files, and how a machine is recorded.

Of a recorded tree they stand in its `edge-devices.json`, written by `edge-devices record`.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path

from edge_common import DataError, DeviceError, decode, parse_json, runtimes
from edge_devices.detection import kernel_files, memory
from edge_devices.detection.cameras import CameraList, read_cameras
from edge_devices.telemetry.temperature import Vcgencmd, run_vcgencmd

RECORDED = "edge-devices.json"
OPENCV = ("opencv-python", "opencv-python-headless")
PACKAGES = (*runtimes.DISTRIBUTIONS, "numpy", *OPENCV)
VCGENCMD_QUESTIONS = ("get_throttled", "pmic_read_adc")


@dataclass(frozen=True)
class Package:
    """An installed distribution."""

    name: str
    version: str


@dataclass(frozen=True)
class VideoDevice:
    """A video device.  usable: whether this user may read and write it."""

    device: str
    usable: bool


@dataclass(frozen=True)
class FirmwareReply:
    """What `vcgencmd QUESTION` printed."""

    question: str
    text: str


@dataclass(frozen=True)
class Environment:
    """python: its version.  packages: those of PACKAGES that are installed.

    free_bytes: of the file system of the working folder; None: not told.
    opencv_error: why `import cv2` fails; "" if it does not, None: not told.
    opencv_windows: whether what is imported can show windows.
    camera_list: of a recorded machine; None: not told.
    """

    python: str
    packages: tuple[Package, ...] = ()
    cameras: tuple[VideoDevice, ...] = ()
    free_bytes: int | None = None
    vcgencmd: tuple[FirmwareReply, ...] = field(default=(), repr=False)
    opencv_error: str | None = None
    opencv_windows: bool | None = None
    camera_list: CameraList | None = None

    def version(self, package: str) -> str | None:
        """The installed version of a package; None if it is not installed."""
        return next((each.version for each in self.packages if each.name == package), None)


def read_environment(root: Path = Path("/")) -> Environment | None:
    """Those of this machine if `root` is `/`, else what was recorded; None without a record."""
    return _here() if is_here(root) else parse_environment(kernel_files.read_bytes(root / RECORDED))


def is_here(root: Path) -> bool:
    """Whether a root is this machine's own and not a recorded tree's."""
    return root.resolve() == Path("/")


def vcgencmd_of(root: Path) -> Vcgencmd:
    """How to ask the firmware: its command here, the recorded answers elsewhere."""
    if is_here(root):
        return run_vcgencmd
    recorded = read_environment(root)
    answers = {each.question: each.text for each in recorded.vcgencmd} if recorded else {}
    return answers.get


def ask_vcgencmd() -> tuple[FirmwareReply, ...]:
    """The answers to all questions that the readers ask; empty if the command is missing."""
    answers = ((question, run_vcgencmd(question)) for question in VCGENCMD_QUESTIONS)
    return tuple(FirmwareReply(question, text) for question, text in answers if text is not None)


def parse_environment(content: bytes | None) -> Environment | None:
    """Read a recorded file; None if it is missing or damaged."""
    try:
        return decode(Environment, parse_json(content or b"", RECORDED))
    except DataError:
        return None


def _here() -> Environment:
    installed = ((name, _version(name)) for name in PACKAGES)
    opencv_error, opencv_windows = _opencv()
    return Environment(
        python=platform.python_version(),
        packages=tuple(Package(name, version) for name, version in installed if version),
        cameras=tuple(
            VideoDevice(f"/dev/{device.name}", os.access(device, os.R_OK | os.W_OK))
            for device in kernel_files.children(Path("/dev"), "video")
        ),
        free_bytes=_free_bytes(),
        opencv_error=opencv_error,
        opencv_windows=opencv_windows,
    )


def _opencv() -> tuple[str | None, bool | None]:
    """Its error, and whether it has windows.

    In a child: what is wrong with it stays there, and a healthy one is not kept loaded.
    """
    # without the current folder, which may hold a file of that name
    code = (
        "import platform, sys; sys.path = [path for path in sys.path if path]; "
        "print(platform.machine(), flush=True); import cv2; cv2.VideoCapture; "
        "print(not getattr(getattr(cv2, 'version', None), 'headless', False))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, errors="replace"
    )
    machine, *windows = child.stdout.split() or [""]
    if machine != platform.machine():  # emulated: the child is not, and says nothing
        return None, None
    if windows:
        return "", windows == ["True"]
    return (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1], None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _free_bytes() -> int | None:
    try:
        return shutil.disk_usage(".").free
    except OSError:
        return None


_PATTERNS = (
    *("proc/cpuinfo", "proc/meminfo", "proc/swaps", "proc/sys/kernel/osrelease"),
    *("proc/self/cgroup", "proc/self/status", "proc/self/mountinfo"),
    *("proc/device-tree/model", "proc/device-tree/compatible"),
    *("sys/firmware/devicetree/base/model", "sys/firmware/devicetree/base/compatible"),
    *("etc/os-release", "usr/lib/os-release", "etc/nvpmodel.conf", "var/lib/nvpmodel/status"),
    *("sys/class/dmi/id/product_name", "sys/class/dmi/id/sys_vendor"),
    *("sys/class/thermal/thermal_zone*/type", "sys/class/thermal/thermal_zone*/temp"),
    *("sys/class/thermal/cooling_device*/type", "sys/class/thermal/cooling_device*/*_state"),
    *("sys/class/hwmon/hwmon*/name", "sys/class/hwmon/hwmon*/*_label"),
    *("sys/class/hwmon/hwmon*/temp*_input", "sys/class/hwmon/hwmon*/curr*_input"),
    "sys/class/hwmon/hwmon*/in*_input",
    *("sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*",),
    *("sys/bus/i2c/drivers/ina3221x/*/iio:device*/in_power*_input",),
    *("sys/class/powercap/intel-rapl*/name", "sys/class/powercap/intel-rapl*/*energy*_uj"),
    "sys/devices/platform/soc*/soc*:firmware/get_throttled",
    "sys/devices/system/cpu/cpufreq/policy*/affected_cpus",
    "sys/devices/system/cpu/cpufreq/policy*/*_freq",
    *("sys/devices/system/cpu/cpufreq/policy*/scaling_governor",),
    *("sys/devices/system/cpu/cpufreq/policy*/scaling_driver",),
    "sys/devices/system/cpu/cpu*/topology/thread_siblings_list",
)
# programs, of which the header is enough
_HEADERS = ("proc/self/exe", "bin/sh", "usr/bin/env")
_HEADER_BYTES = 64
# only their being there counts, and some name the container
_MARKS = (".dockerenv", "run/.containerenv", "run/systemd/container")
_STATUS_FIELDS = (b"VmHWM", b"VmRSS", b"Cpus_allowed_list")


def record(folder: Path, root: Path = Path("/")) -> int:
    """Save what is known of the machine below `root` into a new folder; the number of files.

    Files that are missing or refused are left out. Raises DeviceError if the folder holds
    something already or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DeviceError(f"{folder} is not empty: name a new folder")
        saved = 0
        for name, content in _contents(root):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            saved += 1
    except OSError as error:
        raise DeviceError(f"{folder}: {error.strerror or error}; name another folder") from error
    return saved


def _contents(root: Path) -> Iterator[tuple[str, bytes]]:
    paths = {path for pattern in _PATTERNS for path in root.glob(pattern)}
    for path in sorted(paths | set(memory.limit_files(root))):
        content = kernel_files.read_bytes(path)
        if content is not None:
            name = path.relative_to(root).as_posix()
            clean = _CLEANED.get(name)
            yield name, clean(content, root) if clean else content
    for name in _HEADERS:
        if header := kernel_files.read_start(root / name, _HEADER_BYTES):
            yield name, header
    yield from ((name, b"") for name in _MARKS if (root / name).exists())
    yield RECORDED, _environment(root)


def _environment(root: Path) -> bytes:
    environment = read_environment(root)
    if environment is None:
        return b"{}\n"
    if is_here(root):
        environment = replace(
            environment, vcgencmd=ask_vcgencmd(), camera_list=_without_names(read_cameras())
        )
    return (json.dumps(asdict(environment), indent=1) + "\n").encode()


def _without_names(listing: CameraList) -> CameraList:
    """Without names by id, which hold serial numbers."""
    anonymous = tuple(replace(camera, stable="") for camera in listing.cameras)
    return replace(listing, cameras=anonymous)


def _without_serial(content: bytes, root: Path) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.lower().startswith(b"serial"))


def _needed_status(content: bytes, root: Path) -> bytes:
    return b"".join(
        line for line in content.splitlines(keepends=True) if line.startswith(_STATUS_FIELDS)
    )


def _mounts_of_swap(content: bytes, root: Path) -> bytes:
    """Which device a mount point above a swap file is on; other mounts are nobody's business."""
    swaps = (kernel_files.read_bytes(root / "proc/swaps") or b"").split()
    fields = (line.split()[:5] for line in content.splitlines())
    return b"".join(
        b" ".join(mount) + b"\n"
        for mount in fields
        if len(mount) == 5 and any(s.startswith(mount[4].rstrip(b"/") + b"/") for s in swaps)
    )


_CLEANED: dict[str, Callable[[bytes, Path], bytes]] = {
    "proc/cpuinfo": _without_serial,
    "proc/self/status": _needed_status,
    "proc/self/mountinfo": _mounts_of_swap,
}
