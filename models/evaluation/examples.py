"""A few test clips of each task with what spoke for the answer, laid over their frames."""

from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np

from edge.tasks import Task
from edge_common.document import Picture
from edge_models.evaluation.gradcam import heat_of_clip
from edge_models.evaluation.measure import Predictions
from edge_models.evaluation.network import OpenNetwork
from edge_models.evaluation.results import Result
from edge_models.evaluation.task_reports import Example, report_of

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
    network: OpenNetwork, predictions: Predictions, task: Task, result: Result, seed: int
) -> list[Picture]:
    """Strips of clips drawn at random: good ones first, then bad ones."""
    random = np.random.default_rng(seed)
    examples = report_of(result).examples(task, result, predictions.outputs[task.name], random)
    return [_picture(network, predictions, task.name, example) for example in examples]


def _picture(
    network: OpenNetwork, predictions: Predictions, task: str, example: Example
) -> Picture:
    clip = predictions.part.clip(example.clip)
    heat = heat_of_clip(network, clip, task, example.score)
    return Picture(strip(clip, heat), example.caption)
