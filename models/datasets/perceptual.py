"""What images show, as bits: those of one photo, scaled or encoded again, differ in few.

The difference hash: which of two neighbours is brighter, on a grid of 16 x 16 (N. Krawetz,
"Kind of like that", 2013).
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

SIDE = 16
BITS = SIDE * SIDE
# of UTKFace, up to 24 all pairs that were looked at were the same photo, from 28 on not
MOST_DIFFERENT = 24 / BITS
SURELY_SAME = 18 / BITS  # also of images that were scaled down to the network's size
FEWEST_SET = 8  # an image of one colour is like any other of one colour
_ROWS = 1024  # compared at a time


def image_hash(grey: np.ndarray) -> np.ndarray:
    """bool (BITS,) of a uint8 image (H, W)."""
    small = cv2.resize(grey, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    return (small[:, 1:] > small[:, :-1]).ravel()


def clip_hash(clip: np.ndarray) -> np.ndarray:
    """bool (BITS,) of each of the first, the middle and the last frame, uint8 RGB (T, H, W, 3)."""
    last = len(clip) - 1
    frames = sorted({0, last // 2, last})
    return np.concatenate(
        [image_hash(cv2.cvtColor(clip[frame], cv2.COLOR_RGB2GRAY)) for frame in frames]
    )


def file_hashes(paths: Sequence[Path]) -> np.ndarray:
    """bool (N, BITS) of image files; none is set for one that cannot be read."""
    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(_file_hash, paths)))


def _file_hash(path: Path) -> np.ndarray:
    try:
        grey = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error):  # not there, empty, or larger than OpenCV takes
        grey = None
    return np.zeros(BITS, bool) if grey is None else image_hash(grey)


def near_pairs(hashes: np.ndarray, others: np.ndarray, most: float = MOST_DIFFERENT) -> np.ndarray:
    """Which of `hashes`, bool (N, B), are like which of `others` (M, B): int64 (pairs, 2).

    most: share of the bits that may differ.
    """
    signs, other_signs = _signs(hashes), _signs(others)
    alike = signs.shape[1] * (1 - 2 * most)
    pairs = [np.empty((0, 2), np.int64)]
    for first in range(0, len(signs), _ROWS):
        found = np.argwhere(signs[first : first + _ROWS] @ other_signs.T >= alike)
        pairs.append(found + (first, 0))
    return np.concatenate(pairs)


def _signs(hashes: np.ndarray) -> np.ndarray:
    """float32: 1, -1, or all 0 if an image shows too little to be like another."""
    signs = np.where(hashes, np.float32(1), np.float32(-1))
    return signs * (hashes.sum(axis=1, keepdims=True) >= FEWEST_SET)


def joined(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Of each of so many, the lowest number of those that pairs join it with."""
    parents = list(range(count))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    for first, second in pairs:
        low, high = sorted((root(first), root(second)))
        parents[high] = low
    return [root(number) for number in range(count)]
