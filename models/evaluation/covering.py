"""Does the heat point at what matters? Its hottest places are covered, and random ones.

After R. C. Fong and A. Vedaldi, "Interpretable Explanations of Black Boxes by Meaningful
Perturbation", ICCV 2017, on the backbone's maps instead of pixels.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ..tasks import Task
from .gradcam import Score, coarse_maps, gradient_of, task_score
from .intervals import Estimate, mean_interval
from .measure import Asked
from .network import OpenNetwork

COVERED = 0.25  # of all places of all frames
CLIPS = 32


@dataclass(frozen=True)
class Covering:
    """By how much the score of the answer falls, in the mean of n clips; 95 % by file.

    difference: of both, clip by clip.
    """

    hottest: Estimate
    random: Estimate
    difference: Estimate

    @property
    def points(self) -> bool:
        """Whether the hottest places matter more than random ones."""
        return self.difference.low > 0


def cover(network: OpenNetwork, asked: Asked, task: Task, seed: int) -> Covering:
    """Cover a quarter of the maps' places in some clips, drawn at random."""
    random = np.random.default_rng(seed)
    every = len(asked.part)
    chosen = np.sort(random.permutation(every)[:CLIPS])
    falls = np.array([_falls(network, asked, task, int(i), random) for i in chosen])
    files = asked.part.source_of_each[chosen]
    columns = (*falls.T, falls[:, 0] - falls[:, 1])
    return Covering(*(_figures(column, files) for column in columns))


def _falls(
    network: OpenNetwork, asked: Asked, task: Task, index: int, random: np.random.Generator
) -> tuple[float, float]:
    answer = asked.outputs[task.name][index]
    score = task_score(network, task.name, int(answer.argmax()))
    maps = network.maps_of(asked.part.clip(index))
    heat = coarse_maps(maps, gradient_of(score, maps))
    before = float(score(tf.constant(maps)))
    shuffled = random.permutation(heat.size).reshape(heat.shape)
    return tuple(before - _covered_score(score, maps, order) for order in (heat, shuffled))


def _covered_score(score: Score, maps: np.ndarray, order: np.ndarray) -> float:
    """With the mean of all places in place of those that are highest in `order` (T, h, w)."""
    count = max(1, round(COVERED * order.size))
    highest = np.argsort(-order, axis=None, kind="stable")[:count]
    covered = maps.reshape(-1, maps.shape[-1]).copy()
    covered[highest] = maps.mean(axis=(0, 1, 2))
    return float(score(tf.constant(covered.reshape(maps.shape))))


def _figures(falls: np.ndarray, files: np.ndarray) -> Estimate:
    return Estimate(float(falls.mean()), *mean_interval(falls, files), len(falls))
