"""What the model learns from: published figures, and records of edge-bench from real boards."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from edge_common import DeviceError, config_folder, decode, read_json
from edge_devices.detection.detect import by_model
from edge_devices.prediction.cores import (
    ARCHITECTURE,
    Processor,
    Work,
    microarchitectures,
    processor_of,
    rows,
)
from edge_devices.prediction.model import Observation
from edge_devices.profiles import read_catalogue

_MOST_BYTES = 64 << 20
_MOST_MS, _MOST = 1e6, 1e15  # of a part; more is no measurement


@dataclass(frozen=True)
class Unused:
    """A record that nothing can be learnt from.  reason: one line that names the file."""

    path: Path
    reason: str


@dataclass(frozen=True)
class _Machine:
    board: str
    architecture: str
    max_khz: tuple[float, ...] = ()
    pointer_bits: int | None = None


@dataclass(frozen=True)
class _Setup:
    threads: int
    runtime: str
    delegate: str
    device: str = ""


@dataclass(frozen=True)
class _Latency:
    p50: float


@dataclass(frozen=True)
class _Measurement:
    invokes_ms: dict[str, _Latency] = field(default_factory=dict)


@dataclass(frozen=True)
class _Record:
    """What is read here of a record of edge-bench."""

    complete: bool
    machine: _Machine
    setup: _Setup
    measurements: tuple[_Measurement, ...]
    work: dict[str, Work]


def user_folder() -> Path:
    """Where a user's own records lie."""
    return config_folder("measurements")


def shipped_folder() -> Path:
    """The records that come with the project."""
    return Path(str(resources.files("edge_devices").joinpath("measurements")))


def measured() -> tuple[tuple[Observation, ...], tuple[Unused, ...]]:
    """What all records tell, and those that tell nothing."""
    observations: list[Observation] = []
    unused: list[Unused] = []
    for path in (*_records(shipped_folder()), *_records(user_folder())):
        try:
            observations += read_record(path)
        except DeviceError as error:
            unused.append(Unused(path, str(error)))
    return tuple(observations), tuple(unused)


def _records(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def read_record(path: Path) -> list[Observation]:
    """Each part's median latency; raise DeviceError if nothing can be learnt from the file."""
    try:
        _demand(path.is_file(), "it is no file")
        record = decode(_Record, read_json(path, _MOST_BYTES), ignore_unknown=True)
        return list(_observations(record))
    except ValueError as error:
        raise DeviceError(
            f"{path} is no record that can be learnt from ({error}): "
            "write it on a known board with edge-bench BUNDLE -o record.json"
        ) from error


def _observations(record: _Record) -> Iterator[Observation]:
    _refuse_unlike(record)
    processor, threads = _processor(record.machine), record.setup.threads
    _demand(1 <= threads <= processor.cores, f"threads are {threads}")
    _demand(bool(record.measurements), "it holds no measurements")
    for role, latency in record.measurements[0].invokes_ms.items():
        _demand(role in record.work, f"it does not tell the work of '{role}'")
        work = record.work[role]
        _demand(0 < latency.p50 < _MOST_MS, f"{role} took {latency.p50} ms")
        for name, amount in vars(work).items():
            _demand(0 <= amount < _MOST, f"{role} has {amount} {name}")
        _demand(work.instructions > 0, f"{role} has no instructions")
        yield Observation(work, processor, threads, latency.p50, processor.board)


def _refuse_unlike(record: _Record) -> None:
    """What was not measured as the published figures were teaches nothing of them."""
    setup, machine = record.setup, record.machine
    _demand(not setup.device, "its figures are predicted, not measured")
    _demand(record.complete, "its run was interrupted")
    _demand(setup.runtime == "litert", f"its runtime is {setup.runtime}, not litert")
    _demand(setup.delegate in ("auto", "xnnpack"), f"it ran with the delegate {setup.delegate}")
    _demand(machine.architecture == ARCHITECTURE, f"its system is {machine.architecture}")
    _demand(machine.pointer_bits in (None, 64), "its Python is a 32-bit one")


def _processor(machine: _Machine) -> Processor:
    """The board's, at the clock that was in force there."""
    detected = by_model(read_catalogue(), machine.board)
    if detected is None:
        raise ValueError(f"no profile for the board '{machine.board}'")
    published = processor_of(detected.profile)
    clock_ghz = max(machine.max_khz or [published.clock_ghz * 1e6]) / 1e6
    _demand(0.1 <= clock_ghz <= 10, f"its clock is {clock_ghz} GHz")
    return replace(published, clock_ghz=clock_ghz)


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


_CORES = 4  # of every board in the table; a Pixel 4 has four such cores, too


@dataclass(frozen=True)
class Anchor:
    """One published figure.  source: key into `data/anchor_sources.toml`."""

    source: str
    network: str
    precision: str
    observation: Observation


@functools.cache
def published() -> tuple[Anchor, ...]:
    """All shipped anchors, in the order of the table."""
    work = {
        (row["network"], row["precision"], row["kernels"]): Work(
            int(row["instructions"]),
            int(row["weight_bytes"]),
            int(row["tensor_bytes"]),
            int(row["operators"]),
            counted=True,
        )
        for row in rows("anchor_work.csv")
    }
    return tuple(_anchor(row, work) for row in rows("anchors.csv"))


def _anchor(row: dict[str, str], work: dict[tuple[str, str, str], Work]) -> Anchor:
    core, own_scale = microarchitectures()[row["microarchitecture"]], row["own_scale"] == "yes"
    board = row["board"]
    return Anchor(
        row["source"],
        row["network"],
        row["precision"],
        Observation(
            work[row["network"], row["precision"], core.kernels],
            Processor(board, core, _CORES, float(row["clock_ghz"]), float(row["bandwidth_gb_s"])),
            int(row["threads"]),
            float(row["ms"]),
            f"{board} {row['source']}" if own_scale else board,
            own_scale,
        ),
    )
