"""A body of seventeen joints in space: lengths and angles in, places in metres out.

Forward is x, left y, up z. Arrays are float (n, t): n people in t frames.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# the order of COCO, which MoveNet keeps to
JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
SIDES = (("left", 1.0), ("right", -1.0))
# where a silhouette ends: no joints, but a detector's box reaches so far
ENDS = ("crown", "left_hand", "right_hand", "left_toes", "right_toes", "left_heel", "right_heel")
# shares of the neck's length, from the middle of the head
_FACE = {
    "nose": (0.5, 0.0, 0.0), "left_eye": (0.42, 0.15, 0.15), "right_eye": (0.42, -0.15, 0.15),
    "left_ear": (0.0, 0.34, 0.05), "right_ear": (0.0, -0.34, 0.05), "crown": (0.0, 0.0, 0.6),
}  # fmt: skip

Angles = Mapping[str, np.ndarray]
Places = dict[str, np.ndarray]


@dataclass(frozen=True)
class Lengths:
    """Metres, (n, 1) each."""

    torso: np.ndarray
    shoulders: np.ndarray
    hips: np.ndarray
    upper_arm: np.ndarray
    forearm: np.ndarray
    thigh: np.ndarray
    shank: np.ndarray
    neck: np.ndarray

    @property
    def leg(self) -> np.ndarray:
        return self.thigh + self.shank

    @classmethod
    def sample(cls, random: np.random.Generator, count: int) -> "Lengths":
        """Of children and adults in clothes: varied more than people are.

        Nothing is to be told from proportions, which MoveNet knows only roughly.
        """
        height = random.uniform(1.15, 1.95, (count, 1))
        legs = random.uniform(0.8, 1.1, (count, 1))

        def share(mean: float) -> np.ndarray:
            return height * mean * random.normal(1.0, 0.06, (count, 1)).clip(0.85, 1.15)

        return cls(
            torso=share(0.31), shoulders=share(0.105), hips=share(0.058), upper_arm=share(0.165),
            forearm=share(0.15), thigh=share(0.24) * legs, shank=share(0.24) * legs,
            neck=share(0.12),
        )  # fmt: skip


def places(angles: Angles, lengths: Lengths) -> Places:
    """Each joint and end (n, t, 3), on the ground if nothing lifts it.

    angles: radians; those that are left out are 0. Of the whole body: yaw, pitch (forward), roll
    (to the left); spine (the torso forward), head_yaw, head_pitch; of each side SIDE_shoulder
    (arm forward), SIDE_abduction (arm outward), SIDE_turn (upper arm outward), SIDE_elbow,
    SIDE_hip (thigh forward), SIDE_spread (thigh outward), SIDE_knee; in metres x, y and lift.
    """
    shape = np.broadcast_shapes(*(values.shape for values in angles.values()))

    def angle(name: str) -> np.ndarray:
        return np.broadcast_to(angles.get(name, np.zeros(shape)), shape)

    pelvis = _about_z(angle("yaw")) @ _forward(angle("pitch")) @ _outward(angle("roll"), 1.0)
    chest = pelvis @ _forward(angle("spine"))
    head = chest @ _forward(angle("head_pitch")) @ _about_z(angle("head_yaw"))
    neck = _along(chest, 0, 0, lengths.torso)
    centre = neck + _along(head, 0, 0, lengths.neck)
    points: Places = {
        name: centre + _along(head, *(share * lengths.neck for share in shares))
        for name, shares in _FACE.items()
    }
    for side, sign in SIDES:
        own = {name: angle(f"{side}_{name}") for name in _OF_A_SIDE}
        arm, leg = _arm(chest, neck, own, sign, lengths), _leg(pelvis, own, sign, lengths)
        points |= {f"{side}_{name}": place for name, place in (arm | leg).items()}
    lowest = np.min([place[..., 2] for place in points.values()], axis=0)
    ground = np.stack([angle("x"), angle("y"), angle("lift") - lowest], axis=-1)
    return {name: place + ground for name, place in points.items()}


_OF_A_SIDE = ("shoulder", "abduction", "turn", "elbow", "hip", "spread", "knee")


def _arm(
    chest: np.ndarray, neck: np.ndarray, angles: Angles, sign: float, lengths: Lengths
) -> Places:
    upper = chest @ _forward(-angles["shoulder"]) @ _outward(-angles["abduction"], sign)
    upper = upper @ _about_z(sign * angles["turn"])
    lower = upper @ _forward(-angles["elbow"])
    shoulder = neck + _along(chest, 0, sign * lengths.shoulders, 0)
    elbow = shoulder + _along(upper, 0, 0, -lengths.upper_arm)
    wrist = elbow + _along(lower, 0, 0, -lengths.forearm)
    hand = wrist + _along(lower, 0, 0, -0.6 * lengths.forearm)
    return {"shoulder": shoulder, "elbow": elbow, "wrist": wrist, "hand": hand}


def _leg(pelvis: np.ndarray, angles: Angles, sign: float, lengths: Lengths) -> Places:
    thigh = pelvis @ _forward(-angles["hip"]) @ _outward(-angles["spread"], sign)
    shank = thigh @ _forward(angles["knee"])
    hip = _along(pelvis, 0, sign * lengths.hips, 0)
    knee = hip + _along(thigh, 0, 0, -lengths.thigh)
    ankle = knee + _along(shank, 0, 0, -lengths.shank)
    sole = -0.15 * lengths.shank
    toes = ankle + _along(shank, 0.36 * lengths.shank, 0, sole)
    heel = ankle + _along(shank, -0.12 * lengths.shank, 0, sole)
    return {"hip": hip, "knee": knee, "ankle": ankle, "toes": toes, "heel": heel}


def _along(frame: np.ndarray, *steps: np.ndarray | float) -> np.ndarray:
    """(n, t, 3): so many metres along each axis of a frame (n, t, 3, 3)."""
    terms = [frame[..., axis] * np.asarray(step)[..., None] for axis, step in enumerate(steps)]
    return np.sum(terms, axis=0)


def _rotation(angle: np.ndarray, first: int, second: int) -> np.ndarray:
    """(n, t, 3, 3): from the first axis to the second."""
    cosine, sine = np.cos(angle), np.sin(angle)
    result = np.zeros((*angle.shape, 3, 3))
    result[..., range(3), range(3)] = 1.0
    result[..., first, first] = result[..., second, second] = cosine
    result[..., second, first], result[..., first, second] = sine, -sine
    return result


def _about_z(angle: np.ndarray) -> np.ndarray:
    return _rotation(angle, 0, 1)


def _forward(angle: np.ndarray) -> np.ndarray:
    """What points up leans forward; what hangs, by the negative angle, swings forward."""
    return _rotation(angle, 2, 0)


def _outward(angle: np.ndarray, sign: float) -> np.ndarray:
    """What points up leans to that side."""
    return _rotation(sign * angle, 2, 1)
