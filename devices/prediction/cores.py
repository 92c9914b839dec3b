"""What the latency model has to know of each kind of core: `data/microarchitectures.toml`."""

import functools
from dataclasses import dataclass
from importlib import resources

from devices.errors import DeviceError
from devices.profile import Profile
from devices.tables import build, nearest
from devices.toml import tomllib

ARCHITECTURE = "aarch64"  # whose instructions are counted


@dataclass(frozen=True)
class Microarchitecture:
    """issue_width: instructions a cycle at most.

    l2_shared: all cores share one second-level cache.  l2_bytes_a_cycle: that it can deliver.
    kernels: the emulated core on which XNNPACK picks the same kernels, whose counts hold here.
    sources: where that is written.
    """

    issue_width: int
    l2_shared: bool
    l2_bytes_a_cycle: int
    kernels: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Processor:
    """A board's processor as the model sees it.  bandwidth_gb_s: sustained, 1e9 bytes/s."""

    board: str
    core: Microarchitecture
    cores: int
    clock_ghz: float
    bandwidth_gb_s: float


@functools.cache
def microarchitectures() -> dict[str, Microarchitecture]:
    """The shipped table by name."""
    text = resources.files("devices").joinpath("data", "microarchitectures.toml").read_text("utf-8")
    return {name: build(Microarchitecture, row) for name, row in tomllib.loads(text).items()}


def processor_of(profile: Profile) -> Processor:
    """What the model needs of a profile; raise DeviceError where it knows no such core."""
    cpu, known = profile.cpu, microarchitectures()
    if cpu.microarchitecture not in known:
        raise DeviceError(
            f"nothing can be predicted for {profile.name}: no figures are known of "
            f"'{cpu.microarchitecture}'{nearest(cpu.microarchitecture, known)}; "
            "measure there with edge-bench"
        )
    if cpu.architecture != ARCHITECTURE:
        raise DeviceError(
            f"nothing can be predicted for {profile.name}: figures are of {ARCHITECTURE} systems, "
            f"not {cpu.architecture}; measure there with edge-bench"
        )
    core, memory = known[cpu.microarchitecture], profile.memory
    bandwidth_gb_s = memory.measured_bandwidth_gb_s or memory.bandwidth_gb_s
    return Processor(profile.name, core, cpu.cores, cpu.clock_mhz / 1000, bandwidth_gb_s)
