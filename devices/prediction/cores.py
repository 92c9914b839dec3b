"""What an inference asks of a core, what each kind of core can do, and the least time that takes."""

import csv
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from edge_common import DeviceError, decode, read_toml
from edge_devices.profiles import Profile


@dataclass(frozen=True)
class Work:
    """One invocation of a network, or of a part of one, on one kind of core.

    instructions: that one thread executes.  weight_bytes: that matrix kernels read from the
    second-level cache, once for each tile of rows.  tensor_bytes: of all that the operators read
    and write, once each.  operators: after which threads wait for each other.
    counted: instructions were executed and counted under an emulator; else they are estimated
    from the operators.
    """

    instructions: float
    weight_bytes: float
    tensor_bytes: float
    operators: float
    counted: bool = False


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
    path = Path(str(resources.files("edge_devices") / "data" / "microarchitectures.toml"))
    return decode(dict[str, Microarchitecture], read_toml(path), str(path))


def processor_of(profile: Profile) -> Processor:
    """What the model needs of a profile; raise DeviceError if it knows no such core."""
    cpu, cores = profile.cpu, microarchitectures()
    if cpu.microarchitecture not in cores:
        raise DeviceError(
            f"nothing can be predicted for {profile.name}: no figures are known of "
            f"'{cpu.microarchitecture}'; "
            "measure there with edge-bench"
        )
    if cpu.architecture != ARCHITECTURE:
        raise DeviceError(
            f"nothing can be predicted for {profile.name}: figures are of {ARCHITECTURE} systems, "
            f"not {cpu.architecture}; measure there with edge-bench"
        )
    core, memory = cores[cpu.microarchitecture], profile.memory
    bandwidth_gb_s = memory.measured_bandwidth_gb_s or memory.bandwidth_gb_s
    return Processor(profile.name, core, cpu.cores, cpu.clock_mhz / 1000, bandwidth_gb_s)


TERMS = ("instructions", "weights through the cache", "memory", "threads waiting")
_BARRIER_CYCLES = 10_000


def least_ms(work: Work, processor: Processor, threads: int) -> np.ndarray:
    """The four terms, float64 (4,), in milliseconds, for so many threads on cores of their own."""
    cycles_a_ms, core = processor.clock_ghz * 1e6, processor.core
    caches = 1 if core.l2_shared else threads
    return np.array(
        [
            work.instructions / (core.issue_width * threads) / cycles_a_ms,
            work.weight_bytes / (core.l2_bytes_a_cycle * caches) / cycles_a_ms,
            work.tensor_bytes / (processor.bandwidth_gb_s * 1e6),
            (threads > 1) * work.operators * _BARRIER_CYCLES / cycles_a_ms,
        ]
    )


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a table in `devices/data/`, each by column."""
    text = resources.files("edge_devices").joinpath("data", name).read_text("utf-8")
    return csv.DictReader(text.splitlines())


# of the logarithm of an estimate over the count, as `make anchors` prints it, each network left out
ESTIMATE_SPREAD = 0.11


@functools.cache
def instructions_per_unit(kernels: str) -> dict[tuple[str, str], float]:
    """(kind, precision) -> instructions, for one core's kernels; raises DeviceError for an unknown core."""
    table = {
        (row["kind"], row["precision"]): float(row["instructions"])
        for row in rows("instructions.csv")
        if row["kernels"] == kernels
    }
    if not table:
        raise DeviceError(f"no instruction counts are known of '{kernels}'")
    return table
