"""Which photos serve which use."""

import pytest

from edge_models.datasets.orl_motion import plan_data
from edge_models.sections import DataSection


@pytest.fixture(scope="module")
def plans(photos):
    return plan_data(DataSection(train_variants=2), 7)


def keys(plans):
    return {plan.photo.key for plan in plans}


def test_there_are_as_many_clips_as_photos_times_actions(plans):
    assert len(plans.train) == 240 * 8 * 2
    assert len(plans.validation) == 40 * 8
    assert len(plans.held_out) == 40 * 8 * 2
    assert len(plans.test) == 120 * 8


def test_nothing_that_decides_sees_a_test_photo(plans):
    assert not keys(plans.test) & (keys(plans.train) | keys(plans.validation))
    assert not keys(plans.train) & keys(plans.validation)
    assert keys(plans.held_out) == keys(plans.validation)


def test_strangers_are_in_no_other_part(photos):
    plans = plan_data(DataSection(people=38), 0)
    assert {plan.photo.person for plan in plans.impostors} == {38, 39}
    assert len(plans.impostors) == 2 * 10 * 2 and len(keys(plans.impostors)) == 20
    assert {plan.action for plan in plans.impostors} == set(range(8))
    known = plans.train + plans.validation + plans.held_out + plans.test
    assert {plan.photo.person for plan in known} == set(range(38))


def test_no_two_clips_move_alike(plans):
    seeds = [plan.seed for part in vars(plans).values() for plan in part]
    assert len(set(seeds)) == len(seeds)


def test_test_clips_do_not_depend_on_how_many_train_clips_there_are(plans):
    other = plan_data(DataSection(train_variants=1), 7)
    assert [plan.seed for plan in other.test] == [plan.seed for plan in plans.test]
