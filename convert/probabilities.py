"""Whether an answer is probabilities or logits: by its values on clips, and by its graph.

The name of a layer decides nothing. Values outside of 0 to 1 are no probabilities; values that
are never negative and always sum to 1 are; between them the graph decides.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge.tasks import Task, kind_of
from edge_common import ModelError

Shape = tuple[int, ...]
LINEAR = "linear"
_PROBABLE = frozenset({"softmax", "sigmoid"})
_CLOSE = 1e-3  # of a sum to 1, and of a limit
_COARSEST = 0.1  # what many coarse integers may be off by


@dataclass(frozen=True)
class Output:
    """One output of a network.

    shape: without the batch.  ending: `softmax`, `sigmoid` or `linear` if the graph shows that it
    comes out of one; else empty.  values: what it gave for n clips, (n, k); None if not run.
    step: what one step of its integers stands for; 0 of floats.
    """

    shape: Shape
    ending: str
    values: np.ndarray | None = field(default=None, compare=False)
    step: float = 0.0

    @property
    def axes(self) -> Shape:
        """The shape without axes of one, which say nothing; (1,) if there are no others."""
        return tuple(size for size in self.shape if size > 1) or (1,)

    @property
    def width(self) -> int:
        """Numbers in it."""
        return math.prod(self.shape)

    @property
    def activation(self) -> str:
        """`softmax`, `sigmoid` or `linear`: what its kind is inferred from if nobody tells it."""
        if self.values is None:
            return self.ending or LINEAR
        if not self._lies_within():
            return LINEAR
        return "softmax" if self._sums_to_one() else self.ending or LINEAR

    @property
    def holds_probabilities(self) -> bool:
        """Whether nothing has to be put behind it; without values, what its graph says."""
        if self.values is None:
            return self.ending in _PROBABLE
        return self._lies_within() and (self.ending != LINEAR or self._sums_to_one())

    def _lies_within(self) -> bool:
        low, high = self.span
        return low >= -_CLOSE - self.step and high <= 1 + _CLOSE + self.step

    def _sums_to_one(self) -> bool:
        if self.values is None or self.values.shape[1] < 2:
            return False
        allowed = min(_CLOSE + self.step * self.values.shape[1] / 2, _COARSEST)
        return float(np.abs(self.values.sum(1) - 1).max()) <= allowed

    @property
    def span(self) -> tuple[float, float]:
        """The lowest and the highest value; NaN if it was not run."""
        if self.values is None:
            return float("nan"), float("nan")
        return float(self.values.min()), float(self.values.max())


def ending_of(sources: Iterable[str]) -> str:
    """What a value that is computed of several comes out of, if they are all of a kind."""
    names = set(sources)
    if names and names <= _PROBABLE:
        return names.pop() if len(names) == 1 else "sigmoid"  # in 0 to 1, of whatever sum
    return LINEAR if names == {LINEAR} else ""


@dataclass(frozen=True)
class MissingActivation:
    """Which activation is missing behind an answer, empty if none is; a line that says why."""

    task: str
    activation: str
    line: str


def decisions(tasks: Sequence[Task], outputs: Mapping[str, Output]) -> list[MissingActivation]:
    """What stands behind each answer whose kind needs probabilities.

    Raises ModelError if one is made of probabilities and is none.
    """
    kinds = {task.name: kind_of(task) for task in tasks}
    return [
        _decision(name, kind.ending, outputs[name], kind.of_one_answer)
        for name, kind in kinds.items()
        if kind.ending in _PROBABLE
    ]


def _decision(name: str, activation: str, output: Output, width: int) -> MissingActivation:
    """width: numbers that are of one answer; 0: all."""
    low, high = output.span
    count = 0 if output.values is None else len(output.values)
    span = f"{low:.3g} to {high:.3g} on {count} clips"
    if width and output.values is not None:
        output = replace(output, values=output.values.reshape(-1, width))
    if output.holds_probabilities:
        return MissingActivation(
            name, "", f"'{name}' gives probabilities ({span}): they are left as they are"
        )
    if output.values is not None and output.ending in _PROBABLE:
        raise ModelError(
            f"'{name}' is made of what a {output.ending} gives, but reaches from {low:.3g} to "
            f"{high:.3g}, which no probabilities do: let the network end in the {output.ending}, "
            "or in a mean of several"
        )
    line = f"'{name}' ends in logits ({span}): probabilities are made of them by {activation}"
    return MissingActivation(name, activation, line)


def activated(
    outputs: Mapping[str, np.ndarray], activations: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Outputs (n, k) with the activations that these names lack, computed by hand."""
    return {
        name: _BY_HAND[activations[name]](np.asarray(values, np.float64)).astype(np.float32)
        if name in activations
        else np.asarray(values)
        for name, values in outputs.items()
    }


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)))


_BY_HAND = {"softmax": _softmax, "sigmoid": _sigmoid}
