"""What an application gives a network beside frames: a speed, a temperature, who is looked at."""

from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from edge.bundle import GOLDEN_INPUT, Bundle, GivenInput
from edge_common import ConfigError, nearest_or_all

Given = Mapping[str, np.ndarray]
Numbers = Mapping[str, float | Sequence[float] | np.ndarray]
_SHOWN = 8  # numbers of an example


class GivenWindows(np.ndarray):
    """Windows (n, ...) with what is given beside each, {input: (n, ...)}; what is taken of them keeps it.

    Only what selects along the first axis does: of all else nothing is known.
    """

    beside: Given

    def __array_finalize__(self, source: object) -> None:
        self.beside = MappingProxyType({})

    def __getitem__(self, index: Any) -> Any:
        values = np.asarray(self)[index]
        if not self.beside or not isinstance(index, slice | np.ndarray):
            return values
        return with_given(values, {name: each[index] for name, each in self.beside.items()})


def with_given(values: np.ndarray, beside: Given) -> np.ndarray:
    """The same windows with what is given beside them; without any, as they are."""
    if not beside:
        return values
    windows = values.view(GivenWindows)
    windows.beside = dict(beside)
    return windows


def given_beside(windows: object) -> Given:
    """By the inputs' names, a row for each window; nothing beside arrays that know of none."""
    return getattr(windows, "beside", MappingProxyType({}))


def given_values(inputs: Sequence[GivenInput], numbers: Numbers) -> dict[str, np.ndarray]:
    """What is given of some inputs, float32 in their shapes.

    Raises ConfigError if there is no such input, or the numbers are too many, too few or not finite.
    """
    by_name = {each.name: each for each in inputs}
    arrays = {}
    for name, value in numbers.items():
        if name not in by_name:
            hint = nearest_or_all(name, by_name) if by_name else ": it takes frames alone"
            raise ConfigError(f"the network has no input '{name}' beside frames{hint}")
        array, shape = _array(value), by_name[name].shape
        if array.dtype.kind not in "biuf" or array.size != by_name[name].size:
            raise ConfigError(
                f"the input '{name}' takes {by_name[name].size} numbers, and {value!r} was given"
            )
        with np.errstate(over="ignore"):  # refused below
            arrays[name] = array.astype(np.float32).reshape(shape)
        if not np.isfinite(arrays[name]).all():
            raise ConfigError(f"the input '{name}' takes finite numbers, and {value!r} was given")
    return arrays


def _array(value: object) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:  # rows of unequal lengths
        return np.empty(0)


def refuse_missing(inputs: Sequence[GivenInput], names: Container[str]) -> None:
    """Raises ConfigError that says how an input is given, if it is not among the names of those that are."""
    missing = [each for each in inputs if each.name not in names]
    if missing:
        words = " and ".join(f"'{each.name}' ({each.form})" for each in missing)
        middle = (missing[0].low + missing[0].high) / 2
        example = ",".join([f"{middle:.3g}"] * min(missing[0].size, _SHOWN))
        example += ",..." * (missing[0].size > _SHOWN)
        raise ConfigError(
            f"the network takes {words} beside frames: give it with --input {missing[0].name}={example}, in "
            f"Python with Stream(bundle, inputs={{'{missing[0].name}': ...}})"
        )


def golden_inputs(bundle: Bundle) -> dict[str, np.ndarray]:
    """What was given when the golden frames were answered; without them, the middle of what is usual."""
    golden, inputs = bundle.golden, bundle.manifest.inputs
    middle = {e.name: np.full(e.shape, (e.low + e.high) / 2, np.float32) for e in inputs}
    return {name: golden.get(GOLDEN_INPUT + name, value) for name, value in middle.items()}
