"""MoveNet as an encoder: a picture of a person in, their joints out, by plain arithmetic alone.

The published graph looks up the places of largest scores. Here the place is a mean over all of
them, the score's eighth power the weight, so that only what lies around the largest one counts.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from edge_models.pretrained import graph_layers, tfjs
from edge_models.pretrained.catalogue import PretrainedPose

JOINTS = 17  # of COCO, nose to right ankle
SOFTENING = 1.8  # places: a joint so near to where it is expected counts as being there


def read_pose(pose: PretrainedPose, folder: Path) -> keras.Model:
    """Read it out of its unpacked package.

    Returns:
        A functional model: float32 (size, size, 3) RGB, 0..255 -> (51,): y, x (shares of the
        side, from its middle) and score (0..1) of each joint.

    Raises:
        ModelError: the file is missing or damaged.
    """
    graph = tfjs.read_graph(pose.find(folder))
    frame = keras.Input((pose.size, pose.size, 3), name="frame")
    scaled = keras.layers.Rescaling(1 / 127.5, -1.0, name="scale")(frame)
    built = graph_layers.build(graph, {pose.scaled: scaled}, pose.maps.values())
    maps = {name: built[node] for name, node in pose.maps.items()}
    return keras.Model(frame, joints(**maps), name=pose.name)


def joints(heat: Any, regression: Any, centre: Any, offset: Any) -> Any:
    """(n, 51) as above of maps (n, side, side, 17, 34, 1 and 34); heat and centre are logits."""
    side = heat.shape[1]
    rows, columns = np.meshgrid(*[np.arange(side, dtype=np.float32)] * 2, indexing="ij")
    away = np.hypot(rows - side / 2, columns - side / 2)
    body = _shares(ops.sigmoid(centre), (1 / (away + SOFTENING))[None, :, :, None])
    places = {"y": rows[None, :, :, None], "x": columns[None, :, :, None]}
    expected = {
        axis: _mean(body, regression[..., index::2] + places[axis])
        for index, axis in enumerate(places)
    }
    score = ops.sigmoid(heat)
    apart = sum(ops.square(expected[axis] - places[axis]) for axis in places)
    chosen = _shares(score, ops.rsqrt(apart + SOFTENING**2))
    found = [
        _mean(chosen, offset[..., index::2] + places[axis]) / side - 0.5
        for index, axis in enumerate(places)
    ]
    answers = [ops.reshape(values, (-1, JOINTS)) for values in (*found, _mean(chosen, score))]
    return ops.concatenate(answers, axis=-1)


def _shares(score: Any, nearness: Any) -> Any:
    """Of each place (n, side, side, k), by the eighth power of both; each channel's sum is 1."""
    power = ops.square(ops.square(ops.square(score * nearness)))
    return power / ops.sum(power, axis=(1, 2), keepdims=True)


def _mean(shares: Any, values: Any) -> Any:
    return ops.sum(shares * values, axis=(1, 2), keepdims=True)
