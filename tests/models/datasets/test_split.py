"""Laws of dealing files into parts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge_common.errors import ClipError, ConfigError
from edge_models.datasets.splits import GroupMember, Shares, split


def split_files(strata, seed, *, validation, test):
    members = [GroupMember(number, stratum) for number, stratum in enumerate(strata)]
    return split(members, seed, Shares(validation, test))


@given(
    st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3)), min_size=12, max_size=120),
    st.lists(st.sampled_from(["", "train", "validation", "test"]), min_size=26, max_size=26),
    st.integers(0, 9),
    st.booleans(),
)
def test_no_group_is_ever_on_two_sides(pairs, part_of_group, seed, is_fixed):
    """A split is whole, parts no group and keeps what is fixed; or it is refused."""
    members = [
        GroupMember(group, stratum, part_of_group[group] if is_fixed else "")
        for group, stratum in pairs
    ]
    try:
        parts = split(members, seed, Shares(0.1, 0.3))
    except ClipError:
        return
    sides = [{members[index].group for index in part} for part in vars(parts).values()]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert sorted(np.concatenate(list(vars(parts).values()))) == list(range(len(members)))
    fixed = {member.part for member in members}
    for part, indices in vars(parts).items():
        drawn = "train" if part == "validation" and part not in fixed else part
        assert len(indices) and all(members[index].part in ("", part, drawn) for index in indices)


@given(st.integers(10, 40), st.integers(0, 9))
def test_many_groups_are_dealt_by_their_share(count, seed):
    groups = [index % count for index in range(5 * count)]
    members = [GroupMember(group, index % 3) for index, group in enumerate(groups)]
    parts = split(members, seed, Shares(0.1, 0.3))
    assert abs(len({groups[index] for index in parts.test}) - 0.3 * len(set(groups))) <= 1


def test_a_group_that_others_put_into_two_parts_is_named():
    members = [
        GroupMember("anna", 0, "train"),
        GroupMember("ben", 0, "test"),
        GroupMember("anna", 1, "test"),
    ]
    with pytest.raises(ClipError, match="anna is in train and in test: what belongs together"):
        split(members, 0, Shares(0.1, 0.3))


def test_what_others_fixed_stays_and_validation_is_drawn_from_what_is_trained_on():
    members = [GroupMember(n, 0, "test" if n < 10 else "train") for n in range(30)]
    parts = split(members, 0, Shares(0.1, 0.3))
    assert parts.test.tolist() == list(range(10)) and len(parts.validation) == 2
    whole = [
        replace(member, part="validation" if n > 25 else member.part)
        for n, member in enumerate(members)
    ]
    assert split(whole, 0, Shares(0.1, 0.3)).validation.tolist() == [26, 27, 28, 29]


def test_a_part_that_is_left_empty_is_named():
    with pytest.raises(ClipError, match="nothing is left for test"):
        split([GroupMember(n, 0, "train") for n in range(30)], 0, Shares(0.1, 0.3))


@given(
    st.lists(st.integers(0, 4), min_size=30, max_size=200),
    st.integers(0, 9),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
)
def test_every_item_is_in_one_part_and_every_class_is_trained_on(strata, seed, validation, test):
    parts = split_files(strata, seed, validation=validation, test=test)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together) == list(range(len(strata)))
    assert {strata[i] for i in parts.train} == set(strata)
    # rounding is carried over, but a stratum may be too small to pay what it owes
    assert abs(len(parts.test) - test * len(strata)) <= 5


def test_shares_are_those_of_each_class():
    strata = ["a"] * 100 + ["b"] * 50
    parts = split_files(strata, 3, validation=0.1, test=0.3)
    assert [sum(strata[i] == "a" for i in p) for p in vars(parts).values()] == [60, 10, 30]
    assert [sum(strata[i] == "b" for i in p) for p in vars(parts).values()] == [30, 5, 15]


def test_the_seed_decides():
    strata = [0] * 40
    one, same, other = (split_files(strata, s, validation=0.1, test=0.3) for s in (1, 1, 2))
    assert np.array_equal(one.test, same.test)
    assert not np.array_equal(one.test, other.test)


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.3), (0.5, 0.5), (0.1, 0.0)])
def test_shares_that_leave_a_part_empty_are_refused(validation, test):
    with pytest.raises(ConfigError, match="must both be above 0 and together below 1"):
        split_files([0] * 50, 0, validation=validation, test=test)


def test_too_few_items_are_refused():
    with pytest.raises(ClipError, match="add more of each class"):
        split_files([0, 1, 2, 3], 0, validation=0.1, test=0.3)
