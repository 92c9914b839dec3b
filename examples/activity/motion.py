"""What bodies do on their feet: standing, walking, running, and what has no name here."""

import numpy as np

from examples.activity.body import SIDES, Lengths
from examples.activity.curves import ARM, HANGING, HELD, TURN, Curves, Draw, arms, blended, trunk


def standing(draw: Draw, lengths: Lengths) -> Curves:
    """Still, shifting weight, turning on the spot; some nod down, and some lift a leg once."""
    curves = trunk(draw) | arms(draw, HANGING, HANGING, HELD)
    turns = draw.chance(0.25)
    curves["yaw"] = curves["yaw"] + turns * draw.between(-1.2, 1.2) * draw.times_s
    shuffle = TURN * draw.between(0.5, 1.0) * draw.times_s + draw.between(0, TURN)
    treads = np.maximum(turns, draw.chance(0.1)) * draw.between(0.0, 0.15)
    bends = draw.chance(0.12) * draw.between(0.1, 0.5)
    bends = bends * draw.passage(draw.between(-3, 0), draw.between(0.5, 1.5))
    curves["pitch"] = curves["pitch"] + bends
    halfway = draw.chance(0.4) * draw.between(-0.4, 0.4)  # one foot ahead
    for side, sign in SIDES:
        bent = draw.chance(0.3) * draw.between(0, 0.35)
        stride = sign * halfway
        lift = draw.chance(0.12) * draw.between(0.2, 1.0) * draw.bump(draw.between(0.25, 0.5))
        steps = treads * np.maximum(sign * np.sin(shuffle), 0) + lift
        curves[f"{side}_hip"] = bent + bends + steps + stride + draw.wander(0.03)
        knee = 2 * bent + 1.6 * steps + np.maximum(-stride, 0) + draw.between(0, 0.15)
        curves[f"{side}_knee"] = knee + draw.wander(0.03)
        curves[f"{side}_spread"] = draw.between(-0.05, 0.2) * draw.chance(0.6)
    return curves


def paused(draw: Draw, lengths: Lengths) -> Curves:
    """As walkers stand who stop: in no single frame they could be told from them."""
    still = Draw(draw.random, draw.times_s * 0.0)
    curves = blended(standing(draw, lengths), walking(still, lengths), draw.between(0.0, 0.8))
    sway = trunk(draw)
    for name in sway:
        curves[name] = curves[name] + 0.3 * (sway[name] - sway[name].mean(axis=1, keepdims=True))
    return curves


def walking(draw: Draw, lengths: Lengths) -> Curves:
    pace_hz = draw.between(0.6, 1.15)
    reach = draw.between(0.22, 0.5) * (0.6 + 0.4 * pace_hz)
    return _gait(draw, lengths, pace_hz, reach, draw.between(0.35, 1.0))


def running(draw: Draw, lengths: Lengths) -> Curves:
    pace_hz = draw.between(1.2, 1.75)
    curves = _gait(draw, lengths, pace_hz, draw.between(0.45, 0.85), draw.between(1.1, 2.0))
    phase = TURN * pace_hz * draw.times_s
    bent = draw.between(1.2, 1.9)
    for side, _ in SIDES:
        curves[f"{side}_elbow"] = bent + draw.wander(0.1)
        curves[f"{side}_hip"] = curves[f"{side}_hip"] + draw.between(0.1, 0.3)
    curves["pitch"] = curves["pitch"] + draw.between(0.0, 0.3)
    curves["lift"] = draw.between(0.02, 0.12) * np.abs(np.cos(phase))
    return curves


