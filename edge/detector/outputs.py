"""What a detector wrote: its outputs by name, and scores that are compared as they stand there."""

import math
from typing import Protocol

import numpy as np

from edge.bundle import DetectionSpec, TensorSpec
from edge.detector.boxes import highest
from edge.stream.quantise import dequantise


class HasOutputs(Protocol):
    """What wrote them: an engine, or a recording of one."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]: ...

    def output(self, index: int) -> np.ndarray:
        """The newest contents of one, of the shape and dtype that its TensorSpec states."""


class Outputs:
    """The outputs of a detector that has run, by name, without their batch of 1.

    No view of them may be left when it runs again.  size: width and height of its input.
    """

    def __init__(self, engine: HasOutputs, names: list[str], size: tuple[int, int]) -> None:
        self._engine, self._names, self.size = engine, names, size

    def tensor(self, name: str) -> TensorSpec:
        return self._engine.outputs[self._names.index(name)]

    def contents(self, name: str) -> np.ndarray:
        """As they stand in the tensor."""
        contents: np.ndarray = self._engine.output(self._names.index(name))[0]
        return contents

    def values(self, name: str, indices: np.ndarray) -> np.ndarray:
        """What the rows (n, k) of these indices stand for, as float32."""
        contents = self.contents(name)
        rows = contents.reshape(-1, contents.shape[-1] if contents.ndim > 1 else 1)
        return dequantise(rows[indices], self.tensor(name))


class Scores:
    """Which contents of a tensor are scores that are high enough, and which the highest of them."""

    def __init__(self, tensor: TensorSpec, spec: DetectionSpec) -> None:
        self._classes = list(spec.classes)
        self._tensor, self._logits, self._limit = tensor, spec.logits, spec.limit
        self._least = self._lowest(spec.score)

    def of_classes(self, contents: np.ndarray) -> np.ndarray:
        """What is of the classes that are looked for, of contents (..., classes)."""
        if not self._classes or contents.shape[-1] == 1:
            return contents
        return np.ascontiguousarray(contents[..., self._classes])

    def candidates(self, contents: np.ndarray) -> np.ndarray:
        """The flat indices of those that are high enough, which NaN is not."""
        high = contents >= self._least
        if not self._tensor.quantised and not self._logits:
            high &= contents < np.inf
        return np.flatnonzero(high)

    def surest(self, contents: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those of these flat indices with the highest scores, the highest first; and the scores."""
        scores = self._probabilities(contents.ravel()[indices])
        order = highest(scores, self._limit)
        return indices[order], scores[order]

    def _lowest(self, score: float) -> float:
        """What stands in the tensor for the lowest score that is high enough, or between it and others."""
        tensor, real = self._tensor, score
        if tensor.quantised and tensor.dtype in ("int8", "uint8"):
            limits = np.iinfo(tensor.dtype)
            steps = np.arange(limits.min, limits.max + 1).astype(tensor.dtype)
            enough = steps[self._probabilities(steps) >= np.float32(score)]
            return int(enough[0]) if enough.size else limits.max + 1
        if self._logits:
            real = math.log(score / (1 - score)) if score < 1 else math.inf
        return real / tensor.scale + tensor.zero_point if tensor.quantised else real

    def _probabilities(self, contents: np.ndarray) -> np.ndarray:
        values = dequantise(contents, self._tensor)
        if self._logits:
            values = 1 / (1 + np.exp(-np.clip(values, -50, 50)))
        probabilities: np.ndarray = np.minimum(values, 1)
        return probabilities
