"""Other looks of a clip: what changes, and what must not."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge_common.errors import ConfigError
from edge_models.datasets.augment import AugmentationSection, augment, erased, retimed
from edge_models.datasets.motion import ACTIONS, MIRRORED_ACTIONS

ALL = AugmentationSection(
    flip=True, shift=0.1, zoom=0.1, rotation_deg=10, brightness=20, contrast=0.2, erase=1.0
)


def still_clip(frames=4, side=32):
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    return np.repeat(picture[None], frames, axis=0)


@given(st.integers(0, 10_000))
def test_a_clip_that_stands_still_stays_still(seed):
    """All frames are changed alike, so no look adds a motion."""
    clip, _ = augment(still_clip(), {}, ALL, {}, np.random.default_rng(seed))
    assert clip.shape == (4, 32, 32, 3) and clip.dtype == np.uint8
    assert (clip == clip[:1]).all()


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_frames_keep_their_order_and_come_from_nearby(seed, frames):
    places = retimed(frames, 1.0, np.random.default_rng(seed))
    assert len(places) == frames and (np.diff(places) >= 0).all()
    assert (np.abs(places - np.arange(frames)) <= 2).all()  # 1 and half of it, rounded
    assert places[0] >= 0 and places[-1] < frames


def test_a_window_is_paced_otherwise():
    clip = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((8, 4, 4, 3), np.uint8)
    section, looks = AugmentationSection(retime=1.0), set()
    for seed in range(20):
        look, _ = augment(clip, {}, section, {}, np.random.default_rng(seed))
        looks.add(tuple(look[:, 0, 0, 0].tolist()))
    assert len(looks) > 10 and all(list(look) == sorted(look) for look in looks)


def test_nothing_asked_for_changes_nothing():
    clip, answers = augment(
        still_clip(), {"a": 1}, AugmentationSection(), {}, np.random.default_rng(0)
    )
    assert np.array_equal(clip, still_clip()) and answers == {"a": 1}


def test_a_mirrored_clip_has_the_mirrored_answer():
    left, right = ACTIONS.index("left"), ACTIONS.index("right")
    mirrored = {"action": np.array(MIRRORED_ACTIONS)}
    seen = set()
    for seed in range(20):
        clip, answers = augment(
            still_clip(), {"action": left, "reid": 7}, AugmentationSection(flip=True), mirrored,
            np.random.default_rng(seed),
        )  # fmt: skip
        flipped = np.array_equal(clip, still_clip()[:, :, ::-1])
        assert answers == {"action": right if flipped else left, "reid": 7}
        seen.add(flipped)
    assert seen == {True, False}


def test_to_mirror_twice_is_to_do_nothing():
    assert [MIRRORED_ACTIONS[i] for i in MIRRORED_ACTIONS] == list(range(len(ACTIONS)))


@given(st.integers(0, 10_000))
def test_erasing_overwrites_a_rectangle_of_a_size_within_the_limits(seed):
    section = AugmentationSection(erase=1.0, erase_smallest=0.05, erase_largest=0.2)
    clip = np.full((3, 64, 64, 3), 77, np.uint8)
    other = (erased(clip, section, np.random.default_rng(seed)) != 77).any(axis=(0, 3))
    rows, columns = np.flatnonzero(other.any(axis=1)), np.flatnonzero(other.any(axis=0))
    area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1) / 64**2
    assert 0.04 < area < 0.22
    assert (clip == 77).all()  # the clip itself is as it was


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shift": 1.0}, "augmentation.shift is 1.0"),
        ({"erase": 1.1}, "augmentation.erase is 1.1"),
        ({"erase_smallest": 0.5}, "erase_smallest is above erase_largest"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        AugmentationSection(**changes)
