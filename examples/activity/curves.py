"""Angles as curves over time, with a pace, phase, reach and manner drawn for each person."""

from dataclasses import dataclass

import numpy as np

from examples.activity.body import SIDES

TURN = 2 * np.pi
Curves = dict[str, np.ndarray]
ARM = ("shoulder", "abduction", "turn", "elbow")
# how an arm is held, in the order of ARM
HANGING = (
    (0.0, 0.1, 0.0, 0.15), (0.1, 0.15, 0.0, 0.35), (-0.1, 0.1, 0.0, 0.1), (0.2, 0.1, -0.2, 0.5),
)  # fmt: skip
HELD = (
    (-0.2, 0.3, -0.2, 0.9),  # in a pocket
    (-0.3, 0.7, -0.9, 1.7),  # at the hip
    (0.5, 0.1, -1.0, 1.8),  # crossed
    (0.5, 0.1, -0.3, 1.5),  # holds something
    (0.4, 0.1, 0.0, 2.2),  # a hand at the chest
    (0.9, 0.3, -0.2, 2.4),  # at the ear
    (1.4, 0.2, 0.0, 0.2),  # points
    (0.7, 0.3, 0.2, 1.0),  # talks
    (0.3, 0.4, 0.3, 1.6),  # talks
    (-0.5, 0.2, -0.6, 1.0),  # behind the back
    (1.2, 0.2, -0.4, 1.0),  # reaches
    (2.6, 0.3, 0.0, 0.4),  # above the head
    (0.2, 1.5, 1.2, 1.4),  # raised beside the head, and still
)
AT_REST = (
    (0.5, 0.2, -0.3, 0.9), (0.3, 0.3, -0.3, 1.3), (0.7, 0.2, -0.4, 0.9), (0.9, 0.3, -0.5, 0.6),
)  # fmt: skip
Manners = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Draw:
    """Random numbers for people over `times_s` (n, t), the last of which is now."""

    random: np.random.Generator
    times_s: np.ndarray

    @property
    def count(self) -> int:
        return len(self.times_s)

    def between(self, low: float, high: float) -> np.ndarray:
        """(n, 1)."""
        return self.random.uniform(low, high, (self.count, 1))

    def chance(self, share: float) -> np.ndarray:
        """(n, 1): 1.0 for a share of them, else 0.0."""
        return (self.random.random((self.count, 1)) < share).astype(float)

    def wander(self, reach: float, fastest_hz: float = 0.5, least: float = 0.0) -> np.ndarray:
        """(n, t) around 0: nobody is quite still.  least: share of the reach that all have."""
        waves = [
            np.sin(TURN * self.between(0.05, fastest_hz) * self.times_s + self.between(0, TURN))
            for _ in range(3)
        ]
        return self.between(least**0.5, 1) ** 2 * reach * np.sum(waves, axis=0) / 2

    def pick(self, options: np.ndarray) -> np.ndarray:
        """(n, k): one row of the options for each."""
        return options[self.random.integers(len(options), size=self.count)]

    def passage(self, begin_s: np.ndarray, lasts_s: np.ndarray) -> np.ndarray:
        """(n, t): 0 before, 1 behind, smoothly between."""
        share = ((self.times_s - begin_s) / lasts_s).clip(0, 1)
        return share * share * (3 - 2 * share)

    def bump(self, lasts_s: np.ndarray) -> np.ndarray:
        """(n, t): once up to 1 and down again."""
        share = (self.times_s - self.between(-1.6, 0)) / lasts_s
        return np.exp(-2 * share**2)


def blended(first: Curves, second: Curves, share: np.ndarray) -> Curves:
    """From the first's curves to the second's."""
    nothing = np.zeros((1, 1))
    return {
        name: (1 - share) * first.get(name, nothing) + share * second.get(name, nothing)
        for name in sorted(first.keys() | second.keys())
    }


def arms(draw: Draw, *manners: Manners) -> Curves:
    """Each arm is held in a manner, and some change it on the way."""
    curves: Curves = {}
    options = np.array([manner for group in manners for manner in group])
    first = {side: draw.pick(options) for side, _ in SIDES}
    first["right"] = np.where(draw.chance(0.35), first["left"], first["right"])
    for side, _ in SIDES:
        begin, end = first[side], draw.pick(options)
        changes = draw.chance(0.3) * draw.passage(draw.between(-2, 0), draw.between(0.3, 1.2))
        for index, name in enumerate(ARM):
            start = begin[:, [index]] + draw.between(-0.2, 0.2)
            curves[f"{side}_{name}"] = (
                start + changes * (end[:, [index]] - start) + draw.wander(0.1, 1.0)
            )
    return curves


def trunk(draw: Draw) -> Curves:
    """Upright, any way round."""
    return {
        "yaw": draw.between(0, TURN) + draw.wander(0.15),
        "pitch": draw.between(-0.05, 0.1) + draw.wander(0.04),
        "roll": draw.between(-0.05, 0.05) + draw.wander(0.03),
        "spine": draw.between(-0.05, 0.25) + draw.wander(0.05),
        "head_yaw": draw.between(-0.7, 0.7) * draw.chance(0.6) + draw.wander(0.3),
        "head_pitch": draw.between(-0.3, 0.5) + draw.wander(0.1),
        "x": draw.wander(0.04),
        "y": draw.wander(0.04),
    }


def gesturing(draw: Draw, curves: Curves) -> Curves:
    """The same, talking with the hands, scratching, pointing: no hand goes to and fro."""
    result = dict(curves)
    for side, _ in SIDES:
        busy = draw.chance(0.6)
        for name, reach in {"shoulder": 0.5, "abduction": 0.3, "elbow": 0.8}.items():
            key = f"{side}_{name}"
            result[key] = result[key] + busy * draw.wander(reach, 1.2)
        raised = draw.chance(0.3) * draw.between(0.8, 2.2) * draw.bump(draw.between(0.3, 0.8))
        result[f"{side}_shoulder"] = result[f"{side}_shoulder"] + raised
        result[f"{side}_elbow"] = np.abs(result[f"{side}_elbow"])
    return result


def waving(draw: Draw, curves: Curves) -> Curves:
    """The same with one hand, or both, waved: from the elbow, or the whole arm above the head."""
    result = dict(curves)
    both, left = draw.chance(0.15), draw.chance(0.5)
    raised = draw.passage(draw.between(-3, -1.1), draw.between(0.3, 0.7))
    large = draw.chance(0.3)
    beat = np.sin(TURN * draw.between(0.8, 3.0) * draw.times_s + draw.between(0, TURN))
    reach = np.where(large, draw.between(0.2, 0.5), draw.between(0.0, 0.2))
    turn = np.where(large, draw.between(-0.5, 0.5), draw.between(0.9, 1.8))
    elbow = np.where(large, draw.between(0.1, 0.7), draw.between(0.8, 2.2))
    waved = {
        "shoulder": draw.between(-0.1, 0.8),
        "abduction": np.where(large, draw.between(2.0, 2.8), draw.between(0.3, 2.2)) + reach * beat,
        "turn": turn + draw.between(0, 0.3) * beat,
        "elbow": elbow + draw.between(0.25, 0.6) * (1 - 0.6 * large) * beat,
    }
    for (side, _), mine in zip(SIDES, (left, 1 - left)):
        share = raised * np.maximum(mine, both)
        for name, curve in waved.items():
            key = f"{side}_{name}"
            result[key] = (1 - share) * curves[key] + share * curve
    return result
