"""What a bundle answers, on clips, on given frames and by the naive way, and how right that is.

Run as `python -m edge.check.evaluate BUNDLE FRAMES.npy ANSWERS.npz [--input NAME=NUMBERS]` on the runtime of
another environment, for whoever compares runtimes; frames (N, H, W, 3) uint8 RGB.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge.bundle import Accuracy, Bundle, open_bundle
from edge.check import detections
from edge.check.clips import Clips
from edge.engine import runtimes
from edge.stream import (
    Stream,
    StreamOptions,
    Window,
    from_stored,
    given_beside,
    preprocessor,
    quantise,
)
from edge.stream.states import CarriedStates
from edge.tasks import Metric, Task, kind_of
from edge_common import ClipError, command_line, named_numbers, statistics


def stream_outputs(
    bundle: Bundle,
    windows: Iterable[np.ndarray],
    options: StreamOptions = StreamOptions(),
    on_window: Callable[[], None] = lambda: None,
) -> dict[str, np.ndarray]:
    """What the streamed bundle answers at the end of each window (T, H, W, 3) uint8 RGB, or (T, F).

    Gives (n, k) float32 for each task; `on_window` is called after each window. What is given beside
    the windows is given with each.
    """
    stream, spec = Stream(bundle, options.for_clips()), bundle.manifest.input
    collected: dict[str, list[np.ndarray]] = {task.name: [] for task in stream.tasks}
    side_values = given_beside(windows)
    for number, window in enumerate(windows):
        stream.reset()
        inputs = {name: values[number] for name, values in side_values.items()}
        for frame in window:
            decision = stream.push(from_stored(frame, spec), inputs=inputs)
        for task, prediction in decision.tasks.items() if decision else ():
            collected[task].append(prediction.scores)
        on_window()
    return {task: np.stack(scores) for task, scores in collected.items()}


def replay(bundle: Bundle, frames_rgb: np.ndarray, options: StreamOptions) -> dict[str, np.ndarray]:
    """The outputs (decisions, k) float32 of each task over frames (N, H, W, 3) uint8 RGB.

    Of a detector the boxes and scores that it finds, as `edge.check.detections` has them.
    """
    if bundle.manifest.detection:
        return detections.replay(bundle, frames_rgb, options)
    return outputs_of(Stream(bundle, options.for_clips()), frames_rgb)


def outputs_of(stream: Stream, frames_rgb: np.ndarray) -> dict[str, np.ndarray]:
    """The same of a stream that is there already."""
    spec = stream.bundle.manifest.input
    decisions = [stream.push(from_stored(frame, spec)) for frame in frames_rgb]
    due = [decision for decision in decisions if decision is not None]
    return {task.name: np.stack([d.tasks[task.name].scores for d in due]) for task in stream.tasks}


def accuracies(
    tasks: Sequence[Task],
    outputs: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    graph: str,
    data: str,
) -> tuple[Accuracy, ...]:
    """Accuracy (share of right labels), or mean absolute error in the task's unit."""
    return tuple(
        _accuracy(task, metric, outputs[task.name], labels[task.name], graph, data)
        for task in tasks
        if task.name in labels and (metric := kind_of(task).metric)
    )


def _accuracy(
    task: Task, metric: Metric, outputs: np.ndarray, labels: np.ndarray, graph: str, data: str
) -> Accuracy:
    n, figures = len(labels), kind_of(task).figures(outputs, labels)
    if metric.is_share:
        low, high = statistics.wilson_interval(int(figures.sum()), n)
    else:
        low, high = statistics.bootstrap_interval(figures)
    return Accuracy(task.name, metric.name, float(figures.mean()), n, graph, data, low, high)


def check_labels(tasks: Sequence[Task], clips: Clips) -> Clips:
    """The clips with the labels of what is decided: of labels of all frames, (N, T, ...), the newest.

    Raise ClipError if labels are of a form that could never be right: they would otherwise count
    as wrong answers, or as none.
    """
    names = [task.name for task in tasks]
    if clips.labels and not clips.labels.keys() & set(names):
        raise ClipError(
            f"{clips.name} holds labels for {', '.join(clips.labels)}, the bundle answers "
            f"{', '.join(names)}: name each array after its task"
        )
    labels = dict(clips.labels)
    for task in tasks:
        if task.name not in labels:
            continue
        kind, of_clips, frames = kind_of(task), labels[task.name], clips.windows.shape[1]
        if of_clips.ndim == len(kind.label_shape) + 2 and of_clips.shape[1] == frames > 1:
            labels[task.name] = of_clips[:, -1]
        if problem := kind.label_problem(labels[task.name]):
            raise ClipError(f"{clips.name}: '{task.name}' {problem}")
    return replace(clips, labels=labels)


