"""A copy of the few files that detection, telemetry and the doctor read, for a bug report.

Nothing personal is kept: no serial number, no host or user name, no environment.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from edge_common.errors import DeviceError
from edge_devices.detection.kernel_files import read_bytes, read_start
from edge_devices.detection.memory import limit_files
from edge_devices.doctor.environment import RECORDED, ask_vcgencmd, is_here, read_environment

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
    for path in sorted(paths | set(limit_files(root))):
        content = read_bytes(path)
        if content is not None:
            name = path.relative_to(root).as_posix()
            clean = _CLEANED.get(name)
            yield name, clean(content, root) if clean else content
    for name in _HEADERS:
        if header := read_start(root / name, _HEADER_BYTES):
            yield name, header
    yield from ((name, b"") for name in _MARKS if (root / name).exists())
    yield RECORDED, _environment(root)


def _environment(root: Path) -> bytes:
    environment = read_environment(root)
    if environment is None:
        return b"{}\n"
    if is_here(root):
        environment = dataclasses.replace(environment, vcgencmd=ask_vcgencmd())
    return (json.dumps(dataclasses.asdict(environment), indent=1) + "\n").encode()


def _without_serial(content: bytes, root: Path) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.lower().startswith(b"serial"))


def _needed_status(content: bytes, root: Path) -> bytes:
    return b"".join(
        line for line in content.splitlines(keepends=True) if line.startswith(_STATUS_FIELDS)
    )


def _mounts_of_swap(content: bytes, root: Path) -> bytes:
    """Which device a mount point above a swap file is on; other mounts are nobody's business."""
    swaps = (read_bytes(root / "proc/swaps") or b"").split()
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
