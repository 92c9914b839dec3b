"""Checks of cameras: what is connected, what it can do, and what keeps it from being used."""

import re
import shutil
from collections.abc import Iterator

from edge_devices.detection.cameras import (
    LISTERS,
    CameraMode,
    ConnectedCamera,
    is_jetson,
    is_pi,
)
from edge_devices.doctor.host import Finding, Host, Status, ok, problem, warning

_OPTION = re.compile(r"--(?:size|fps|fourcc) \w[\w.]*\w")
_JOIN_VIDEO = ("join the group video, then log in again", 'sudo usermod -aG video "$USER"')


def cameras(host: Host) -> Finding | None:
    """Whether this user may use the cameras that are there."""
    locked = [camera.device for camera in host.video_devices if not camera.usable]
    if locked:
        return problem(f"no rights to {_some(locked)}", *_JOIN_VIDEO)
    if host.cameras is None:
        devices = [camera.device for camera in host.video_devices]
        return ok(_some(devices)) if devices else None
    missing = next(_missing_programs(host), None)
    if host.cameras.cameras and missing is None:
        names = _some([f"{each.address} ({each.name})" for each in host.cameras.cameras])
        command = run_command(host.cameras.cameras[0], host.profile.run.capture)
        return Finding(Status.OK, names, "this board does well with", command)
    return missing


def run_command(camera: ConnectedCamera, advice: str) -> str:
    """How to run with a camera as a board's profile advises, as far as the camera can."""
    offered = {f"--size {mode.width}x{mode.height}" for mode in camera.modes}
    offered |= {f"--fourcc {mode.format}" for mode in camera.modes}
    options = [
        option
        for option in _OPTION.findall(advice)
        if option.startswith("--fps") or option in offered or (camera.is_csi and "--size" in option)
    ]
    return " ".join(["edge-run", "--camera", camera.stable or camera.address, *options])


def obstacles(host: Host) -> Iterator[Finding]:
    """All that keeps cameras from being used, or found."""
    listing = host.cameras
    if listing is None:
        return
    locked = [camera.address for camera in listing.cameras if not camera.usable]
    if locked:
        yield problem(f"no rights to {_some(locked)}", *_JOIN_VIDEO)
    yield from _missing_programs(host)
    if listing.lister and not any(camera.is_csi for camera in listing.cameras):
        yield warning(
            f"{listing.lister} knows of no camera on a CSI port",
            "switch it off, push the ribbon cable in (contacts to the contacts), and look for "
            "camera_auto_detect=1 or your camera's dtoverlay in /boot/firmware/config.txt",
        )
    if not listing.cameras:
        yield warning("no camera is connected", "plug one in, or hand its device into a container")


def _missing_programs(host: Host) -> Iterator[Finding]:
    """Of CSI cameras; boards whose ports are used seldom have their programs only if wanted."""
    if host.cameras is None:
        return
    if is_pi(host.root) and not host.cameras.lister:
        yield warning(
            f"{LISTERS[0]} is not installed, so cameras on CSI ports are neither seen nor read",
            "install it for a camera on a ribbon cable",
            "sudo apt install rpicam-apps",
        )
    csi = any(camera.is_csi for camera in host.cameras.cameras)
    if csi and is_jetson(host.root) and not shutil.which("gst-launch-1.0"):
        yield warning(
            "gst-launch-1.0 is not installed, so cameras on CSI ports cannot be read",
            "install it, and NVIDIA's elements (nvarguscamerasrc)",
            "sudo apt install gstreamer1.0-tools nvidia-l4t-gstreamer",
        )


def modes_text(camera: ConnectedCamera) -> str:
    """`MJPG 1920x1080, 640x480 at up to 30 Hz; YUYV 640x480 at up to 30 Hz`."""
    formats: dict[str, dict[float, list[str]]] = {}
    for mode in camera.modes:
        sizes = formats.setdefault(mode.format, {}).setdefault(_fastest(mode), [])
        sizes.append(f"{mode.width}x{mode.height}")
    return "; ".join(
        f"{name} " + ", ".join(_at(rate, sizes) for rate, sizes in by_rate.items())
        for name, by_rate in formats.items()
    )


def _at(rate_hz: float, sizes: list[str]) -> str:
    return " ".join(sizes) + (f" at up to {rate_hz:.4g} Hz" if rate_hz else "")


def _fastest(mode: CameraMode) -> float:
    return max(mode.rates_hz, default=0.0)


def _some(devices: list[str]) -> str:
    more = f" and {len(devices) - 3} more" if len(devices) > 3 else ""
    return ", ".join(devices[:3]) + more
