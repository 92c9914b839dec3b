"""Allowances as a user writes them."""

import math

import click


class _Allowance(click.ParamType):
    """A number that is not negative, its unit written or not."""

    def __init__(self, name: str, unit: str, scale: float) -> None:
        self.name, self._unit, self._scale = name, unit, scale

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            number = float(str(value).removesuffix(self._unit))
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            self.fail(f"{value!r} is no allowance: write it like 5{self._unit}", param, ctx)
        return number * self._scale


PERCENT = _Allowance("percent", "%", 0.01)  # as a share
POINTS = _Allowance("points", " points", 1.0)  # hundredths of an accuracy
