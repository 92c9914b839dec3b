"""Power of single supply rails and of all that a sensor sees."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rail:
    """One supply and what flows through it."""

    name: str
    watts: float


@dataclass(frozen=True)
class Power:
    """Power now.  covers: the sensor and the rails that `watts` is of, for people to read."""

    watts: float
    covers: str
    rails: tuple[Rail, ...]
