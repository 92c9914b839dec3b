"""Windows of joints with what they show: endless, and no two alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from examples.activity import body, camera, curves, ground, motion, pose_errors

Motion = Callable[[curves.Draw, body.Lengths], curves.Curves]
ACTIVITIES: Mapping[str, tuple[Motion, ...]] = {
    "standing": (motion.standing, motion.paused, ground.getting_up),
    "walking": (motion.walking,),
    "running": (motion.running,),
    "sitting": (ground.sitting,),
    "lying": (ground.lying,),
    "falling": (ground.falling,),
}
UNCLEAR = "unclear"
LABELS = (*ACTIVITIES, UNCLEAR)
WAVING = ("no", "yes")
# of what is unclear: boxes around nobody, deep bows, leaps; the rest are windows of two people
_NOBODY, _BENDING, _GYMNASTICS = 0.25, 0.3, 0.3
_CAN_WAVE = {"standing": 0.35, "walking": 0.15, "sitting": 0.3}
_GESTURES = 0.3
_SWITCHES = 0.06  # share of the windows whose first frames are somebody else's
_FRAMES_OF_ANOTHER = 3  # fewer of them change nothing


@dataclass(frozen=True)
class PoseWindows:
    """joints: float32 (n, t, 17, 3), y, x in shares of the crop and score.

    activity, waving: (n,) indices into LABELS and WAVING.
    """

    joints: np.ndarray
    activity: np.ndarray
    waving: np.ndarray

    def compact(self) -> "PoseWindows":
        """The same in float16, half as large."""
        return replace(self, joints=self.joints.astype(np.float16))

    @property
    def features(self) -> np.ndarray:
        """float32 (n, t, 51) as the encoder gives them: all y, all x, from the middle, all scores."""
        centred = self.joints.astype(np.float32) - np.array([0.5, 0.5, 0.0], np.float32)
        return np.moveaxis(centred, -1, -2).reshape(*self.joints.shape[:2], -1)


def joined(parts: "list[PoseWindows]", order: np.ndarray | None = None) -> PoseWindows:
    """All of them as one, in an order."""
    every = (np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0]))
    return PoseWindows(*(values if order is None else values[order] for values in every))


def windows(random: np.random.Generator, count: int, frames: int, rate_hz: float) -> PoseWindows:
    """About equally many of each activity, at a rate near `rate_hz`, with frames missing here and there."""
    share = -(-count // len(LABELS))
    parts = [_of(random, name, share, frames, rate_hz) for name in ACTIVITIES]
    parts.append(_unclear(random, share, frames, rate_hz))
    total = sum(len(part.activity) for part in parts)
    mixed = joined(parts, random.permutation(total)[:count])
    return switched(mixed, random, _SWITCHES)


def _times_s(random: np.random.Generator, count: int, frames: int, rate_hz: float) -> np.ndarray:
    """(n, t), the last 0."""
    paces = np.exp(random.uniform(np.log(0.75), np.log(1.5), (count, 1)))
    steps = paces / rate_hz * random.uniform(0.9, 1.1, (count, frames))
    skips = random.random(steps.shape) < random.choice([0.0, 0.0, 0.0, 0.1], (count, 1))
    times = np.cumsum(steps * (1 + skips), axis=1)
    return times - times[:, -1:]


def _of(
    random: np.random.Generator, name: str, count: int, frames: int, rate_hz: float
) -> PoseWindows:
    """Of one activity; who is not to be seen down to the knees is unclear."""
    draw = curves.Draw(random, _times_s(random, count, frames, rate_hz))
    lengths = body.Lengths.sample(random, count)
    kinds = ACTIVITIES[name]
    angles = kinds[0](draw, lengths)
    for index, kind in enumerate(kinds[1:], 2):
        angles = curves.blended(angles, kind(draw, lengths), draw.chance(1 / (index + 1)))
    if name in _CAN_WAVE:
        angles = curves.blended(angles, curves.gesturing(draw, angles), draw.chance(_GESTURES))
    waves = draw.chance(_CAN_WAVE.get(name, 0.0))
    if name in _CAN_WAVE:
        angles = curves.blended(angles, curves.waving(draw, angles), waves)
    joints, is_clear = _joints(angles, lengths, random)
    activity = np.where(is_clear, LABELS.index(name), LABELS.index(UNCLEAR))
    return PoseWindows(joints, activity, waves[:, 0].astype(np.int64))


def _joints(
    angles: curves.Curves, lengths: body.Lengths, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    joints, depth, is_clear = camera.views(body.places(angles, lengths), random)
    return pose_errors.as_movenet_finds(joints, depth, random), is_clear


def _unclear(random: np.random.Generator, count: int, frames: int, rate_hz: float) -> PoseWindows:
    parts = [pose_errors.nobody(random, int(_NOBODY * count), frames)]
    for kind, share in ((motion.bending, _BENDING), (motion.gymnastics, _GYMNASTICS)):
        draw = curves.Draw(random, _times_s(random, int(share * count), frames, rate_hz))
        lengths = body.Lengths.sample(random, draw.count)
        parts.append(_joints(kind(draw, lengths), lengths, random)[0])
    number = sum(map(len, parts))
    label = np.full(number, LABELS.index(UNCLEAR))
    alone = PoseWindows(np.concatenate(parts), label, np.zeros(number, np.int64))
    share = (count - number) // len(_CAN_WAVE) + 1
    pairs = [_of(random, name, share, frames, rate_hz) for name in _CAN_WAVE]
    return joined([alone, switched(joined(pairs), random, 1.0)])


def switched(clips: PoseWindows, random: np.random.Generator, share: float) -> PoseWindows:
    """As when a track passes to somebody else: a share of the windows begins with another's frames.

    Two who do the same still do it; else nobody could say.
    """
    count, frames = clips.joints.shape[:2]
    other = random.permutation(count)
    number = np.where(random.random(count) < share, random.integers(1, frames - 1, count), 0)
    is_other = np.arange(frames) < number[:, None]
    joints = np.where(is_other[..., None, None], clips.joints[other], clips.joints)
    differ = clips.activity != clips.activity[other]
    is_mixed = (number >= _FRAMES_OF_ANOTHER) & differ
    activity = np.where(is_mixed, LABELS.index(UNCLEAR), clips.activity)
    is_whole = number < frames // 2  # a hand that was raised just now is no wave
    return PoseWindows(joints, activity, clips.waving * is_whole)