class WindowRerun:
    """A bundle that computes every window anew: its encoder runs T times for each decision.

    It shares no ring with `Stream`, so it serves as the oracle that a ring is held against, and
    as the baseline that shows what the ring saves. A bundle of one part gets its window of frames
    without a ring; an encoder with states begins each window with states of 0.
    """

    def __init__(
        self,
        bundle: Bundle,
        options: StreamOptions = StreamOptions(),
    ) -> None:
        manifest = bundle.manifest
        encoder, last = manifest.part("encoder"), manifest.last_part
        self.tasks = manifest.tasks
        self.encoder = options.load(bundle, encoder) if encoder else None
        self.head = options.load(bundle, last)
        self._written = encoder.outputs if encoder else ()
        self._read, self._answers = last.read, last.outputs
        self._read_at = [last.inputs.index(tensor) for tensor in last.read]
        side_values = {name: np.array(values, np.float32) for name, values in options.inputs}
        self._given = [
            (i, quantise.quantise(side_values[t.name], t).reshape(t.shape))
            for i, t in enumerate(last.inputs)
            if t.name in last.given_inputs
        ]
        frame = manifest.parts[0].read[0]
        self._frame_input = manifest.parts[0].inputs.index(frame)
        self._preprocess = preprocessor(manifest.input, frame)
        self._region = options.region
        self._window = manifest.window
        self._frames: deque[np.ndarray] = deque(maxlen=self._window)
        self._before: np.ndarray | None = None  # what preprocessing remembers before the oldest
        shapes = {t.name: t.shape[1:] for t in self._written}
        self._past: CarriedStates | None = None
        if self.encoder and encoder and encoder.states:
            self._past = CarriedStates(self.encoder, encoder)
        self._pass = Window((), manifest.window, 1)  # of the encoder over one window
        self._windows = [
            np.empty(
                (
                    t.shape[1] if self._past else manifest.window,
                    *shapes.get(t.name, manifest.input.frame_shape),
                ),
                t.dtype,
            )
            for t in last.read
        ]

    def push(self, pixels: np.ndarray) -> dict[str, np.ndarray] | None:
        """Take one frame (uint8 BGR, or a vector); the float32 outputs of each task once T have come."""
        self._frames.append(pixels)
        if len(self._frames) < self._window:
            return None
        self._pass.clear()
        self._preprocess.before = self._before
        for slot, frame in enumerate(self._frames):
            self._encode(frame, slot)
            if slot == 0:
                self._before = self._preprocess.before
        for index, values in self._given:
            np.copyto(self.head.input(index), values)
        for index, tensor, window in zip(self._read_at, self._read, self._windows):
            np.copyto(self.head.input(index), window.reshape(tensor.shape))
        self.head.invoke()
        outputs = {
            t.name: quantise.dequantise(self.head.output(i).ravel(), t)
            for i, t in enumerate(self._answers)
        }
        return {
            task.name: quantise.softmax(outputs[task.name]) if task.logits else outputs[task.name]
            for task in self.tasks
        }

    def _encode(self, pixels: np.ndarray, slot: int) -> None:
        if self.encoder is None:
            self._preprocess(pixels, self._windows[0][slot], self._region)
            return
        self._preprocess(pixels, self.encoder.input(self._frame_input)[0], self._region)
        if self._past:
            self._past.load(self._pass)
        self.encoder.invoke()
        self._pass.advance()
        names = [tensor.name for tensor in self._written]
        for window, tensor in zip(self._windows, self._read):
            index, place = names.index(tensor.name), slot - self._window + len(window)
            if place >= 0:  # else it depends on frames before the window
                features = self.encoder.output(index)[0]
                quantise.transfer(features, self._written[index], window[place], tensor)


@click.command()
@click.argument("bundle")
@click.argument("frames", type=click.Path(exists=True, path_type=Path))
@click.argument("answers", type=click.Path(path_type=Path))
@named_numbers.input_option
@command_line.one_line_errors
def main(
    bundle: str, frames: Path, answers: Path, inputs: tuple[named_numbers.NamedNumbers, ...]
) -> None:
    """Write one array a task, and which `runtime` of which `version` gave it."""
    opened = open_bundle(bundle)
    outputs = replay(opened, np.load(frames), StreamOptions(inputs=inputs))
    runtime = runtimes.load(StreamOptions().runtime)
    arrays: dict[str, Any] = {"runtime": runtime.name, "version": runtime.version, **outputs}
    np.savez(answers, **arrays)


if __name__ == "__main__":
    main()