def _gait(
    draw: Draw, lengths: Lengths, pace_hz: np.ndarray, reach: np.ndarray, lift: np.ndarray
) -> Curves:
    """Legs that swing by turns, knees that bend ahead of each step, arms against them."""
    phase = TURN * pace_hz * draw.times_s + draw.between(0, TURN)
    curves = trunk(draw)
    swings = np.maximum(draw.between(-0.3, 1.0), 0) * reach
    busy, hanging = arms(draw, HANGING, HELD), arms(draw, HANGING)
    for (side, _), cycle in zip(SIDES, (phase, phase + np.pi)):
        curves[f"{side}_hip"] = reach * np.cos(cycle) + 0.1 * reach + draw.wander(0.03)
        curves[f"{side}_spread"] = draw.between(-0.05, 0.1)
        bent = draw.between(0.0, 0.14) + 0.35 * reach * _swing(cycle, 0.13, 0.08)
        curves[f"{side}_knee"] = bent + lift * _swing(cycle, 0.73, 0.11)
        swinging = draw.chance(0.65)
        for name in (f"{side}_{joint}" for joint in ARM):
            curves[name] = np.where(swinging, hanging[name], busy[name])
        curves[f"{side}_shoulder"] = curves[f"{side}_shoulder"] - swinging * swings * np.cos(cycle)
    curves["spine"] = curves["spine"] + 0.03 * np.cos(2 * phase)
    speed = 4 * pace_hz * lengths.leg * np.sin(reach) * draw.between(0.9, 1.1)
    speed = speed * (1 - draw.chance(0.05))  # on a treadmill, or the camera goes along
    curves["x"] = curves["x"] + speed * draw.times_s * np.cos(curves["yaw"])
    curves["y"] = curves["y"] + speed * draw.times_s * np.sin(curves["yaw"])
    return curves


def _swing(phase: np.ndarray, at: float, width: float) -> np.ndarray:
    """A bump once a cycle; `at` and `width` are shares of it."""
    apart = (phase / TURN - at + 0.5) % 1 - 0.5
    return np.exp(-((apart / width) ** 2) / 2)


def bending(draw: Draw, lengths: Lengths) -> Curves:
    """Deep down to what lies on the ground, from the hips or the knees, for a moment or for longer."""
    curves = standing(draw, lengths)
    lasts_s = draw.between(0.4, 1.2)
    down = draw.passage(-lasts_s * draw.between(0.9, 2.5), lasts_s)
    up = draw.passage(draw.between(-0.6, 1.5), draw.between(0.4, 1.2))
    depth = (down * (1 - draw.chance(0.3) * up)).clip(0, 1)
    squats = draw.chance(0.6)
    bow = np.where(squats, draw.between(0.2, 1.0), draw.between(0.8, 1.7))
    curves["pitch"] = curves["pitch"] + depth * bow
    for side, _ in SIDES:
        knee = squats * draw.between(1.2, 2.4)
        curves[f"{side}_hip"] = curves[f"{side}_hip"] + depth * (bow + 0.75 * knee)
        curves[f"{side}_knee"] = curves[f"{side}_knee"] + depth * knee
        reaching = depth * draw.between(0.0, 1.2)
        curves[f"{side}_shoulder"] = curves[f"{side}_shoulder"] + reaching
    return curves


def gymnastics(draw: Draw, lengths: Lengths) -> Curves:
    """Jumps, dances, cartwheels, exercises: limbs that go anywhere, fast."""
    curves = trunk(draw) | arms(draw, HANGING, HELD)
    tumbles = draw.chance(0.4) * draw.between(2.0, 7.0) * np.sign(draw.between(-1, 1))
    turned = tumbles * (draw.times_s - draw.between(-1.6, 0.0)).clip(0, None)
    ahead = draw.chance(0.5)
    curves["pitch"] = curves["pitch"] + ahead * turned + draw.wander(0.8, 1.0)
    curves["roll"] = curves["roll"] + (1 - ahead) * turned + draw.wander(0.5, 1.0)
    curves["lift"] = draw.chance(0.5) * draw.between(0, 0.6) * draw.bump(draw.between(0.2, 0.5))
    fastest_hz = float(draw.random.uniform(0.6, 2.0))
    for side, _ in SIDES:
        for name, reach in _FLUNG.items():
            key = f"{side}_{name}"
            swing = draw.wander(reach, fastest_hz, least=0.4)
            curves[key] = curves.get(key, np.zeros((1, 1))) + swing
        for name in ("knee", "elbow"):
            curves[f"{side}_{name}"] = np.abs(curves[f"{side}_{name}"])
    return curves


_FLUNG = {"hip": 1.8, "spread": 0.8, "knee": 1.8, "shoulder": 2.2, "abduction": 1.8, "elbow": 1.5}
