"""Records of edge-bench from real boards, which the model learns from as from published figures."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from edge_common.data import build
from edge_common.errors import DeviceError
from edge_common.files import config_folder
from edge_devices.detection.detect import by_model
from edge_devices.prediction.cores import ARCHITECTURE, Processor, Work, processor_of
from edge_devices.prediction.model import Observation
from edge_devices.profiles.catalogue import catalogue

_MOST_BYTES = 64 << 20
_MOST_MS, _MOST = 1e6, 1e15  # of a part; more is no measurement


@dataclass(frozen=True)
class Unused:
    """A record that nothing can be learnt from.  reason: one line that names the file."""

    path: Path
    reason: str


def user_folder() -> Path:
    """Where a user's own records lie."""
    return config_folder("measurements")


def shipped_folder() -> Path:
    """The records that come with the project."""
    return Path(str(resources.files("edge_devices").joinpath("measurements")))


def measured() -> tuple[tuple[Observation, ...], tuple[Unused, ...]]:
    """What all records tell, and those that tell nothing."""
    found: list[Observation] = []
    unused: list[Unused] = []
    for path in (*_records(shipped_folder()), *_records(user_folder())):
        try:
            found += read_record(path)
        except DeviceError as error:
            unused.append(Unused(path, str(error)))
    return tuple(found), tuple(unused)


def _records(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def read_record(path: Path) -> list[Observation]:
    """Each part's median latency; raise DeviceError where nothing can be learnt from the file."""
    try:
        return list(_observations(json.loads(_content(path))))
    except OSError as error:
        raise DeviceError(f"{path} cannot be read: {error.strerror or error}") from error
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as e:
        raise DeviceError(
            f"{path} is no record that can be learnt from ({e}): "
            "write it on a known board with edge-bench BUNDLE -o record.json"
        ) from e


def _content(path: Path) -> str:
    if not path.is_file():
        raise ValueError("it is no file")
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("it is larger than 64 MB")
    return path.read_text("utf-8")


def _observations(record: Mapping[str, Any]) -> Iterator[Observation]:
    _refuse_unlike(record)
    processor = _processor(record["machine"])
    threads = record["setup"]["threads"]
    _demand(type(threads) is int and 1 <= threads <= processor.cores, f"threads are {threads}")
    for role, invokes in record["measurements"][0]["invokes_ms"].items():
        milliseconds, work = float(invokes["p50"]), build(Work, record["work"][role])
        _demand(0 < milliseconds < _MOST_MS, f"{role} took {milliseconds} ms")
        for name, amount in vars(work).items():
            _demand(0 <= amount < _MOST, f"{role} has {amount} {name}")
        _demand(work.instructions > 0, f"{role} has no instructions")
        yield Observation(work, processor, threads, milliseconds, processor.board)


def _refuse_unlike(record: Mapping[str, Any]) -> None:
    """What was not measured as the published figures were teaches nothing of them."""
    setup, machine = record["setup"], record["machine"]
    _demand(not setup.get("device"), "its figures are predicted, not measured")
    _demand(record["complete"] is True, "its run was interrupted")
    _demand(setup["runtime"] == "litert", f"its runtime is {setup['runtime']}, not litert")
    _demand(
        setup["delegate"] in ("auto", "xnnpack"), f"it ran with the delegate {setup['delegate']}"
    )
    _demand(machine["architecture"] == ARCHITECTURE, f"its system is {machine['architecture']}")
    _demand(machine.get("pointer_bits") in (None, 64), "its Python is a 32-bit one")


def _processor(machine: Mapping[str, Any]) -> Processor:
    """The board's, at the clock that was in force there."""
    detected = by_model(catalogue(), machine["board"])
    if detected is None:
        raise ValueError(f"no profile for the board '{machine['board']}'")
    known = processor_of(detected.profile)
    clock_ghz = max(machine.get("max_khz") or [known.clock_ghz * 1e6]) / 1e6
    _demand(0.1 <= clock_ghz <= 10, f"its clock is {clock_ghz} GHz")
    return Processor(known.board, known.core, known.cores, clock_ghz, known.bandwidth_gb_s)


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
