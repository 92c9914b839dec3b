"""Converted parts, each tried on LiteRT as soon as it exists."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from edge.bundle import CarriedState, Part, TensorSpec
from edge.engine.engine import Engine
from edge.stream.given import given_beside
from edge.stream.quantise import dequantise, quantise
from edge.tflite import flatbuffer
from edge_common import EngineError, ModelError
from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.encoder import line_of
from edge_convert.precision import calibration, recipes

Tensors = Mapping[str, np.ndarray]
Extremes = tuple[float, float]


@dataclass(frozen=True)
class FloatPart:
    """A part as its source gives it: a float32 .tflite, how many weights it has, its memory, other inputs."""

    role: str
    model: bytes
    parameters: int
    states: tuple[CarriedState, ...] = ()
    given_inputs: tuple[str, ...] = ()


CORES = min(os.cpu_count() or 1, 8)  # with more, memory is what ends first


@dataclass(frozen=True)
class ConvertedPart:
    """A part, how it was made, its bytes.  threads: of its engine, which change no result of XNNPACK."""

    part: Part
    recipe: recipes.Recipe
    model: bytes
    threads: int = CORES

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.model, name=self.part.file, threads=self.threads)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once on real values, one array (1, ...) an input; real values back."""
        for index, tensor in enumerate(self.part.inputs):
            real = inputs[tensor.name].reshape(tensor.shape)
            np.copyto(self.engine.input(index), quantise(real, tensor))
        self.engine.invoke()
        outputs = enumerate(self.part.outputs)
        return {tensor.name: dequantise(self.engine.output(i), tensor) for i, tensor in outputs}

    def over_frames(self, frames: np.ndarray) -> Iterator[tuple[Tensors, Tensors]]:
        """Run on a window (T, ...), frame by frame, each behind the other; what goes in and comes out.

        States begin at 0.
        """
        (source,) = self.part.read
        shapes = {tensor.name: tensor.shape for tensor in self.part.inputs}
        states = {s.input: np.zeros(shapes[s.input], np.float32) for s in self.part.states}
        for frame in frames:
            inputs = {source.name: frame[None], **states}
            outputs = self(inputs)
            yield inputs, outputs
            states = {s.input: outputs[s.output] for s in self.part.states}

    def over(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run on each of n examples: arrays (n, ...) in, arrays (n, ...) out."""
        count = len(next(iter(inputs.values())))
        rows = [
            self({name: values[i : i + 1] for name, values in inputs.items()}) for i in range(count)
        ]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def describe(
    role: str,
    recipe: recipes.Recipe,
    model: bytes,
    parameters: int,
    states: tuple[CarriedState, ...] = (),
    given_inputs: tuple[str, ...] = (),
) -> ConvertedPart:
    """Read a converted model's tensors and cost; load it on LiteRT.

    Tensors get the names of the signature, in the order of the graph: their own differ by converter.
    Raises EngineError if LiteRT refuses the model, or gives outputs of other shapes than its graph says.
    """
    file = f"{role}.tflite"
    engine = Engine(model, name=file)
    inputs, outputs = flatbuffer.signature(model)
    shapes = main_graph.output_shapes(model)
    if other := next((a for a, s in zip(engine.outputs, shapes) if a.shape != s), None):
        raise EngineError(f"{file} gives {other.name} as {other.shape}, other than its graph says")
    part = Part(
        role=role,
        file=file,
        precision=recipe.precision,
        inputs=_named(engine.inputs, inputs),
        outputs=_named(engine.outputs, outputs),
        parameters=parameters,
        multiply_adds=flatbuffer.cost(model).multiply_adds,
        ranges=recipe.ranges if recipe.static else "",
        float_layers=recipe.float_layers,
        states=states,
        given_inputs=given_inputs,
    )
    return ConvertedPart(part, recipe, model)


def _named(tensors: tuple[TensorSpec, ...], positions: dict[str, int]) -> tuple[TensorSpec, ...]:
    names = {position: name for name, position in positions.items()}
    return tuple(replace(tensor, name=names[i]) for i, tensor in enumerate(tensors))


def encode_windows(
    encoder: ConvertedPart, windows: np.ndarray, head: ConvertedPart
) -> dict[str, np.ndarray]:
    """What the head reads: real input (N, T, H, W, C) -> {feature: (N, T, ...)} float32.

    And what is given beside the windows. An encoder with states may give fewer features than frames that
    are of the window alone.
    """
    side_values, windows = given_beside(windows), np.asarray(windows)
    return {
        **_features_of(encoder, windows, head),
        **{n: side_values[n] for n in head.part.given_inputs},
    }


def _features_of(
    encoder: ConvertedPart, windows: np.ndarray, head: ConvertedPart
) -> dict[str, np.ndarray]:
    count, length = windows.shape[:2]
    if encoder.part.states:
        rows = [[outputs for _, outputs in encoder.over_frames(window)] for window in windows]
        return {
            t.name: np.stack([[o[t.name][0] for o in row[-t.shape[1] :]] for row in rows])
            for t in head.part.read
        }
    frames = windows.reshape(count * length, *windows.shape[2:])
    (name,) = (tensor.name for tensor in encoder.part.inputs)
    if encoder.threads == 1:
        features = encoder.over({name: frames})
    else:
        stretches = on_every_core(
            len(frames),
            lambda s: replace(encoder, threads=1).over({name: frames[s.start : s.stop]}),
        )
        features = {n: np.concatenate([each[n] for each in stretches]) for n in stretches[0]}
    return {
        name: values.reshape(count, length, *values.shape[1:]) for name, values in features.items()
    }


def state_examples(
    encoder: ConvertedPart, windows: np.ndarray, most: int
) -> tuple[dict[str, np.ndarray], dict[str, Extremes]]:
    """Inputs of some frames of windows (N, T, H, W, C), each (n, ...), with the states that they meet.

    And the extremes of all states, in and out and together with a new frame's: an input that has the
    scale of its output takes its integers as they are.
    """
    reach = {s.input: (0.0, 0.0) for s in encoder.part.states}
    chosen = set(calibration.spread_indices(len(windows) * windows.shape[1], most))
    rows, number = list[Tensors](), 0
    for window in windows:
        for inputs, outputs in encoder.over_frames(window):
            for state in encoder.part.states:
                low, high = reach[state.input]
                new = outputs[state.output]
                reach[state.input] = min(low, float(new.min())), max(high, float(new.max()))
            if number in chosen:
                rows.append(inputs)
            number += 1
    ends = ((s.input, s.output, line_of(s.input)) for s in encoder.part.states)
    limits = {name: reach[names[0]] for names in ends for name in names}
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}, limits


ROUNDS = 7
_ROUND_NS = 20_000_000  # of one candidate
_MOST_INVOCATIONS = 20  # a round


def latencies_ms(
    parts: Sequence[ConvertedPart], clock: Callable[[], int] = time.perf_counter_ns
) -> list[float]:
    """Median time of one invocation of each part on LiteRT, one thread, in milliseconds."""
    engines = [Engine(part.model, name=part.part.file) for part in parts]
    times_ns: list[list[float]] = [[] for _ in engines]
    repeats = [_repeats(_invocation_ns(engine, clock)) for engine in engines]
    for _ in range(ROUNDS):
        for engine, times, count in zip(engines, times_ns, repeats):
            times.extend(_invocation_ns(engine, clock) for _ in range(count))
    return [float(np.median(times)) / 1e6 for times in times_ns]


def _invocation_ns(engine: Engine, clock: Callable[[], int]) -> int:
    started = clock()
    engine.invoke()
    return clock() - started


def _repeats(first_ns: int) -> int:
    return int(np.clip(_ROUND_NS // max(first_ns, 1), 1, _MOST_INVOCATIONS))


Result = TypeVar("Result")


def on_every_core(count: int, work: Callable[[range], Result]) -> list[Result]:
    """What `work` gives for 0 to `count`, a stretch of it on each core, in order."""
    ends = [count * core // CORES for core in range(CORES + 1)]
    stretches = [range(first, end) for first, end in zip(ends, ends[1:]) if first < end]
    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(work, stretches))


CHUNK = 8  # windows whose features are held at a time


def outputs_by_last_part(
    first: ConvertedPart,
    lasts: Sequence[ConvertedPart],
    windows: calibration.NetworkInput,
    on_window: Callable[[], None] = lambda: None,
) -> list[dict[str, np.ndarray]]:
    """What each of `lasts` behind `first` answers: {task: (N, k)} float32 for each.

    If there are no `lasts`, `first` is the only part and answers itself. Each core has engines of its
    own, which small graphs are faster on than on one for all cores.
    """

    def run(stretch: range) -> list[list[Mapping[str, np.ndarray]]]:
        own, *behind = (replace(part, threads=1) for part in (first, *lasts))
        rows: list[list[Mapping[str, np.ndarray]]] = [[] for _ in behind or [own]]
        for start in range(stretch.start, stretch.stop, CHUNK):
            chunk = windows[start : min(start + CHUNK, stretch.stop)]
            if behind:
                features = encode_windows(own, chunk, behind[0])
                for outputs, last in zip(rows, behind):
                    outputs.append(last.over(features))
            else:
                frames = own.part.read[0].name
                rows[0].append(own.over({frames: chunk, **given_beside(chunk)}))
            for _ in chunk:
                on_window()
        return rows

    stretches = on_every_core(len(windows), run)
    by_part = [[row for rows in stretches for row in rows[i]] for i in range(len(lasts) or 1)]
    return [
        {t: np.concatenate([r[t] for r in rows]).reshape(len(windows), -1) for t in rows[0]}
        for rows in by_part
    ]


def refuse_degenerate(name: str, outputs: np.ndarray) -> None:
    """Raise ModelError if outputs (n, ...) over n inputs carry no information.

    NaN, all zero and constant outputs "agree" with a reference that is broken
    in the same way, so no comparison would find them.
    """
    refuse_not_finite(name, outputs)
    if not outputs.any():
        raise ModelError(
            f"{name} gives only zeros: the model is untrained, or its conversion broke"
        )
    if len(outputs) > 1 and (outputs == outputs[0]).all():
        raise ModelError(f"{name} gives the same for all inputs: check the weights and the clips")


def refuse_dead(features: Mapping[str, np.ndarray]) -> None:
    """Raise ModelError if all features (n, T, ...) are the same for all frames; a mask may be."""
    rows = [(f"the encoder's feature '{n}'", np.concatenate(v)) for n, v in features.items()]
    for name, frames in rows:
        refuse_not_finite(name, frames)
    if all((frames == frames[0]).all() for _, frames in rows):
        refuse_degenerate(*rows[0])


def refuse_not_finite(name: str, outputs: np.ndarray) -> None:
    """Raise ModelError if a value is NaN or infinite."""
    if not np.isfinite(outputs).all():
        raise ModelError(
            f"{name} gives NaN or infinity: check the weights and the calibration clips"
        )
