"""The rows of the table: as published, and as measured."""

import functools
from dataclasses import dataclass, field
from pathlib import Path

from edge_common.data import decode, nearest_or_all, read_toml
from edge_common.errors import ConfigError
from edge_devices.prediction.cores import Work


@dataclass(frozen=True)
class Published:
    """One row of the thesis' table, and what is built for it here.

    age_mae: years.  gender_acc, race_acc: percent; None: not published.
    params_m: millions of parameters.  approximate: as the thesis marks it.
    source: the paper.  built: what was built after it.  counts: how the two counts differ.
    """

    key: str
    method: str
    reference: str
    year: int
    params_m: float
    source: str
    built: str
    counts: str
    approximate: bool = False
    age_mae: float | None = None
    gender_acc: float | None = None
    race_acc: float | None = None


@functools.cache
def published() -> dict[str, Published]:
    """All rows by their key, in the order of the table."""
    path = Path(__file__).with_name("rows.toml")
    rows = decode(dict[str, tuple[Published, ...]], read_toml(path), str(path))["row"]
    return {row.key: row for row in rows}


def rows_named(names: str) -> tuple[Published, ...]:
    """The rows of `coral,dex`, in the order of the table; of nothing all of them.

    Raises ConfigError for a name that there is not.
    """
    known = published()
    given = {name.strip() for name in names.split(",") if name.strip()}
    for name in sorted(given - set(known)):
        raise ConfigError(f"no row is called '{name}'{nearest_or_all(name, known)}")
    return tuple(row for key, row in known.items() if not given or key in given)


@dataclass(frozen=True)
class Timing:
    """int8 inference of all networks of a row one after another, on noise, milliseconds.

    interval: 95 % of the median; None if frames are too few, or too alike within a round
    and unlike between rounds, to bound it.  rounds: the lowest and highest median of a round.
    yardstick_ms: median of the shipped network's encoder, which took turns with the row: rows
    are measured minutes apart, this says whether the machine was as fast.
    """

    p50_ms: float
    interval: tuple[float, float] | None
    rounds: tuple[float, float]
    frames: int
    yardstick_ms: float


@dataclass(frozen=True)
class Figures:
    """One row, measured.

    networks: names of what was built.  input: shape of a frame or window.
    work: of a frame, by the kind of cores that it was estimated for.
    seconds: of building and converting.
    """

    key: str
    networks: tuple[str, ...]
    input: tuple[int, ...]
    parameters: int
    multiply_adds: int
    size_bytes: int
    timing: Timing
    machine: str
    seconds: float = 0.0
    work: dict[str, Work] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """A row that could not be measured, and why, in one line."""

    key: str
    reason: str


FolderContent = Figures | Failure
