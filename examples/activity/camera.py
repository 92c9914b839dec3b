"""What a camera and a tracker's crop make of a body: points as shares of a square crop of the frame."""

import numpy as np

from examples.activity.body import ENDS, JOINTS, Places

MARGIN = 0.1  # of the box on each side, as a scene has it
CLEAR_FROM = 0.6  # share of the frames in which knees are in the crop
_OCCLUDED, _PASSED_BY, _MERGED, _AT_THE_EDGE = 0.2, 0.12, 0.1, 0.15  # shares of the windows


def views(places: Places, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bodies {joint or end: (n, t, 3)} in metres, each through a camera and a crop of its own.

    Returns:
        joints (n, t, 17, 2): y, x in shares of the crop; how far each is from the camera
        (n, t, 17), 1 the body's middle; and whether the legs are to be seen (n,).
    """
    points = np.stack([places[name] for name in (*JOINTS, *ENDS)], axis=2)
    flat, depth = _projected(points, random)
    crops, is_clear = _crops(flat, random)
    inside = (flat - crops[..., None, :2]) / crops[..., None, 2:]
    return inside[:, :, : len(JOINTS)], depth[:, :, : len(JOINTS)], is_clear


def _projected(points: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n, t, k, 2) y (down) and x of a pinhole camera that looks at the body's middle, and depths."""
    count = len(points)

    def draw(low: float, high: float) -> np.ndarray:
        return random.uniform(low, high, (count, 1, 1))

    apart = points - points.mean(axis=(1, 2), keepdims=True)
    yaw, distance = draw(0, 2 * np.pi), np.exp(draw(np.log(2.2), np.log(16)))
    tilt, roll = np.where(draw(0, 1) < 0.7, draw(-0.1, 0.5), draw(0.3, 1.0)), draw(-0.07, 0.07)
    x = apart[..., 0] * np.cos(yaw) + apart[..., 1] * np.sin(yaw)
    beside = -apart[..., 0] * np.sin(yaw) + apart[..., 1] * np.cos(yaw)
    up = apart[..., 2]
    ahead = distance + x * np.cos(tilt) - up * np.sin(tilt)
    above = up * np.cos(tilt) + x * np.sin(tilt)
    ahead = np.maximum(ahead, 0.3 * distance)
    across, down = -beside / ahead, -above / ahead
    rows = across * np.sin(roll) + down * np.cos(roll)
    columns = (across * np.cos(roll) - down * np.sin(roll)) * draw(
        0.85, 1.15
    )  # pixels may be oblong
    return np.stack([rows, columns], axis=-1), ahead / distance


def _crops(flat: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n, t, 4) top, left, height, width of crops as a scene's, and whose knees are in them."""
    count, frames = flat.shape[:2]
    low, high = flat.min(axis=2), flat.max(axis=2)  # (n, t, 2)
    hidden = _hidden(high - low, random)
    high[..., 0] -= hidden * (high - low)[..., 0]
    knees = flat[:, :, [JOINTS.index("left_knee"), JOINTS.index("right_knee")], 0].min(axis=2)
    is_clear = (knees < high[..., 0]).mean(axis=1) >= CLEAR_FROM
    size = high - low
    # who stands beside them is in the box, too, for a while
    merged = _for_a_while(random, (count, frames), _MERGED) * random.uniform(0.2, 1.2, (count, 1))
    wider = merged * np.where(random.random((count, 1)) < 0.5, -1.0, 1.0) * size.max(axis=2)
    low[..., 1] += np.minimum(wider, 0)
    high[..., 1] += np.maximum(wider, 0)
    size = high - low
    shake = correlated(random, (count, frames, 4), 0.7) * random.uniform(0, 0.05, (count, 1, 1))
    offset = shake + random.normal(0, 0.02, (count, 1, 4))
    low, size = low + offset[..., :2] * size, size * (1 + offset[..., 2:])
    side = size.max(axis=2, keepdims=True) * (1 + 2 * MARGIN)
    # at the frame's edge the crop is moved inside: the body is off its middle
    at_edge = random.random((count, 1, 1)) < _AT_THE_EDGE
    moved = at_edge * random.uniform(-0.25, 0.25, (count, 1, 2))
    corner = low + size / 2 - side / 2 + moved * side
    return np.concatenate([corner, side, side], axis=2), is_clear


def _hidden(size: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(n, t): the lower share of an upright box that is behind something, all the time or in passing."""
    count, frames = size.shape[:2]
    always = (random.random((count, 1)) < _OCCLUDED) * random.uniform(0, 0.75, (count, 1))
    passing = _for_a_while(random, (count, frames), _PASSED_BY) * random.uniform(
        0.1, 0.75, (count, 1)
    )
    is_upright = size[..., 0].mean(axis=1) > size[..., 1].mean(axis=1)
    return np.maximum(always, passing) * is_upright[:, None]


def _for_a_while(random: np.random.Generator, shape: tuple[int, int], share: float) -> np.ndarray:
    """(n, t): 1.0 in some frames on end of a share of the windows."""
    begin = random.integers(-shape[1] // 2, shape[1], (shape[0], 1))
    end = begin + random.integers(2, shape[1] + 1, (shape[0], 1))
    frame = np.arange(shape[1])
    return ((frame >= begin) & (frame < end) & (random.random((shape[0], 1)) < share)).astype(float)


def correlated(random: np.random.Generator, shape: tuple[int, ...], keep: float) -> np.ndarray:
    """Noise of deviation 1 whose frames (axis 1) remember `keep` of the one before."""
    noise = random.normal(size=shape)
    for frame in range(1, shape[1]):
        noise[:, frame] = keep * noise[:, frame - 1] + np.sqrt(1 - keep**2) * noise[:, frame]
    return noise
