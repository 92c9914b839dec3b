"""What is known of a board before it is measured: its profile, a TOML file.

The shipped ones lie in `profiles/`; docs/boards.md explains each key.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from edge_common import DataError, DeviceError, decode, read_toml

SCHEMA = 1
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Recognise:
    """What a board says of itself, the strongest evidence first; nothing for a generic board.

    models: beginnings of the device-tree model.  compatible: names in the device tree.
    cores: `implementer:part` as /proc/cpuinfo has them, `0x41:0xd08`.
    """

    models: tuple[str, ...] = ()
    compatible: tuple[str, ...] = ()
    cores: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cpu:
    """The processor.

    microarchitecture: key into the latency model.  qemu_cpu: for `qemu -cpu`; "" if none fits.
    clock_mhz: the highest that all cores hold together.  l2_kib, l3_kib: of what one core can
    reach, its own or shared; 0 for none.  dot_product: int8 dot products (SDOT, VNNI).
    cpuinfo: the text of /proc/cpuinfo, by which a runtime picks its kernels; "" if untold.
    """

    name: str
    microarchitecture: str
    qemu_cpu: str
    architecture: str
    cores: int
    clock_mhz: int
    l1d_kib: int
    l2_kib: int
    l3_kib: int
    dot_product: bool
    cpuinfo: str


@dataclass(frozen=True)
class BoardMemory:
    """size_mib: of each version sold.  bandwidth_gb_s: the bus's theoretical peak, 1e9 bytes/s.

    measured_bandwidth_gb_s: published, bytes that one core reads plus bytes that it writes
    while it copies (STREAM's way of counting; twice tinymembench's memcpy).
    """

    size_mib: tuple[int, ...]
    bandwidth_gb_s: float
    measured_bandwidth_gb_s: float | None = None


@dataclass(frozen=True)
class Run:
    """How to run there.  affinity: core numbers to keep to; () leaves it to the scheduler."""

    threads: int
    affinity: tuple[int, ...]
    delegates: tuple[str, ...]
    capture: str


@dataclass(frozen=True)
class Telemetry:
    """Where the board tells its state.  temperature: files, relative to the root."""

    temperature: tuple[str, ...]
    throttling: str
    power: str


@dataclass(frozen=True)
class Profile:
    """One board.  sources: the documents that the figures are from."""

    schema: int
    name: str
    title: str
    sources: tuple[str, ...]
    cpu: Cpu
    memory: BoardMemory
    run: Run
    telemetry: Telemetry
    recognise: Recognise = field(default_factory=Recognise)

    @property
    def is_generic(self) -> bool:
        """Whether this stands for all boards of an architecture that have no profile."""
        return self.recognise == Recognise()


def read_profile(path: Path) -> Profile:
    """Read and check a profile; raise DeviceError naming the file and what is wrong in it."""
    if path.exists() and not path.is_file():  # a pipe would wait for its writer
        raise DeviceError(f"{path}: is no file")
    try:
        table = read_toml(path, _MOST_BYTES)
        _check_schema(table, path)
        profile = decode(Profile, table, str(path))
    except DataError as error:
        raise DeviceError(str(error)) from error
    check_values(profile, path)
    return profile


def _check_schema(table: dict[str, Any], path: Path) -> None:
    """First of all, since another schema has other keys."""
    if table.get("schema", SCHEMA) != SCHEMA:
        raise DeviceError(f"{path}: schema {table['schema']!r} is not the one read here, {SCHEMA}")


ARCHITECTURES = ("aarch64", "armv7l", "x86_64")
THROTTLING = ("vcgencmd", "cooling", "none")
POWER = ("none", "pmic", "ina3221", "rapl")
_MOST = 1_000_000  # cores, MHz and KiB alike


def check_values(profile: Profile, path: Path) -> None:
    """Raise DeviceError that names the file and the first key whose value cannot be."""
    for message in _faults(profile, path.stem):
        raise DeviceError(f"{path}: {message}")


def _faults(profile: Profile, stem: str) -> Iterator[str]:
    """What is wrong with the values.  stem: of the file's name."""
    if profile.name != stem:
        yield f"name '{profile.name}' differs from the file's, '{stem}'"
    yield from _numbers_out_of_range(profile)
    yield from _unknown_words(profile)
    yield from _faults_of_run(profile.run, profile.cpu.cores)
    for path in profile.telemetry.temperature:
        if path.startswith("/") or ".." in PurePosixPath(path).parts:
            yield f"key 'telemetry.temperature' should be below /, without '..': '{path}'"


def _numbers_out_of_range(profile: Profile) -> Iterator[str]:
    cpu, memory = profile.cpu, profile.memory
    for key, value, least in (
        ("cpu.cores", cpu.cores, 1),
        ("cpu.clock_mhz", cpu.clock_mhz, 1),
        ("cpu.l1d_kib", cpu.l1d_kib, 0),
        ("cpu.l2_kib", cpu.l2_kib, 0),
        ("cpu.l3_kib", cpu.l3_kib, 0),
        ("memory.size_mib", min(memory.size_mib, default=0), 1),
        ("run.threads", profile.run.threads, 1),
    ):
        if value < least:
            yield f"key '{key}' should be at least {least}, not {value}"
        if value > _MOST:
            yield f"key '{key}' should be at most {_MOST}, not {value}"
    for key, rate in (
        ("memory.bandwidth_gb_s", memory.bandwidth_gb_s),
        ("memory.measured_bandwidth_gb_s", memory.measured_bandwidth_gb_s),
    ):
        if rate is not None and not 0 < rate < 1e6:
            yield f"key '{key}' should be above 0, not {rate}"


def _unknown_words(profile: Profile) -> Iterator[str]:
    for key, word, words in (
        ("cpu.architecture", profile.cpu.architecture, ARCHITECTURES),
        ("telemetry.throttling", profile.telemetry.throttling, THROTTLING),
        ("telemetry.power", profile.telemetry.power, POWER),
    ):
        if word not in words:
            yield f"key '{key}' should be one of {', '.join(words)}, not '{word}'"


def _faults_of_run(run: Run, cores: int) -> Iterator[str]:
    if run.threads > cores:
        yield f"key 'run.threads' should be at most cpu.cores, {cores}"
    outside = [core for core in run.affinity if not 0 <= core < cores]
    if outside:
        yield f"key 'run.affinity' names core {outside[:1]} of 0 to {cores - 1}"
