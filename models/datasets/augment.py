"""Other looks of a clip, the same in all of its frames, so that motion stays motion.

Random erasing after Z. Zhong et al., "Random Erasing Data Augmentation", AAAI 2020.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from edge_common import ConfigError

_ERASED_RATIO = (0.3, 1 / 0.3)  # height by width, as in the paper
_TRIES = 20  # until a rectangle fits into the frame


@dataclass(frozen=True)
class AugmentationSection:
    """What is drawn again for each clip in each epoch; all zero: nothing.

    Attributes:
        flip: mirror half of the clips; labels follow if the data set says how.
        shift: at most so far, in frame widths.
        zoom: at most so much larger or smaller.
        rotation_deg: at most so far to either side.
        brightness: at most so many grey levels.
        contrast: at most so much more or less.
        erase: share of the clips in which a rectangle is overwritten with noise.
        erase_smallest, erase_largest: of such a rectangle, share of the frame.
        retime: begun and ended at most so many frames earlier or later, and each frame half as
            many besides, in order; what is not there repeats the nearest.
    """

    flip: bool = False
    shift: float = 0.0
    zoom: float = 0.0
    rotation_deg: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    erase: float = 0.0
    erase_smallest: float = 0.02
    erase_largest: float = 0.4
    retime: float = 0.0

    def __post_init__(self) -> None:
        for name in ("erase_smallest", "erase_largest", "shift", "zoom", "contrast"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"augmentation.{name} is {getattr(self, name)}: it must be from 0 to below 1"
                )
        if self.erase > 1:
            raise ConfigError(f"augmentation.erase is {self.erase}: it is a share of the clips")
        if self.erase_smallest > self.erase_largest:
            raise ConfigError("augmentation.erase_smallest is above erase_largest")


def augment(
    clip: np.ndarray,
    answers: Mapping[str, float],
    section: AugmentationSection,
    mirrored: Mapping[str, np.ndarray],
    random: np.random.Generator,
) -> tuple[np.ndarray, dict[str, float]]:
    """Draw another look of a clip, uint8 RGB (T, H, W, 3), and the labels that fit it.

    Args:
        mirrored: for tasks whose class a mirrored picture changes, the new class of each.
    """
    changed = dict(answers)
    if section.flip and random.random() < 0.5:
        clip = np.stack([cv2.flip(frame, 1) for frame in clip])
        changed |= {task: int(to[int(answers[task])]) for task, to in mirrored.items()}
    if section.retime:
        clip = clip[retimed(len(clip), section.retime, random)]
    clip = _moved(clip, section, random)
    clip = _lit(clip, section, random)
    if random.random() < section.erase:
        clip = erased(clip, section, random)
    return clip, changed


def retimed(frames: int, most: float, random: np.random.Generator) -> np.ndarray:
    """Which frame stands at each place, int64 (frames,), ascending: begun, ended and paced otherwise."""
    first, last = np.array([0, frames - 1]) + random.uniform(-most, most, 2)
    places = np.linspace(first, last, frames) + random.uniform(-most / 2, most / 2, frames)
    return np.sort(np.clip(np.rint(places), 0, frames - 1).astype(np.int64))


def erased(
    clip: np.ndarray, section: AugmentationSection, random: np.random.Generator
) -> np.ndarray:
    """Noise in a rectangle, at the same place in all frames."""
    height, width = clip.shape[1:3]
    for _ in range(_TRIES):
        area = random.uniform(section.erase_smallest, section.erase_largest) * height * width
        ratio = np.exp(random.uniform(*np.log(_ERASED_RATIO)))
        tall, wide = round(np.sqrt(area * ratio)), round(np.sqrt(area / ratio))
        if 0 < tall < height and 0 < wide < width:
            y, x = random.integers(height - tall + 1), random.integers(width - wide + 1)
            clip = clip.copy()
            noise = random.integers(0, 256, (tall, wide, 3), np.uint8)
            clip[:, y : y + tall, x : x + wide] = noise
            return clip
    return clip


def _moved(
    clip: np.ndarray, section: AugmentationSection, random: np.random.Generator
) -> np.ndarray:
    if not (section.shift or section.zoom or section.rotation_deg):
        return clip
    height, width = clip.shape[1:3]
    angle = random.uniform(-section.rotation_deg, section.rotation_deg)
    scale = 1 + random.uniform(-section.zoom, section.zoom)
    to = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    to[:, 2] += random.uniform(-section.shift, section.shift, 2) * width
    return np.stack(
        [
            cv2.warpAffine(np.ascontiguousarray(f), to, (width, height), borderMode=cv2.BORDER_REFLECT_101)
            for f in clip
        ]
    )  # fmt: skip


def _lit(clip: np.ndarray, section: AugmentationSection, random: np.random.Generator) -> np.ndarray:
    if not (section.brightness or section.contrast):
        return clip
    gain = 1 + random.uniform(-section.contrast, section.contrast)
    offset = random.uniform(-section.brightness, section.brightness)
    # a table of 256 entries: the same answer as per pixel, and much faster
    levels = (np.arange(256) - 127.5) * gain + 127.5 + offset
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(clip).reshape(-1, 3), table).reshape(clip.shape)
