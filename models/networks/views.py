"""One network seen in parts: models that share its layers, and copy no weight."""

import dataclasses
from collections.abc import Callable

import numpy as np
from keras import Input, Model, layers, ops

from edge_models.networks.mtdnn import MTDNNConfig, answers_to
from edge_models.networks.numbers import learnt_outputs


def head_of(model: Model) -> Model:
    """All after the backbone, sharing its layers: (T, h, w, C) -> {task: what is learnt}."""
    return Model(model.get_layer("backbone").output, learnt_outputs(model), name="blocks_and_heads")


def backbone_by_frames(backbone: Model, window: int) -> Model:
    """(N, T, H, W, 3) -> (N, T, h, w, C), the frames of all windows in one pass.

    A `TimeDistributed` would trace the backbone once a frame.
    """
    windows = Input((window, *backbone.input_shape[1:]), name="window")
    maps = backbone(ops.reshape(windows, (-1, *backbone.input_shape[1:])))
    return Model(windows, ops.reshape(maps, (-1, window, *maps.shape[1:])))


def tail_and_head_of(model: Model, early: str, window: int) -> Model:
    """All after the backbone's layer `early`; the backbone becomes trainable there. "": its last."""
    if not early:
        return head_of(model)
    backbone = model.get_layer("backbone").layer
    early_maps = backbone.get_layer(early).output
    tail = Model(early_maps, backbone.output, name="tail")
    backbone.trainable = True
    for layer in tail.layers:
        # Frozen statistics: batches of one clip's frames are no fair sample.
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    maps = Input((window, *early_maps.shape[1:]))
    frames = tail(ops.reshape(maps, (-1, *early_maps.shape[1:])))
    frames = ops.reshape(frames, (-1, window, *frames.shape[1:]))
    return Model(maps, head_of(model)(frames), name="tail_blocks_and_heads")


def by_frames(model: Model, change: Callable[[Model], Model] = lambda part: part) -> Model:
    """The same layers, the frames of all windows passing the backbone together; both parts changed."""
    windows = Input(model.input_shape[1:], name="window")
    maps = backbone_by_frames(change(model.get_layer("backbone").layer), model.input_shape[1])
    return Model(windows, change(head_of(model))(maps(windows)), name="by_frames")


def looking_at(frames: int, model: Model, config: MTDNNConfig) -> Model:
    """The network over `frames` of the window, evenly spread from first to last.

    Shares the backbone with `model` and has blocks and heads of its own, whose weights
    come in the same order and shapes: `set_weights` takes them from one to the other.
    """
    windows = Input(model.input_shape[1:], name="window")
    places = np.round(np.linspace(0, config.window - 1, frames)).astype(int)
    by_frames = backbone_by_frames(model.get_layer("backbone").layer, frames)
    maps = Input(by_frames.output_shape[1:], name="maps")
    answers = Model(maps, answers_to(maps, dataclasses.replace(config, window=frames)))
    head = Model(maps, learnt_outputs(answers))
    frames_of_window = ops.take(windows, places, axis=1)
    return Model(windows, head(by_frames(frames_of_window)), name=f"{frames}_frames")
