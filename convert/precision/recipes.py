"""What a part can be converted to: recipes as values."""

from dataclasses import asdict, dataclass
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
    equalised: channels reach equally far.  corrected: biases keep the means of float.
    only: the single layer that is not float32, to see what it costs; "": all but `float_layers`.
    """

    precision: str
    ranges: str = RANGES[0]
    float_layers: tuple[str, ...] = ()
    equalised: bool = False
    corrected: bool = False
    only: str = ""

    @property
    def static(self) -> bool:
        """Whether activations have fixed ranges, which need calibration frames."""
        return BITS[self.precision].activations is not None

    @property
    def label(self) -> str:
        """For a table, such as `int8 (mse ranges, 4 layers in float32)`."""
        details = [f"{self.ranges} ranges"] if self.ranges != RANGES[0] else []
        details += ["equalised"] * self.equalised + ["corrected biases"] * self.corrected
        details += [f"{self.only} alone"] if self.only else []
        if self.float_layers:
            count = len(self.float_layers)
            details.append(f"{count} layer{'s' * (count > 1)} in float32")
        return f"{self.precision} ({', '.join(details)})" if details else self.precision

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Recipe":
        return cls(**{**fields, "float_layers": tuple(fields["float_layers"])})


INT16X8 = "int16x8"
FLOAT32 = Recipe("float32")
INT8 = Recipe("int8")
LADDER = tuple(map(Recipe, PRECISIONS))
