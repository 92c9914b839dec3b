"""A trained network opened up: frames to maps, maps to answers and to what precedes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from edge.tasks import Task, kind_of
from edge_common.errors import ModelError
from edge_models.networks.mtdnn import MTDNNConfig
from edge_models.networks.views import backbone_by_frames


@dataclass(frozen=True)
class OpenNetwork:
    """The layers of one network in three models.

    Attributes:
        backbone: float32 (n, H, W, 3) RGB 0..255 -> (n, h, w, C).
        head: maps (n, T, h, w, C) -> {task: what the task's last layer takes, (n, width)}.
        whole: frames (n, T, H, W, 3) -> ({task: answer}, {task: as of `head`}), each batch's
            frames in one pass of the backbone.
        answers: the same of maps.
        last: the last layer of each task.
    """

    backbone: keras.Model
    head: keras.Model
    whole: keras.Model
    answers: keras.Model
    last: dict[str, keras.layers.Dense]
    tasks: tuple[Task, ...]

    @cached_property
    def before(self) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
        """`head`, traced once, without dropout."""
        return tf.function(lambda maps: self.head(maps, training=False))

    def maps_of(self, clip: np.ndarray) -> np.ndarray:
        """The backbone's maps of a clip (T, H, W, 3): float32 (T, h, w, C)."""
        return self._maps(tf.constant(clip, tf.float32)).numpy()

    @cached_property
    def _maps(self) -> Callable[[tf.Tensor], tf.Tensor]:
        return tf.function(lambda frames: self.backbone(frames, training=False))

    def last_layer(self, task: str) -> tuple[np.ndarray, np.ndarray]:
        """Weights (width, outputs) and bias (outputs,) of the task's last layer."""
        return np.asarray(self.last[task].kernel), np.asarray(self.last[task].bias)


def open_network(model: keras.Model, tasks: Sequence[Task]) -> OpenNetwork:
    """Open an MTDNN up; no weight is copied."""
    backbone = model.get_layer("backbone")
    answers = {task.name: model.get_layer(task.name).output for task in tasks}
    before = {task.name: model.get_layer(task.name).input for task in tasks}
    head = keras.Model(backbone.output, before, name="before")
    outputs = keras.Model(backbone.output, (answers, before), name="both")
    window, *frame = model.input_shape[1:]
    windows = keras.Input((window, *frame), name="window")
    maps = backbone_by_frames(backbone.layer, window)(windows)
    last = {task.name: model.get_layer(task.name) for task in tasks}
    whole = keras.Model(windows, outputs(maps), name="whole")
    return OpenNetwork(backbone.layer, head, whole, outputs, last, tuple(tasks))


def load_trained(path: Path, expected: MTDNNConfig) -> keras.Model:
    """Read a `.keras` file that a run with this network has written.

    Raises:
        ModelError: it is no Keras model, or another one.
    """
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is no Keras model: give the .keras of an edge-train") from error
    wrong = _differs(model, expected)
    if wrong:
        raise ModelError(f"{path} {wrong}: give the network and the file it was trained with")
    return model


def _differs(model: keras.Model, expected: MTDNNConfig) -> str:
    """How a network is not the one that a training file describes; empty if it is."""
    if not _is_mtdnn(model):
        return "is no network of edge-train"
    shape = (expected.window, expected.size, expected.size, 3)
    if tuple(model.input_shape[1:]) != shape:
        return f"takes {_times(model.input_shape[1:])}, the training file says {_times(shape)}"
    widths = {task.name: kind_of(task).width for task in expected.tasks}
    outputs_of_file = {name: output.shape[-1] for name, output in model.output.items()}
    if outputs_of_file != widths:
        return f"answers {_listed(outputs_of_file)}, the training file asks {_listed(widths)}"
    return ""


def _is_mtdnn(model: keras.Model) -> bool:
    """Whether it has the one input, the backbone and the last layers that `open_network` takes."""
    one_input = isinstance(getattr(model, "input", None), keras.KerasTensor)
    if not one_input or not isinstance(model.output, dict):
        return False
    layers = {layer.name: layer for layer in model.layers}
    backbone = getattr(layers.get("backbone"), "layer", None)
    answers = [layers.get(task) for task in model.output]
    dense = all(isinstance(layer, keras.layers.Dense) for layer in answers)
    return isinstance(backbone, keras.Model) and dense


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _listed(widths: dict[str, int]) -> str:
    return ", ".join(f"{name} ({width})" for name, width in sorted(widths.items()))
