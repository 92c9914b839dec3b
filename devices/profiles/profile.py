"""What is known of a board before it is measured: its profile, a TOML file.

The shipped ones lie in `profiles/`; docs/boards.md explains each key.
"""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from edge_common.data import TableError, build, tomllib
from edge_common.errors import DeviceError

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

    microarchitecture: key into the latency model.  qemu_cpu: for `qemu -cpu`; "" where none fits.
    clock_mhz: the highest that all cores hold together.  l2_kib, l3_kib: of what one core can
    reach, its own or shared; 0 for none.  dot_product: int8 dot products (SDOT, VNNI).
    cpuinfo: the text of /proc/cpuinfo, by which a runtime picks its kernels; "" where untold.
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
class Memory:
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
    memory: Memory
    run: Run
    telemetry: Telemetry
    recognise: Recognise = field(default_factory=Recognise)

    @property
    def is_generic(self) -> bool:
        """Whether this stands for all boards of an architecture that have no profile."""
        return self.recognise == Recognise()


def read_profile(path: Path) -> Profile:
    """Read and check a profile; raise DeviceError naming the file and what is wrong in it."""
    try:
        profile = build(Profile, _checked_schema(_read_toml(path)))
        check_values(profile, path.stem)
    except TableError as error:
        raise DeviceError(f"{path}: {error}") from error
    return profile


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if path.exists() and not path.is_file():  # a pipe would wait for its writer
            raise TableError("is no file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise TableError(f"cannot be read: {error.strerror or error}") from error
    if len(content) > _MOST_BYTES:
        raise TableError("is larger than 1 MiB: no profile is")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise TableError(f"is not UTF-8 text: byte {error.start} cannot be decoded") from error
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"is not TOML: {error}") from error
    except RecursionError:
        raise TableError("is not TOML that can be read: it is nested too deeply") from None


def _checked_schema(table: dict[str, Any]) -> dict[str, Any]:
    """First of all, since another schema has other keys."""
    if table.get("schema", SCHEMA) != SCHEMA:
        raise TableError(f"schema {table['schema']!r} is not the one read here, {SCHEMA}")
    return table


if TYPE_CHECKING:
    pass

ARCHITECTURES = ("aarch64", "armv7l", "x86_64")
THROTTLING = ("vcgencmd", "cooling", "none")
POWER = ("none", "pmic", "ina3221", "rapl")
_MOST = 1_000_000  # cores, MHz and KiB alike


def check_values(profile: "Profile", stem: str) -> None:
    """Raise TableError naming the first key whose value cannot be; stem: of the file's name."""
    cpu, memory, run, telemetry = profile.cpu, profile.memory, profile.run, profile.telemetry
    _demand(profile.name == stem, f"name '{profile.name}' differs from the file's, '{stem}'")
    for key, value, least in (
        ("cpu.cores", cpu.cores, 1),
        ("cpu.clock_mhz", cpu.clock_mhz, 1),
        ("cpu.l1d_kib", cpu.l1d_kib, 0),
        ("cpu.l2_kib", cpu.l2_kib, 0),
        ("cpu.l3_kib", cpu.l3_kib, 0),
        ("memory.size_mib", min(memory.size_mib, default=0), 1),
        ("run.threads", run.threads, 1),
    ):
        _demand(value >= least, f"key '{key}' should be at least {least}, not {value}")
        _demand(value <= _MOST, f"key '{key}' should be at most {_MOST}, not {value}")
    for key, rate in (
        ("memory.bandwidth_gb_s", memory.bandwidth_gb_s),
        ("memory.measured_bandwidth_gb_s", memory.measured_bandwidth_gb_s),
    ):
        _demand(rate is None or 0 < rate < 1e6, f"key '{key}' should be above 0, not {rate}")
    for key, word, words in (
        ("cpu.architecture", cpu.architecture, ARCHITECTURES),
        ("telemetry.throttling", telemetry.throttling, THROTTLING),
        ("telemetry.power", telemetry.power, POWER),
    ):
        _demand(word in words, f"key '{key}' should be one of {', '.join(words)}, not '{word}'")
    _demand(run.threads <= cpu.cores, f"key 'run.threads' should be at most cpu.cores, {cpu.cores}")
    for path in telemetry.temperature:
        inside = not path.startswith("/") and ".." not in PurePosixPath(path).parts
        _demand(inside, f"key 'telemetry.temperature' should be below /, without '..': '{path}'")
    outside = [core for core in run.affinity if not 0 <= core < cpu.cores]
    _demand(not outside, f"key 'run.affinity' names core {outside[:1]} of 0 to {cpu.cores - 1}")


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise TableError(message)
