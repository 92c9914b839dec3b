"""How `activity` is made: laws of the drawn bodies, labels of the windows, figures of footage."""

from pathlib import Path

import numpy as np
import pytest

from edge.bundle import open_bundle
from examples.activity import (
    body,
    camera,
    clips,
    curves,
    footage,
    ground,
    head,
    measure,
    motion,
    pose_errors,
)
from tests.wheels import ROOT

COUNT, FRAMES = 40, 16
TIMES_S = np.tile(np.linspace(-1.5, 0.0, FRAMES), (COUNT, 1))
BONES = {
    "thigh": ("left_hip", "left_knee"),
    "shank": ("right_knee", "right_ankle"),
    "upper_arm": ("right_shoulder", "right_elbow"),
    "forearm": ("left_elbow", "left_wrist"),
}
KINDS = [kind for kinds in clips.ACTIVITIES.values() for kind in kinds]
every_kind = pytest.mark.parametrize("kind", [*KINDS, motion.bending, motion.gymnastics])


def bodies(kind: clips.Motion, seed: int = 0) -> tuple[body.Places, body.Lengths]:
    random = np.random.default_rng(seed)
    lengths = body.Lengths.sample(random, COUNT)
    return body.places(kind(curves.Draw(random, TIMES_S), lengths), lengths), lengths


def height(places: body.Places, *joints: str) -> np.ndarray:
    """(n, t) metres above the ground."""
    return np.mean([places[joint][..., 2] for joint in joints], axis=0)


@every_kind
def test_bones_keep_their_lengths(kind: clips.Motion) -> None:
    places, lengths = bodies(kind)
    for bone, (first, second) in BONES.items():
        distance = np.linalg.norm(places[first] - places[second], axis=-1)
        np.testing.assert_allclose(
            distance, np.broadcast_to(getattr(lengths, bone), distance.shape)
        )


@every_kind
def test_nobody_is_below_the_ground(kind: clips.Motion) -> None:
    places, _ = bodies(kind)
    lowest = np.min([place[..., 2] for place in places.values()], axis=0)
    assert (lowest >= -1e-9).all()


def test_who_falls_goes_down_and_who_stands_does_not() -> None:
    places, _ = bodies(ground.falling)
    nose = height(places, "nose")
    assert (nose[:, -1] < 0.7 * nose.max(axis=1)).all()
    standing = height(bodies(motion.standing)[0], "left_hip", "right_hip")
    assert (standing.min(axis=1) > 0.8 * standing.max(axis=1)).all()


def test_who_lies_is_low_and_who_sits_is_between() -> None:
    lying, seat, up = (
        np.median(height(bodies(kind)[0], "left_shoulder", "right_shoulder")[:, -1])
        for kind in (ground.lying, ground.seated, motion.standing)
    )
    assert lying < 0.5 < seat < up


def test_walkers_come_on_by_turns_of_their_feet() -> None:
    places, _ = bodies(motion.walking)
    hips = (places["left_hip"] + places["right_hip"])[..., :2] / 2
    ahead = np.gradient(hips, axis=1).mean(axis=1, keepdims=True)
    apart = ((places["left_ankle"] - places["right_ankle"])[..., :2] * ahead).sum(axis=-1)
    moving = np.linalg.norm(hips[:, -1] - hips[:, 0], axis=-1) > 0.3
    assert moving.mean() > 0.8
    assert (apart[moving].max(axis=1) > 0).all()
    assert (apart[moving].min(axis=1) < 0).all()


def test_a_wave_moves_a_hand_to_and_fro_above_the_elbow() -> None:
    draw = curves.Draw(np.random.default_rng(0), TIMES_S)
    lengths = body.Lengths.sample(draw.random, COUNT)
    places = body.places(curves.waving(draw, motion.standing(draw, lengths)), lengths)
    sides = [places[f"{side}_wrist"] - places[f"{side}_elbow"] for side in ("left", "right")]
    raised = np.max([side[:, -1, 2] for side in sides], axis=0)
    assert (raised > 0).mean() > 0.9


def test_the_same_seed_draws_the_same_windows() -> None:
    first, second, other = (
        clips.windows(np.random.default_rng(seed), 70, FRAMES, 10.0) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.joints, second.joints)
    np.testing.assert_array_equal(first.activity, second.activity)
    assert not np.array_equal(first.joints, other.joints)


def test_windows_hold_each_label_and_what_movenet_gives() -> None:
    windows = clips.windows(np.random.default_rng(0), 700, FRAMES, 10.0)
    assert windows.joints.shape == (700, FRAMES, 17, 3)
    assert windows.joints.dtype == np.float32
    assert set(windows.activity) == set(range(len(clips.LABELS)))
    assert 0 < windows.waving.mean() < 0.3
    assert windows.joints.min() >= 0
    assert windows.joints.max() <= 1


