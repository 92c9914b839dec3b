"""A few test clips of each task with what spoke for the answer."""

from collections.abc import Sequence

import numpy as np

from edge.document import Picture

from ..tasks import Task
from .gradcam import heat_of_clip
from .measure import Asked
from .network import OpenNetwork
from .overlay import strip
from .results import RegressionResult, TaskResult

RIGHT, WRONG = 3, 2  # clips shown


def pictures_of(
    network: OpenNetwork, asked: Asked, task: Task, result: TaskResult | RegressionResult, seed: int
) -> list[Picture]:
    """Strips of clips drawn at random: right ones first, then wrong ones."""
    random = np.random.default_rng(seed)
    if isinstance(result, RegressionResult):
        return [_of_number(network, asked, task, result, i) for i in _near_and_far(result, random)]
    right = result.truth == result.answer
    chosen = [
        *_one_of_each(np.flatnonzero(right), result.truth, RIGHT, random),
        *_one_of_each(np.flatnonzero(~right), result.truth, WRONG, random),
    ]
    return [_of_class(network, asked, task, result, index) for index in chosen]


def _one_of_each(
    clips: np.ndarray, truth: np.ndarray, most: int, random: np.random.Generator
) -> Sequence[int]:
    """Some clips, of as many classes as there are."""
    mixed = random.permutation(clips)
    _, first = np.unique(truth[mixed], return_index=True)
    of_each = random.permutation(mixed[first])
    rest = mixed[~np.isin(mixed, of_each)]
    return np.concatenate([of_each, rest]).astype(int)[:most].tolist()


def _near_and_far(result: RegressionResult, random: np.random.Generator) -> Sequence[int]:
    """Clips of the better half at random, then those that are worst."""
    order = np.argsort(np.abs(result.truth - result.answer), kind="stable")
    better, worst = order[: -(-len(order) // 2)], order[::-1][:WRONG]
    near = random.permutation(better)[:RIGHT]
    return [*near.tolist(), *(int(i) for i in worst if i not in near)]


def _of_class(
    network: OpenNetwork, asked: Asked, task: Task, result: TaskResult, index: int
) -> Picture:
    truth, answer = int(result.truth[index]), int(result.answer[index])
    share = float(asked.outputs[task.name][index, answer])
    said = f"{result.labels[answer]} ({share:.2f})"
    if truth == answer:
        caption = f"**right**: {said}"
    else:
        own = float(asked.outputs[task.name][index, truth])
        caption = f"**wrong**: {said}; it is {result.labels[truth]} ({own:.2f})"
    return _picture(network, asked, task.name, index, answer, caption)


def _of_number(
    network: OpenNetwork, asked: Asked, task: Task, result: RegressionResult, index: int
) -> Picture:
    truth, answer = result.truth[index], result.answer[index]
    caption = (
        f"answer **{answer:.1f}**, truth {truth:.1f} {task.unit}".rstrip()
        + f" (off by {abs(answer - truth):.1f})"
    )
    return _picture(network, asked, task.name, index, 0, caption)


def _picture(
    network: OpenNetwork, asked: Asked, task: str, index: int, score: int, caption: str
) -> Picture:
    clip = asked.part.clip(index)
    return Picture(strip(clip, heat_of_clip(network, clip, task, score)), caption)
