"""Which places of which frames speak for an answer (Grad-CAM++), and clips with it laid over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import matplotlib
import numpy as np
from keras import ops

from edge.tasks import Task
from edge_common.document import Picture
from edge_models import backends
from edge_models.evaluation import intervals, results, task_reports
from edge_models.evaluation.network import OpenNetwork, Predictions

Score = Callable  # maps (T, h, w, C) -> a number, both of Keras' backend


def heat_maps(score: Score, maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What speaks for a score, frame by frame.

    Args:
        score: maps (T, h, w, C) -> a number.
        maps: float32 (T, h, w, C), the backbone's.
        size: H, W to enlarge to.

    Returns:
        float32 (T, H, W), from 0, the coldest place of all frames, to 1, the hottest; all 0
        if no place speaks for the score more than another.
    """
    coarse = scaled(coarse_maps(maps, backends.own().gradient_of(score, maps)))
    height, width = size
    fine = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC) for frame in coarse]
    heat = np.maximum(np.stack(fine), 0.0)
    hottest = heat.max()
    return heat / hottest if hottest > 0 else heat


def coarse_maps(maps: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Not enlarged, and in no unit: float32 (T, h, w) of maps and gradient (T, h, w, C).

    Where the gradient g is above 0, alpha = g^2 / (2 g^2 + S g^3) = 1 / (2 + S g), S being the
    sum of the channel's map in the frame. The method takes maps that end in a ReLU: below 0,
    where those of a linear bottleneck go, they count as 0.
    """
    active, rising = np.maximum(maps, 0.0), np.maximum(gradient, 0.0)
    total = active.sum(axis=(1, 2), keepdims=True)
    weights = (rising / (2.0 + total * rising)).sum(axis=(1, 2))
    return np.einsum("tc,thwc->thw", weights, active).astype(np.float32)


def scaled(coarse: np.ndarray) -> np.ndarray:
    """From 0 at the least of all values to 1 at the largest; all 0 if they are equal."""
    apart = np.ptp(coarse)
    return (coarse - coarse.min()) / apart if apart > 0 else np.zeros_like(coarse)


def task_score(network: OpenNetwork, task: str, index: int = 0) -> Score:
    """The score of class `index` before the softmax, or a regression's output."""
    kernel, bias = network.last_layer(task)

    def score(maps):
        before = network.before(maps[None])[task][0]
        return ops.sum(ops.multiply(before, kernel[:, index])) + bias[index]

    return score


def heat_of_clip(network: OpenNetwork, clip: np.ndarray, task: str, index: int = 0) -> np.ndarray:
    """What speaks for an answer in a clip, uint8 RGB (T, H, W, 3): float32 (T, H, W), 0 to 1."""
    return heat_maps(task_score(network, task, index), network.maps_of(clip), clip.shape[1:3])


COVERED = 0.25  # of all places of all frames
CLIPS = 32


@dataclass(frozen=True)
class Covering:
    """By how much the score of the answer falls, in the mean of n clips; 95 % by file.

    difference: of both, clip by clip.
    """

    hottest: intervals.Estimate
    random: intervals.Estimate
    difference: intervals.Estimate

    @property
    def points(self) -> bool:
        """Whether the hottest places matter more than random ones."""
        return self.difference.low > 0


def cover(network: OpenNetwork, predictions: Predictions, task: Task, seed: int) -> Covering:
    """Cover a quarter of the maps' places in some clips, drawn at random."""
    random = np.random.default_rng(seed)
    every = len(predictions.part)
    indices = np.sort(random.permutation(every)[:CLIPS])
    falls = np.array([_falls(network, predictions, task, int(i), random) for i in indices])
    files = predictions.part.source_of_each[indices]
    columns = (*falls.T, falls[:, 0] - falls[:, 1])
    return Covering(*(_figures(column, files) for column in columns))


def _falls(
    network: OpenNetwork,
    predictions: Predictions,
    task: Task,
    index: int,
    random: np.random.Generator,
) -> tuple[float, float]:
    answer = predictions.outputs[task.name][index]
    score = task_score(network, task.name, int(answer.argmax()))
    maps = network.maps_of(predictions.part.clip(index))
    heat = coarse_maps(maps, backends.own().gradient_of(score, maps))
    before = _number(score(maps))
    shuffled = random.permutation(heat.size).reshape(heat.shape)
    hottest, shuffled_places = (_covered_score(score, maps, order) for order in (heat, shuffled))
    return before - hottest, before - shuffled_places


def _covered_score(score: Score, maps: np.ndarray, order: np.ndarray) -> float:
    """With the mean of all places in place of those that are highest in `order` (T, h, w)."""
    count = max(1, round(COVERED * order.size))
    highest = np.argsort(-order, axis=None, kind="stable")[:count]
    covered = maps.reshape(-1, maps.shape[-1]).copy()
    covered[highest] = maps.mean(axis=(0, 1, 2))
    return _number(score(covered.reshape(maps.shape)))


def _number(tensor) -> float:
    return float(ops.convert_to_numpy(tensor))


def _figures(falls: np.ndarray, files: np.ndarray) -> intervals.Estimate:
    return intervals.Estimate(
        float(falls.mean()), *intervals.mean_interval(falls, files), len(falls)
    )


COLOURS = "inferno"
_DENSEST = 0.75  # share of the hottest place's colour, so that the frame shines through
_QUALITY = 88  # of the JPEG


def laid_over(frame: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A frame with its heat: cold places stay as they are.

    Args:
        frame: uint8 RGB (H, W, 3).
        heat: float (h, w), 0 to 1; enlarged if it is smaller.

    Returns:
        uint8 RGB (H, W, 3).
    """
    height, width = frame.shape[:2]
    heat = np.clip(cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    colour = matplotlib.colormaps[COLOURS](0.2 + 0.68 * heat)[..., :3] * 255
    dense = (_DENSEST * heat)[..., None]
    return np.rint(frame * (1 - dense) + colour * dense).astype(np.uint8)


def frames_shown(window: int, most: int = 6) -> np.ndarray:
    """Numbers of a few frames, spread over the window from the first to the last."""
    return np.unique(np.linspace(0, window - 1, min(window, most)).round().astype(int))


def strip(clip: np.ndarray, heat: np.ndarray, side: int = 200) -> list[bytes]:
    """A few frames of a clip with their heat, as JPEG files; of a single frame, also the bare one.

    Args:
        clip: uint8 RGB (T, H, W, 3).
        heat: float (T, H, W), 0 to 1.
    """
    frames: Sequence[np.ndarray]
    if len(clip) == 1:
        frames = [_enlarged(clip[0], side), laid_over(_enlarged(clip[0], side), heat[0])]
    else:
        frames = [laid_over(_enlarged(clip[i], side), heat[i]) for i in frames_shown(len(clip))]
    return [jpeg(frame) for frame in frames]


def jpeg(frame: np.ndarray) -> bytes:
    """A frame, uint8 RGB, as a file."""
    _, packed = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return packed.tobytes()


def _enlarged(frame: np.ndarray, side: int) -> np.ndarray:
    """With the shorter side `side` pixels long, if it is shorter."""
    scale = side / min(frame.shape[:2])
    if scale <= 1:
        return frame
    return cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def pictures_of(
    network: OpenNetwork, predictions: Predictions, task: Task, result: results.Result, seed: int
) -> list[Picture]:
    """Strips of clips drawn at random: good ones first, then bad ones."""
    random = np.random.default_rng(seed)
    examples = task_reports.report_of(result).examples(
        task, result, predictions.outputs[task.name], random
    )
    return [_picture(network, predictions, task.name, example) for example in examples]


def _picture(
    network: OpenNetwork, predictions: Predictions, task: str, example: task_reports.Example
) -> Picture:
    clip = predictions.part.clip(example.clip)
    heat = heat_of_clip(network, clip, task, example.score)
    return Picture(strip(clip, heat), example.caption)