def test_features_are_all_y_all_x_and_all_scores() -> None:
    windows = clips.windows(np.random.default_rng(0), 70, FRAMES, 10.0)
    knee = body.JOINTS.index("left_knee")
    for place, shift in enumerate((0.5, 0.5, 0.0)):
        expected = windows.joints[:, :, knee, place] - np.float32(shift)
        np.testing.assert_allclose(windows.features[..., 17 * place + knee], expected)


def test_a_window_of_two_people_is_unclear_unless_they_do_the_same() -> None:
    walking, standing = clips.LABELS.index("walking"), clips.LABELS.index("standing")
    same = clips.PoseWindows(
        np.zeros((50, FRAMES, 17, 3), np.float32), np.full(50, walking), np.zeros(50, int)
    )
    random = np.random.default_rng(0)
    assert (clips.switched(same, random, 1.0).activity == walking).all()
    mixed = clips.PoseWindows(same.joints, np.arange(50) % 2, same.waving)
    labels = set(clips.switched(mixed, random, 1.0).activity)
    assert labels == {standing, walking, clips.LABELS.index(clips.UNCLEAR)}


def test_legs_behind_something_make_it_unclear() -> None:
    places, _ = bodies(motion.standing)
    joints, _, is_clear = camera.views(places, np.random.default_rng(0))
    assert 0.7 < is_clear.mean() < 1.0
    # who is clear has a knee in the crop in most frames
    knees = joints[:, :, [body.JOINTS.index("left_knee"), body.JOINTS.index("right_knee")], 0].min(
        axis=2
    )
    assert ((knees[is_clear] < 1).mean(axis=1) >= camera.CLEAR_FROM).all()


def test_a_joint_outside_of_the_crop_has_a_poor_score() -> None:
    joints = np.full((20, FRAMES, 17, 2), 0.5)
    joints[:, :, 15:] = 1.4  # both ankles
    seen_joints = pose_errors.as_movenet_finds(
        joints, np.ones(joints.shape[:3]), np.random.default_rng(0)
    )
    assert seen_joints[..., 15:, 2].mean() < 0.25 < seen_joints[..., 11:13, 2].mean()


def test_the_head_looks_from_the_hips_whatever_the_crop() -> None:
    somewhere = np.zeros(head.FEATURES, np.float32)
    somewhere[:17], somewhere[17:34] = 0.3, -0.2  # all joints in one place
    weights, bias = head.LOOKS["from_hips"]
    np.testing.assert_allclose(somewhere @ weights + bias, 0, atol=1e-6)


def observation(frame: int, label: str, speed: float = 1.0, track: int = 1) -> footage.PersonWindow:
    scores = np.eye(len(clips.LABELS), dtype=np.float32)[clips.LABELS.index(label)]
    outputs = {"activity": scores}
    return footage.PersonWindow("a.mp4", track, frame, speed, outputs)


def test_windows_on_end_are_one_alarm() -> None:
    labels = ["walking", "falling", "falling", "standing", "lying", "unclear"]
    own = [observation(frame, label) for frame, label in enumerate(labels)]
    assert measure.alarms(own) == 2
    assert measure.alarms([*own, observation(9, "falling", track=2)]) == 3
    assert measure.alarms(own, ("falling",)) == 1


def test_figures_are_of_who_walks_and_who_stands() -> None:
    own = (
        observation(1, "walking"), observation(2, "unclear"), observation(3, "standing", 0.01),
        observation(4, "standing", 0.3), observation(5, "walking", 0.01, track=2),
    )  # fmt: skip
    watched = (footage.Watched("a.mp4", 60.0, 90.0, own),)
    figures = measure.ActivityFigures(watched, watched)
    assert (figures.called("walking").value, figures.called("walking").n) == (0.5, 2)
    assert (figures.called("standing").value, figures.called("standing").n) == (0.5, 2)
    assert figures.agreement().value == 1.0
    assert figures.row("a.mp4", "activity")[:5] == ("a.mp4", "activity", "60", "2", "5")


WALKERS = [
    ROOT / "out/walkers/vtest.avi",
    Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi"),
]


@pytest.mark.slow
def test_pedestrians_of_opencv_walk_and_do_not_fall() -> None:
    video = next((path for path in WALKERS if path.exists()), None)
    bundle = ROOT / "out/activity/activity.edge"
    if video is None or not bundle.exists():
        pytest.skip("needs what `make activity` makes, and vtest.avi, which it fetches")
    watched = (footage.watch(open_bundle(bundle), str(video)),)
    figures = measure.ActivityFigures(watched, watched)
    assert figures.called("walking").n > 1500
    assert figures.called("walking").value > 0.8
    assert measure.alarms(figures.observations) <= 1
