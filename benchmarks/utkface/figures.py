"""What was measured of one row."""

from dataclasses import dataclass, field

from devices.prediction.work import Work


@dataclass(frozen=True)
class Timing:
    """int8 inference of all networks of a row in turn, on noise, milliseconds.

    interval: 95 % of the median; None where frames are too few, or too alike within a round
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


Found = Figures | Failure
