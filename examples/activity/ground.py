"""What bodies do off their feet: sitting, lying, and how they come there and back."""

import numpy as np

from examples.activity.body import SIDES, Lengths
from examples.activity.curves import AT_REST, HANGING, HELD, Curves, Draw, arms, blended, trunk
from examples.activity.motion import standing, walking


def seated(draw: Draw, lengths: Lengths) -> Curves:
    """On chairs and on the ground, legs down, stretched, crossed or drawn in."""
    curves = trunk(draw) | arms(draw, AT_REST, AT_REST, HELD)
    curves["pitch"] = draw.between(-0.4, 0.5) + draw.wander(0.05)
    ground = draw.chance(0.2)
    for side, _ in SIDES:
        knee = np.where(ground, draw.between(0.1, 2.2), draw.between(0.7, 1.9))
        level = np.where(ground, 0.5 * knee + draw.between(-0.2, 0.3), draw.between(-0.15, 0.25))
        curves[f"{side}_hip"] = np.pi / 2 + curves["pitch"] * 0.9 + level + draw.wander(0.04)
        curves[f"{side}_knee"] = knee + draw.wander(0.06)
        curves[f"{side}_spread"] = draw.between(0, 0.5)
    return curves


def sitting(draw: Draw, lengths: Lengths) -> Curves:
    """Seated, or on the way: most of it lies behind them."""
    seat, up = seated(draw, lengths), standing(draw, lengths)
    moves = draw.chance(0.35)
    lasts_s = draw.between(0.6, 1.5)
    passed = draw.passage(-lasts_s * draw.between(0.75, 2.0), lasts_s)
    return _bowed(blended(up, seat, np.where(moves, passed, 1.0)), moves * passed)


def getting_up(draw: Draw, lengths: Lengths) -> Curves:
    seat, up = seated(draw, lengths), standing(draw, lengths)
    lasts_s = draw.between(0.6, 1.5)
    passed = draw.passage(-lasts_s * draw.between(0.75, 2.0), lasts_s)
    return _bowed(blended(seat, up, passed), passed)


def _bowed(curves: Curves, passed: np.ndarray) -> Curves:
    """Who sits down or gets up bows on the way."""
    bow = 0.5 * 4 * passed * (1 - passed)
    curves["pitch"] = curves["pitch"] + bow
    for side, _ in SIDES:
        curves[f"{side}_hip"] = curves[f"{side}_hip"] + bow
    return curves


def lying(draw: Draw, lengths: Lengths) -> Curves:
    """On the back, the belly or a side."""
    curves = trunk(draw) | arms(draw, HANGING, HELD, AT_REST)
    manner = draw.random.integers(4, size=(draw.count, 1))
    flat = np.pi / 2 + draw.between(-0.15, 0.15)
    curves["pitch"] = np.choose(manner, [-flat, flat, 0 * flat, 0 * flat]) + draw.wander(0.03)
    curves["roll"] = np.choose(manner, [0 * flat, 0 * flat, flat, -flat]) + draw.wander(0.03)
    curves["spine"] = draw.between(-0.1, 0.3)
    drawn_in = draw.chance(0.4) * draw.between(0, 1.2)
    for side, _ in SIDES:
        hip = (drawn_in + draw.between(-0.1, 0.2)) * (manner != 1)
        curves[f"{side}_hip"] = hip + draw.wander(0.05)
        curves[f"{side}_knee"] = drawn_in * draw.between(0.8, 1.6) + draw.between(0, 0.3)
        curves[f"{side}_spread"] = draw.between(0, 0.3)
    return curves


def falling(draw: Draw, lengths: Lengths) -> Curves:
    """From standing or walking to the ground, most of it just now."""
    up = blended(standing(draw, lengths), walking(draw, lengths), draw.chance(0.4))
    down = lying(draw, lengths)
    down["yaw"] = up["yaw"]  # nobody spins
    lasts_s = draw.between(0.45, 1.1)
    begin_s = -lasts_s * draw.between(0.75, 1.0) - draw.between(0, 0.5)
    passed = ((draw.times_s - begin_s) / lasts_s).clip(0, 1) ** draw.between(
        1.5, 2.5
    )  # as a tree does
    curves = blended(up, down, passed)
    midway = 4 * passed * (1 - passed)
    gives_way = draw.between(0, 1.2) * midway
    for side, _ in SIDES:
        curves[f"{side}_knee"] = curves[f"{side}_knee"] + gives_way
        curves[f"{side}_hip"] = curves[f"{side}_hip"] + gives_way / 2
        flung = draw.chance(0.5) * draw.between(0, 1.8) * midway
        curves[f"{side}_shoulder"] = curves[f"{side}_shoulder"] + flung
    return curves
