"""What a larger network says of the same clips, to be learnt beside their labels."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge_common import ConfigError
from edge_models.networks import numbers, trained, views

Answers = Mapping[str, Any]


def teacher_of(path: str, student: keras.Model, layer: str) -> Callable[[Any], Answers]:
    """A trained network as a function of the clips, or of maps of the backbone's `layer`.

    G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015, at
    temperature 1. It answers (N, T, ...) by {task: (N, k)}, and learns nothing.

    Raises:
        ConfigError: it takes or answers something else, or its maps of that layer are others.
        ModelError: the file is no network of edge-train.
    """
    teacher = trained.read_network(Path(path))
    shapes = [
        {"frames": m.input_shape[1:]}
        | {task: output.shape[-1] for task, output in views.learnt_outputs(m).items()}
        for m in (teacher, student)
    ]
    if shapes[0] != shapes[1]:
        raise ConfigError(
            f"whole.teacher {path} takes and learns {shapes[0]}, and this network {shapes[1]}: they "
            "must be alike"
        )
    if layer:
        _check_equal_until(layer, teacher, student, path)
        part = views.tail_and_head_of(teacher, layer, teacher.input_shape[1])
    else:
        part = views.by_frames(teacher)
    return lambda clips: part(clips, training=False)


def divergence(targets: Any, outputs: Any) -> Any:
    """How far outputs are from a teacher's, a number a clip: (N, k), (N, k) -> (N,).

    Of classes and distributions, which sum to 1, what the cross-entropies differ by; of a
    probability or a number of its own, that of the two cases it stands for.
    """
    entropy = -targets * (numbers.log(outputs) - numbers.log(targets))
    if outputs.shape[-1] > 1:
        return keras.ops.sum(entropy, -1)
    against = numbers.log(1 - outputs) - numbers.log(1 - targets)
    return keras.ops.sum(entropy - (1 - targets) * against, -1)


def _check_equal_until(layer: str, teacher: keras.Model, student: keras.Model, path: str) -> None:
    """Raise ConfigError unless both networks' backbones give the same maps there."""
    backbone, own = (each.get_layer("backbone").layer for each in (teacher, student))
    names = {each.name for each in backbone.layers}
    equal = layer in names
    if equal:
        pairs = [
            keras.Model(each.input, each.get_layer(layer).output).get_weights()
            for each in (backbone, own)
        ]
        equal = len(pairs[0]) == len(pairs[1]) and all(
            a.shape == b.shape and np.array_equal(a, b) for a, b in zip(*pairs)
        )
    if not equal:
        raise ConfigError(
            f"whole.teacher {path} has another backbone until {layer}, whose maps are kept: give one "
            "that begins alike, or whole.keep_maps = false"
        )
