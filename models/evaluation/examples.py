"""A few test clips of each task with what spoke for the answer, laid over their frames."""

from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np

from edge.tasks import Task
from edge_common.document import Picture
from edge_models.evaluation.gradcam import heat_of_clip
from edge_models.evaluation.measure import Asked
from edge_models.evaluation.network import OpenNetwork
from edge_models.evaluation.results import RegressionResult, TaskResult

COLOURS = "inferno"
_DENSEST = 0.75  # share of the hottest place's colour, so that the frame shines through
_QUALITY = 88  # of the JPEG


def laid_over(frame: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A frame with its heat: cold places stay as they are.

    Args:
        frame: uint8 RGB (H, W, 3).
        heat: float (h, w), 0 to 1; enlarged where it is smaller.

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
    shown: Sequence[np.ndarray]
    if len(clip) == 1:
        shown = [_enlarged(clip[0], side), laid_over(_enlarged(clip[0], side), heat[0])]
    else:
        shown = [laid_over(_enlarged(clip[i], side), heat[i]) for i in frames_shown(len(clip))]
    return [jpeg(frame) for frame in shown]


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
