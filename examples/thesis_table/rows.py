"""The rows of the table: as published, as measured, and as kept on disk."""

import functools
import hashlib
import json
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from edge_common import (
    ConfigError,
    SinkError,
    __version__,
    decode,
    encode,
    nearest_or_all,
    read_toml,
    write_whole,
)
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
    rows = published()
    selection = {name.strip() for name in names.split(",") if name.strip()}
    for name in sorted(selection - set(rows)):
        raise ConfigError(f"no row is called '{name}'{nearest_or_all(name, rows)}")
    return tuple(row for key, row in rows.items() if not selection or key in selection)


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


RowResult = Figures | Failure

_PROJECT = Path(__file__).resolve().parent.parent.parent
# whose change makes another network, or another file of the same
_SOURCES = (
    "models/networks/comparison/*.py",
    "models/networks/mtdnn.py",
    "models/networks/backbones.py",
)
_MADE_BY = ("tensorflow", "keras", "litert-quantizer", "ai-edge-litert")


@dataclass(frozen=True)
class RowCache:
    """A folder with a file for each finished row of this machine, these versions and threads."""

    folder: Path
    machine: str
    threads: int

    def find(self, key: str) -> Figures | None:
        """The row, if it was finished before; None if its file is missing or broken."""
        try:
            return decode(Figures, json.loads(self._path(key).read_text()))
        except (OSError, ValueError):
            return None

    def keep(self, figures: Figures) -> None:
        """Write a row, whole. Raises SinkError if the folder cannot be written."""
        write_whole(self._path(figures.key), json.dumps(encode(figures), indent=1).encode())

    def make(self) -> None:
        """Make the folder. Raises SinkError if it cannot be."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(
                f"{self.folder} cannot be made ({error.strerror}): give another --cache"
            ) from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}-{self._fingerprint()}.json"

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.machine};{self.threads};{__version__};".encode())
        for name in _MADE_BY:
            digest.update(f"{name} {_version(name)};".encode())
        for pattern in _SOURCES:
            for path in sorted(_PROJECT.glob(pattern)):
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
