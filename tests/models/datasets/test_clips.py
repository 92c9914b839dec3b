"""Clip sets and their file."""

import numpy as np
import pytest

from edge.check.clips import read_clips
from edge_models.datasets import orl_motion


@pytest.fixture(scope="module")
def plans(photos):
    return orl_motion.plan_clips(photos[:20], seed=1, variants=2, flips=True)


def test_every_photo_shows_every_action_in_each_variant(plans):
    labels = orl_motion.labels_of(plans)
    assert len(plans) == 20 * 8 * 2
    assert np.bincount(labels["action"]).tolist() == [40] * 8
    assert np.bincount(labels["reid"]).tolist() == [160, 160]


def test_half_of_the_clips_are_mirrored(plans):
    assert sum(plan.flip for plan in plans) == len(plans) // 2


def test_each_clip_has_a_seed_of_its_own(plans):
    assert len({plan.seed for plan in plans}) == len(plans)


def test_a_plan_renders_the_same_clip_again(plans):
    one, two = (orl_motion.render_clip(plans[5], 4, 50) for _ in range(2))
    assert one.shape == (4, 50, 50, 3) and np.array_equal(one, two)


def test_batches_hold_all_clips_in_order(plans):
    batches = list(orl_motion.render_batches(plans[:5], 2, 32, batch=2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert np.array_equal(np.concatenate(batches), orl_motion.render_all(plans[:5], 2, 32).windows)


def test_a_choice_is_balanced(photos):
    everything = orl_motion.plan_clips(photos, seed=1)
    labels = orl_motion.labels_of(orl_motion.balanced(everything, 160, seed=0))
    assert np.bincount(labels["action"]).tolist() == [20] * 8
    assert np.bincount(labels["reid"]).tolist() == [4] * 40


def test_clips_come_back_from_their_file(plans, tmp_path):
    written = orl_motion.render_all(plans[:3], 2, 32)
    orl_motion.write_clips(tmp_path / "deep" / "some.npz", written)
    read = read_clips(tmp_path / "deep" / "some.npz", 2, (32, 32))
    assert np.array_equal(read.windows, written.windows)
    assert sorted(read.labels) == ["action", "reid"]
    assert np.array_equal(read.labels["action"], written.labels["action"])
