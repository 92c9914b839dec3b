"""Records of edge-bench from real boards, which the model learns from as from published figures."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from devices.catalogue import catalogue
from devices.config_folder import config_folder
from devices.detection import by_model
from devices.errors import DeviceError
from devices.prediction.cores import Processor, processor_of
from devices.prediction.model import Observation
from devices.prediction.work import Work
from devices.tables import build

_MOST_BYTES = 64 << 20


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
    return Path(str(resources.files("devices").joinpath("measurements")))


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
    """Each part's median latency; raise DeviceError where the file is no record of a known board."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DeviceError(f"{path} is larger than 64 MB: no record is")
        record = json.loads(path.read_text("utf-8"))
        return list(_observations(record))
    except OSError as error:
        raise DeviceError(f"{path} cannot be read: {error.strerror or error}") from error
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise DeviceError(
            f"{path} is no record that can be learnt from ({error}): "
            "write it on a known board with edge-bench BUNDLE -o record.json"
        ) from error


def _observations(record: Mapping[str, Any]) -> Iterator[Observation]:
    if record["setup"].get("device"):
        raise ValueError("its figures are predicted, not measured")
    machine, threads = record["machine"], record["setup"]["threads"]
    processor = _processor(machine)
    for role, invokes in record["measurements"][0]["invokes_ms"].items():
        milliseconds = float(invokes["p50"])
        if not 0 < milliseconds < float("inf"):
            raise ValueError(f"{role} took {milliseconds} ms")
        work = build(Work, record["work"][role])
        yield Observation(work, processor, int(threads), milliseconds, processor.board)


def _processor(machine: Mapping[str, Any]) -> Processor:
    """The board's, at the clock that was in force there."""
    detected = by_model(catalogue(), machine["board"])
    if detected is None:
        raise ValueError(f"no profile for the board '{machine['board']}'")
    known = processor_of(detected.profile)
    clock_khz = max(machine.get("max_khz") or [known.clock_ghz * 1e6])
    return Processor(known.board, known.core, known.cores, clock_khz / 1e6, known.bandwidth_gb_s)
