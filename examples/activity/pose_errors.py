"""How MoveNet is wrong: joints that tremble, stray, change sides or are not to be seen.

The sizes are those of its joints on real footage of small people, compressed as cameras do.
"""

import numpy as np

from examples.activity.body import JOINTS
from examples.activity.camera import correlated

# of nose and eyes, ears, shoulders, elbows, wrists, hips, knees, ankles
_PAIRS = (3, 2, 2, 2, 2, 2, 2, 2)
_SCORES = np.repeat([0.75, 0.75, 1.0, 0.8, 0.6, 1.0, 0.9, 0.85], _PAIRS)
_ERRORS = np.repeat([0.8, 0.8, 0.9, 1.2, 1.5, 0.8, 1.0, 1.2], _PAIRS)
_ORDER = np.arange(len(JOINTS))
_MIRRORED = np.array([0, *(j + 1 if j % 2 else j - 1 for j in range(1, len(JOINTS)))])
_ARMS_AND_LEGS = ((7, 9), (8, 10), (13, 15), (14, 16), (13, 14, 15, 16))
_LIMBS = tuple(np.isin(_ORDER, joints) for joints in _ARMS_AND_LEGS)
_OF_THE_TRUNK = np.isin(_ORDER, [5, 6, 11, 12])


def as_movenet_finds(
    joints: np.ndarray, depth: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Joints (n, t, 17, 2) with its errors, and their scores: float32 (n, t, 17, 3)."""
    count, _, number, _ = joints.shape

    def draw(low: float, high: float) -> np.ndarray:
        return random.uniform(low, high, (count, 1, 1))

    is_outside = ((joints < 0.0) | (joints > 1.0)).any(axis=-1)
    is_hidden = _behind_the_trunk(joints, depth) | (random.random((count, 1, number)) < 0.03)
    error = np.exp(draw(np.log(0.003), np.log(0.02))) * np.where(is_hidden, 2.5, 1.0) * _ERRORS
    joints = joints + error[..., None] * correlated(random, joints.shape, 0.5)
    quality = draw(0.4, 0.9) * _SCORES * random.uniform(0.7, 1.1, (count, 1, number))
    score = quality * np.where(is_hidden, draw(0.3, 0.8), 1.0)
    score = score + random.normal(0, 0.1, is_outside.shape)
    strays = random.random(is_outside.shape) < draw(0, 0.03) * np.where(is_hidden, 3, 1)
    joints = np.where(strays[..., None], joints + random.normal(0, 0.12, joints.shape), joints)
    score = np.where(strays, score * 0.6, score)
    lost = is_outside | _missing(is_outside.shape, random)
    anywhere = joints.clip(0.02, 0.98) + random.normal(0, 0.06, joints.shape)
    joints = np.where(lost[..., None], anywhere, joints)
    score = np.where(lost, random.uniform(0.02, 0.25, lost.shape), score)
    joints, score = _swapped(joints, score, random)
    return with_scores(joints, score)


def with_scores(joints: np.ndarray, score: np.ndarray) -> np.ndarray:
    """float32 (n, t, 17, 3), within what MoveNet gives."""
    return np.concatenate([joints.clip(0, 1), score.clip(0.01, 0.95)[..., None]], -1).astype(
        np.float32
    )


def _missing(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """(n, t, 17): limbs in dark clothes, or behind a bag, for some frames on end."""
    missing = np.zeros(shape, bool)
    for limb in _LIMBS:
        level = correlated(random, shape[:2], 0.9)
        is_rare = random.random((shape[0], 1)) < 0.04
        missing |= ((level > 0.3) & is_rare)[..., None] & limb
    return missing


def _behind_the_trunk(joints: np.ndarray, depth: np.ndarray) -> np.ndarray:
    corners = joints[:, :, _OF_THE_TRUNK]
    low = corners.min(axis=2, keepdims=True) - 0.02
    high = corners.max(axis=2, keepdims=True) + 0.02
    is_behind = depth > depth[:, :, _OF_THE_TRUNK].mean(axis=2, keepdims=True) + 0.01
    return ((joints > low) & (joints < high)).all(axis=-1) & is_behind & ~_OF_THE_TRUNK


def _swapped(
    joints: np.ndarray, score: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Left taken for right, of the whole body, its upper half or the legs, for some frames on end."""
    shape = joints.shape[:2]
    for part in (_ORDER >= 0, (_ORDER >= 5) & (_ORDER < 11), _ORDER >= 11):
        swap = np.where(part, _MIRRORED, _ORDER)
        share = random.uniform(0, 0.6, (shape[0], 1)) * (random.random((shape[0], 1)) < 0.3)
        level = correlated(random, shape, random.choice([0.0, 0.7, 0.95]))
        is_mirrored = np.argsort(np.argsort(level, axis=1), axis=1) < share * shape[1]
        score = np.where(is_mirrored[..., None], score[:, :, swap], score)
        joints = np.where(is_mirrored[..., None, None], joints[:, :, swap], joints)
    return joints, score


def nobody(random: np.random.Generator, count: int, frames: int) -> np.ndarray:
    """Faces that fill the crop, and boxes around nobody: joints anywhere, with poor scores."""
    reach = random.uniform(0.3, 1.0, (count, 1, 1, 1))
    middle = 0.5 + reach * random.uniform(-0.4, 0.4, (count, 1, 17, 2))
    spread = random.uniform(0.0, 0.12, (count, 1, 1, 1))
    joints = middle + spread * correlated(random, (count, frames, 17, 2), 0.6)
    scores = random.uniform(0.02, 0.3, (count, 1, 17))
    scores = scores + random.normal(0, 0.05, (count, frames, 17))
    is_face = random.random((count, 1, 1)) < 0.4
    return with_scores(joints, scores + 0.35 * (is_face & (_ORDER < 5)))
