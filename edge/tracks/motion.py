"""A Kalman filter of constant velocity over all tracks at once, in seconds.

Centre x, centre y, width and height of a box are filtered each for itself: with noises that are
independent, four filters of two states equal the one of eight states of SORT (A. Bewley et al.,
2016) and need no matrices. Noises are shares of the box's height, as in DeepSORT (N. Wojke et al.,
2017), but grow with time and not with frames (Y. Bar-Shalom et al., Estimation with Applications to
Tracking and Navigation, 2001, section 6.2.2): two steps of half the time equal one.
"""

import numpy as np
from numpy.typing import NDArray

from edge.overlap import Boxes, Floats

States = NDArray[np.void]  # (n,) of STATE or a type with its fields

STATE = [
    ("place", np.float64, 4),  # centre x, centre y, width, height in pixels
    ("speed", np.float64, 4),  # of each, in pixels a second
    ("place_variance", np.float64, 4),
    ("covariance", np.float64, 4),
    ("speed_variance", np.float64, 4),
]

_CENTRE, _SIZE = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
# standard deviations in heights of the box, squared; people walk about one height a second
_DETECTION = 0.05**2  # of a detected centre and size
_FIRST_SPEED = _CENTRE * 1.0**2  # a second, of who was seen once
_ACCELERATION = _CENTRE * 1.0**2  # of speed within a second
_GROWTH = _SIZE * 0.1**2  # within a second; a size has no speed, since it does not go on


def start(states: States, boxes: Boxes) -> None:
    """Begin at these boxes, at rest."""
    place = _places(boxes)
    square = place[:, 3:] ** 2
    states["place"] = place
    states["place_variance"] = _DETECTION * square
    states["speed_variance"] = _FIRST_SPEED * square


def predict(states: States, seconds: float) -> None:
    """Move all by so much time, at least 0."""
    square = states["place"][:, 3:] ** 2 * seconds
    noise = _ACCELERATION * square
    spread = states["speed_variance"] * seconds
    states["place"] += states["speed"] * seconds
    states["place_variance"] += (
        2 * states["covariance"] + spread + noise * (seconds / 3)
    ) * seconds + _GROWTH * square
    states["covariance"] += spread + noise * (seconds / 2)
    states["speed_variance"] += noise


def correct(states: States, boxes: Boxes) -> None:
    """All are seen at these boxes."""
    place = _places(boxes)
    surprise = place - states["place"]
    total = states["place_variance"] + _DETECTION * place[:, 3:] ** 2
    gain, speed_gain = states["place_variance"] / total, states["covariance"] / total
    states["place"] += gain * surprise
    states["speed"] += speed_gain * surprise
    states["speed_variance"] -= speed_gain * states["covariance"]
    states["place_variance"] *= 1 - gain
    states["covariance"] *= 1 - gain


def scale(states: States, ratio: Floats) -> None:
    """Frames have become so many times as wide and as high."""
    each = np.tile(ratio, 2)
    for name in ("place", "speed"):
        states[name] *= each
    for name in ("place_variance", "covariance", "speed_variance"):
        states[name] *= each**2


def boxes_of(states: States) -> Boxes:
    """(n, 4) where they are, left, top, right, bottom."""
    centre, half = states["place"][:, :2], states["place"][:, 2:] / 2
    return np.concatenate((centre - half, centre + half), axis=1)


def margins(states: States) -> Floats:
    """(n, 2) how far off the centre may be: its standard deviation in pixels."""
    deviations: Floats = np.sqrt(states["place_variance"][:, :2])
    return deviations


def _places(boxes: Boxes) -> Floats:
    """(n, 4) centre x, centre y, width, height of boxes."""
    corner, opposite = boxes[:, :2], boxes[:, 2:]
    return np.concatenate(((corner + opposite) / 2, opposite - corner), axis=1)
