"""What a part can be converted to: recipes as values."""

from dataclasses import dataclass
from typing import Any

from edge_common.runtimes import PRECISIONS

RANGES = ("min-max", "percentile", "mse")


@dataclass(frozen=True)
class Bits:
    """How wide the numbers of a precision are.

    activations: of integers with ranges from calibration; None if they stay in float.
    float_weights: weights are floats, else integers.
    """

    weights: int
    activations: int | None = None
    float_weights: bool = False


BITS = {
    "int8": Bits(weights=8, activations=8),
    "int16x8": Bits(weights=8, activations=16),
    "dynamic_range": Bits(weights=8),
    "float16": Bits(weights=16, float_weights=True),
    "float32": Bits(weights=32, float_weights=True),
}


@dataclass(frozen=True)
class Recipe:
    """One way to convert a float part.

    precision: one of edge_common.runtimes.PRECISIONS.
    ranges: how the ranges of activations are taken from the calibration frames.
    float_layers: operators that stay in float32, by the name of their output tensor.
    """

    precision: str
    ranges: str = RANGES[0]
    float_layers: tuple[str, ...] = ()

    @property
    def static(self) -> bool:
        """Whether activations have fixed ranges, which need calibration frames."""
        return BITS[self.precision].activations is not None

    @property
    def label(self) -> str:
        """For a table, such as `int8 (mse ranges, 4 layers in float32)`."""
        details = [f"{self.ranges} ranges"] if self.ranges != RANGES[0] else []
        if self.float_layers:
            count = len(self.float_layers)
            details.append(f"{count} layer{'s' * (count > 1)} in float32")
        return f"{self.precision} ({', '.join(details)})" if details else self.precision

    @property
    def file_name(self) -> str:
        return f"{self.precision}-{self.ranges}-{len(self.float_layers)}"

    def to_json(self) -> dict[str, Any]:
        return {
            "precision": self.precision,
            "ranges": self.ranges,
            "float_layers": self.float_layers,
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Recipe":
        return cls(fields["precision"], fields["ranges"], tuple(fields["float_layers"]))


FLOAT32 = Recipe("float32")
INT8 = Recipe("int8")
LADDER = tuple(map(Recipe, PRECISIONS))
