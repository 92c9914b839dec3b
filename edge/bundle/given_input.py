"""Inputs of a network that no frame fills."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class GivenInput:
    """An input of the last part that takes numbers which the application gives while it runs.

    shape: without the batch; () of a single number.  low, high: what calibration clips held.
    """

    MOST_NUMBERS = 4096  # so that they fit an argument of a command line

    name: str
    shape: tuple[int, ...]
    unit: str = ""
    low: float = 0.0
    high: float = 0.0

    @property
    def size(self) -> int:
        """How many numbers it takes."""
        return math.prod(self.shape)

    @property
    def amount(self) -> str:
        """How many numbers it takes, and in what."""
        numbers = "a number" if self.size == 1 else f"{self.size} numbers"
        return f"{numbers}{self.unit and f' in {self.unit}'}"

    @property
    def form(self) -> str:
        """What it takes, in words."""
        return f"{self.amount}, {self.low:.3g} to {self.high:.3g} in its clips"

    @property
    def words(self) -> str:
        """What it is called and takes."""
        return f"'{self.name}': {self.form}, given while it runs"
