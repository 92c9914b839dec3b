"""The machine that the checks look at, its state now, and what a check finds."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from edge_devices.detection import cpuinfo, detect, kernel_files, memory
from edge_devices.detection.cameras import CameraList, read_cameras
from edge_devices.doctor.environment import (
    Environment,
    VideoDevice,
    is_here,
    read_environment,
    vcgencmd_of,
)
from edge_devices.profiles import Catalogue, Profile, read_catalogue
from edge_devices.telemetry import sampler, temperature
from edge_devices.telemetry.clocks import (
    ClockPolicy,
    Cooling,
    PowerModes,
    read_clocks,
    read_cooling,
    read_power_modes,
)


@dataclass(frozen=True)
class Host:
    """A machine by the folder that holds its /proc, /sys and /etc; the rest is read on demand."""

    root: Path = Path("/")

    @cached_property
    def known(self) -> Catalogue:
        return read_catalogue()

    @cached_property
    def detected(self) -> detect.Detected:
        return detect.detect(self.root, self.known)

    @property
    def profile(self) -> Profile:
        return self.detected.profile

    @cached_property
    def blocks(self) -> tuple[cpuinfo.Block, ...]:
        return cpuinfo.read_blocks(self.root)

    @cached_property
    def clocks(self) -> tuple[ClockPolicy, ...]:
        return read_clocks(self.root)

    @cached_property
    def power_modes(self) -> PowerModes | None:
        return read_power_modes(self.root)

    @cached_property
    def architecture(self) -> str:
        return detect.userland_architecture(self.root, self.blocks)

    @cached_property
    def temperature_c(self) -> float | None:
        """By its zones' types, or else at the places that the profile names."""
        return temperature.read_temperature_c(self.root, self.profile.telemetry.temperature)

    @cached_property
    def environment(self) -> Environment | None:
        return read_environment(self.root)

    @cached_property
    def cameras(self) -> CameraList | None:
        """Those of this machine, or of the one that was recorded; None: not told."""
        if is_here(self.root):
            return read_cameras()
        return self.environment.camera_list if self.environment else None

    @property
    def video_devices(self) -> tuple[VideoDevice, ...]:
        """All, also those of codecs."""
        return self.environment.cameras if self.environment else ()

    @cached_property
    def vcgencmd(self) -> temperature.Vcgencmd:
        return vcgencmd_of(self.root)


@dataclass(frozen=True)
class State:
    """None or empty: not told.

    usable_cores: what affinity and control groups leave; may be 1.5.  architecture: of the
    installed programs.  python: of this environment, or of the one that was recorded.
    """

    board: str | None
    cpu: str | None
    cores: int
    usable_cores: float
    features: tuple[str, ...]
    memory_bytes: int | None
    available_bytes: int | None
    kernel: str | None
    os: str | None
    architecture: str
    python: str | None
    temperature_c: float | None
    power_modes: PowerModes | None
    cooling: tuple[Cooling, ...] | None
    snapshot: sampler.Snapshot


def read_state(host: Host) -> State:
    """Read everything once."""
    root, blocks = host.root, host.blocks
    snapshot = sampler.read_snapshot(root, host.vcgencmd)
    cores = cpuinfo.logical_cores(blocks)
    return State(
        board=detect.device_tree_model(root)
        or cpuinfo.board_name(blocks)
        or detect.dmi_product(root),
        cpu=cpuinfo.cpu_name(blocks),
        cores=cores,
        usable_cores=min(cores, memory.allowed_cores(root) or cores, snapshot.limits.cpus or cores),
        features=cpuinfo.simd_features(blocks),
        memory_bytes=memory.memory_bytes(root),
        available_bytes=kernel_files.read_kilobytes(root / "proc/meminfo", "MemAvailable"),
        kernel=kernel_files.read_text(root / "proc/sys/kernel/osrelease"),
        os=detect.os_name(root),
        architecture=host.architecture,
        python=host.environment.python if host.environment else None,
        temperature_c=host.temperature_c,
        power_modes=host.power_modes,
        cooling=read_cooling(root),
        snapshot=snapshot,
    )


class Status(str, Enum):
    """`problem`: it will not work or not as measured elsewhere.  `warning`: it may cost speed."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """what: one fact, in words.  advice: what to do about it; "" if nothing is to be done.

    command: what to type for it, if one line does it.
    """

    status: Status
    what: str
    advice: str = ""
    command: str = ""


def ok(fact: str) -> Finding:
    """All is well here."""
    return Finding(Status.OK, fact)


def warning(fact: str, advice: str, command: str = "") -> Finding:
    """It may cost speed or surprise."""
    return Finding(Status.WARNING, fact, advice, command)


def problem(fact: str, advice: str, command: str = "") -> Finding:
    """It will not work, or not as fast as the board can."""
    return Finding(Status.PROBLEM, fact, advice, command)
