"""Clips of five kinds of moving pictures that any network tells apart after a little training."""

from dataclasses import dataclass

import cv2
import numpy as np

KINDS = 5
_TINTS = np.array([(60, 0, -40), (-50, 40, 0), (0, -40, 60), (40, 40, -60), (-40, 0, 40)])
_PACES = np.array([(0, 0), (2, 0), (0, 2), (-2, 1), (1, -2)])  # pixels a frame


@dataclass(frozen=True)
class PatternClips:
    """frames: uint8 (n, T, H, W, C), or float32 (n, T, ...) of features.  kind: int (n,)."""

    frames: np.ndarray
    kind: np.ndarray


def pattern_clips(count: int, shape: tuple[int, ...], seed: int) -> PatternClips:
    """`count` of them, of (T, H, W, C) pictures or (T, ...) features."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, KINDS, count)
    is_pictures = len(shape) == 4
    make = _pictures if is_pictures else _features
    frames = np.empty((count, *shape), np.uint8 if is_pictures else np.float32)
    for index, each in enumerate(kind):
        frames[index] = make(each, shape, random)
    return PatternClips(frames, kind)


def _pictures(kind: int, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Clouds of a tint, which glide, and blink at a pace of their own."""
    window, height, width, channels = shape
    coarse = random.normal(128, 50, (3 + kind, 3 + kind, channels)).astype(np.float32)
    tint = np.resize(_TINTS[kind] * random.uniform(0.5, 1.5), channels)
    still = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    still = still.reshape(height, width, channels) + tint
    light = 25 * np.sin(np.arange(window) * (kind + 1) * 0.5 + random.uniform(0, 6))
    frames = [np.roll(still, t * _PACES[kind], (0, 1)) + light[t] for t in range(window)]
    noise = random.normal(0, 6, (window, height, width, channels))
    return np.clip(np.stack(frames) + noise, 0, 255).astype(np.uint8)


def _features(kind: int, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Waves whose place and pace are those of the kind."""
    window, count = shape[0], int(np.prod(shape[1:]))
    at = np.arange(count) / count * 2 * np.pi
    time = np.arange(window)[:, None] * (kind + 1) * 0.3 + random.uniform(0, 6)
    waves = 0.5 + 0.3 * np.sin(time + at * (kind + 1)) + 0.05 * kind
    return (waves + random.normal(0, 0.05, waves.shape)).reshape(shape)
