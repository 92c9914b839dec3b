"""What a network answers in its own library, to hold its .tflite against."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.engine.engine import Engine
from edge.stream import given_beside, with_given
from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert import layouts
from edge_convert.inputs import FEATURES, NetworkInputs

TOLERANCE = 1e-3  # of the largest answer: float32 in other orders, on values up to 255
_FRAMES, _GIVEN = "frames:", "given:"

Answers = dict[str, np.ndarray]
Run = Callable[[np.ndarray], Mapping[str, np.ndarray]]


def examples(shape: tuple[int, ...]) -> np.ndarray:
    """Noise in 0..1, smooth images in 0..255 and in -1..1: float32 (3, *shape).

    shape: ([T,] H, W, C) of the input without its batch.
    """
    draw = np.random.default_rng(0)
    *before, height, width, channels = shape
    smooth = [
        cv2.resize(draw.random((5, 5, channels), np.float32), (width, height))
        for _ in range(int(np.prod(before, dtype=int)))
    ]
    image = np.reshape(smooth, shape).astype(np.float32)
    noise = draw.random(image.shape, np.float32)
    return np.stack([noise, image * 255, image * 2 - 1])


def examples_of(use: NetworkInputs) -> np.ndarray:
    """What a network with these inputs is tried on: images, or features of three kinds.

    Features are noise in 0..1, of a normal distribution, and such that change slowly. What is given beside
    them is noise in 0..2.
    """
    values = _of_images(use) if use.kind != FEATURES else _of_features(use)
    draw = np.random.default_rng(1)
    side_values = {
        name: draw.uniform(0, 2, (len(values), *shape[1:])).astype(np.float32)
        for name, shape in use.given_shapes.items()
    }
    return with_given(values, side_values)


def _of_images(use: NetworkInputs) -> np.ndarray:
    frames = examples(use.own_shape[1:])
    if use.dtype != "float32":  # whole numbers from 0 to 255 mean the same as either
        frames = np.stack([np.rint(np.abs(f) / np.abs(f).max() * 255) for f in frames])
    return frames


def _of_features(use: NetworkInputs) -> np.ndarray:
    draw, shape = np.random.default_rng(0), use.shape[1:]
    steps = draw.normal(0, 0.3, shape).cumsum(0)
    return np.stack([draw.random(shape), draw.normal(0, 1, shape), steps]).astype(np.float32)


@dataclass(frozen=True)
class Reference:
    """Examples, channels last, (n, [T,] H, W, C), and the answers to each, {name: (n, ...)}."""

    frames: np.ndarray
    answers: Answers

    @classmethod
    def of(cls, run: Run, frames: np.ndarray, layout: str = "", batch: int = 1) -> "Reference":
        """Run a network on each example (1, [T,] H, W, C), brought to its layout and batch.

        Raises ModelError if an answer has no such batch.
        """
        rows = []
        for i in range(len(frames)):
            example = frames[i : i + 1]
            values = np.repeat(layouts.in_layout(np.asarray(example), layout), batch, axis=0)
            row = run(with_given(values, given_beside(example)))
            rows.append({name: _of_first(name, value, batch) for name, value in row.items()})
        answers = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        return cls(frames, answers)

    def save(self, path: Path) -> None:
        """Write an .npz."""
        side_values = {_GIVEN + name: values for name, values in given_beside(self.frames).items()}
        arrays = {_FRAMES: np.asarray(self.frames), **side_values, **self.answers}
        np.savez(path, **dict[str, Any](arrays))

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            answers = {name: arrays[name] for name in arrays.files}
        side_values = {
            n.removeprefix(_GIVEN): answers.pop(n) for n in [*answers] if n.startswith(_GIVEN)
        }
        return cls(with_given(answers.pop(_FRAMES), side_values), answers)

    def check(self, model: bytes, name: str) -> None:
        """Raises ModelError if a .tflite in standard form answers differently."""
        self.compare(lambda frames: _answers(model, frames), f"{name} as a .tflite", TOLERANCE)

    def compare(
        self, run: Run, name: str, tolerance: float, layout: str = "", batch: int = 1
    ) -> None:
        """Raises ModelError if what `run` computes differs by more of the largest answer.

        layout, batch: of what it takes.
        """
        answers = Reference.of(run, self.frames, layout, batch).answers
        if set(answers) != set(self.answers):
            raise ModelError(
                f"converting {name} changed its outputs: {sorted(self.answers)} became {sorted(answers)}"
            )
        for output, expected in self.answers.items():
            if not any(np.isfinite(values).all() for values in expected):
                raise ModelError(
                    f"'{output}' is NaN or infinite in the network's own library already, for all pictures "
                    "that were tried: take an earlier checkpoint, or export it anew"
                )
            if expected.size != answers[output].size:
                raise ModelError(
                    f"{name} answers in another shape: '{output}' is {answers[output].shape[1:]} instead of "
                    f"{expected.shape[1:]}. The converter made another network of it"
                )
            error = _difference(expected, answers[output])
            if not error < tolerance:
                raise ModelError(
                    f"{name} answers differently: '{output}' is off by {error:.2g} of its largest "
                    "value. The converter made another network of it"
                )


def _of_first(name: str, value: np.ndarray, batch: int) -> np.ndarray:
    """The answer to the first of equal windows."""
    values = np.asarray(value)
    if batch == 1:
        return values
    if values.ndim == 0 or len(values) != batch:
        raise ModelError(
            f"the network is built for {batch} windows at once, and its answer '{name}' {values.shape} is "
            "not of each: build or export it for a batch of 1"
        )
    return values[:1]


def _difference(expected: np.ndarray, actual: np.ndarray) -> float:
    """The largest, over the examples, relative to the largest answer; NaN if none is finite."""
    finite = [i for i, values in enumerate(expected) if np.isfinite(values).all()]
    if not finite or expected.size != actual.size:
        return float("nan")
    actual = actual.reshape(expected.shape)
    largest = [max(float(np.abs(expected[i]).max()), 1e-6) for i in finite]
    return max(
        float(np.abs(expected[i] - actual[i]).max()) / size for i, size in zip(finite, largest)
    )


def _answers(model: bytes, frames: np.ndarray) -> Answers:
    engine, (inputs, outputs) = Engine(model), flatbuffer.signature(model)
    if engine.input().shape != frames.shape:
        actual, expected = list(engine.input().shape), list(frames.shape)
        raise ModelError(f"the converter made an input of {actual} where {expected} is right")
    np.copyto(engine.input(), frames)
    for name, values in given_beside(frames).items():
        np.copyto(engine.input(inputs[name]), values)
    engine.invoke()
    return {name: engine.output(position).copy() for name, position in outputs.items()}
