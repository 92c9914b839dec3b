import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from edge.tasks import Task, kind_of
from edge_common.statistics import wilson_interval
from edge_convert.precision import margins
from edge_convert.precision.candidates import Scoring, drops

KIND = Task("kind", "classification", ("a", "b", "c"))
LEADS = arrays.arrays(np.float64, 20, elements=st.floats(-9, 9))


def test_a_budget_says_how_many_clips_it_needs() -> None:
    assert margins.clips_needed(0.5) == 765
    assert (
        100 * (1 - wilson_interval(765, 765)[0]) <= 0.5 < 100 * (1 - wilson_interval(764, 764)[0])
    )
    assert margins.clips_needed(5) == 73
    assert [margins.clips_needed(x) for x in (0.0, 100.0, float("nan"))] == [0, 0, 0]


@given(LEADS)
def test_what_moves_no_lead_loses_nothing(before: np.ndarray) -> None:
    assert margins.expected_loss(before, before.copy(), None) == margins.NOTHING


@given(LEADS, LEADS)
def test_the_interval_holds_the_points_and_these_are_shares(
    before: np.ndarray, after: np.ndarray
) -> None:
    loss = margins.expected_loss(before, after, None)
    assert -100 <= loss.low <= loss.points <= loss.high
    assert loss.points <= 100


def test_a_lead_that_no_move_reaches_is_kept_but_for_clips_unseen() -> None:
    before = np.full(32, 8.0)
    loss = margins.expected_loss(before, before + np.tile([0.1, -0.1], 16), 0.02)
    assert (loss.points, loss.low) == (0.0, 0.0)
    assert loss.high == pytest.approx(100 * 0.5 * 0.1 / 8 * (1 - 0.025 ** (1 / 32)), rel=1e-6)


def test_where_float_is_undecided_a_flip_is_no_loss() -> None:
    before = np.array([0.01] * 10 + [5.0] * 10)
    assert margins.expected_loss(before, before - 0.5, 0.02).points == 0.0
    assert margins.expected_loss(before, before - 0.5, None).points > 30


def test_32_clips_tell_more_by_their_margins_than_by_flips() -> None:
    """Leads and moves as of a network whose int8 flips 1.6 % of the decisions."""
    draw = np.random.default_rng(0)

    def clips(count: int) -> tuple[np.ndarray, np.ndarray]:
        before = np.abs(draw.normal(0, 4, count))
        return before, before + draw.normal(0, 0.2, count)

    before, after = clips(400_000)
    truth = 100 * (after < 0).mean()
    assert truth == pytest.approx(1.6, abs=0.1)
    by_margin, by_flips, covered = [], [], 0
    for _ in range(100):
        before, after = clips(32)
        loss = margins.expected_loss(before, after, 0.0)
        by_margin.append(abs(loss.points - truth))
        by_flips.append(abs(100 * (after < 0).mean() - truth))
        covered += loss.low <= truth <= loss.high
    assert np.mean(by_margin) < 0.8 * np.mean(by_flips)
    assert covered >= 90


def test_leads_are_those_of_each_kind() -> None:
    p = np.array([[0.7, 0.2, 0.1]])
    assert kind_of(KIND).lead(p, np.array([0])) == pytest.approx(np.log(3.5))
    assert kind_of(KIND).lead(p, np.array([2])) == pytest.approx(-np.log(7))
    flag = kind_of(Task("flag", "binary", ("no", "yes")))
    assert flag.lead(np.array([[0.9], [0.9]]), np.array([1, 0])) == pytest.approx(
        [np.log(9), -np.log(9)]
    )
    tags = kind_of(Task("tags", "multi-label", ("a", "b"), thresholds=(0.5, 0.8)))
    assert tags.lead(np.array([[0.9, 0.5]]), np.array([[1, 0]])) == pytest.approx(np.log(4))
    assert kind_of(Task("face", "embedding")).lead(p, np.array([0])) is None
    index = kind_of(Task("kind", "class-index", ("a", "b")))
    assert index.lead(np.array([[1.0]]), np.array([1])) is None


def test_few_labelled_clips_are_told_by_their_margins_and_many_by_flips() -> None:
    draw = np.random.default_rng(3)
    logits = draw.normal(0, 3, (150, 3))
    noisy = logits + draw.normal(0, 0.05, logits.shape)
    labels = {"kind": logits.argmax(1)}

    def softmax(z: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(z) / np.exp(z).sum(1, keepdims=True), np.float32)

    before, after = {"kind": softmax(logits)}, {"kind": softmax(noisy)}
    (few,) = drops([KIND], before, after, labels, 0.5)
    (many,) = drops([KIND], before, after, labels, 5.0)
    flips = (softmax(noisy).argmax(1) != labels["kind"]).mean()
    assert many.points == pytest.approx(100 * flips)
    assert few.points == pytest.approx(0.7, abs=0.5) and few.high - few.low < many.high - many.low


def test_no_flip_among_few_is_not_nothing() -> None:
    labels = {"kind": np.zeros(100, int)}
    before = {"kind": np.tile(np.float32([0.8, 0.1, 0.1]), (100, 1))}
    after = {"kind": np.tile(np.float32([0.79, 0.11, 0.1]), (100, 1))}
    (drop,) = drops([KIND], before, after, labels)
    assert drop.points == 0.0 and drop.low < 0.0 < drop.high == pytest.approx(1.92, abs=0.02)


def test_numbers_that_nobody_describes_are_kept_as_logits_too() -> None:
    """By their angle alone nothing is lost; two of 40 would be decided otherwise."""
    logits = np.tile(np.float32([5.0, 0.0, -5.0]), (40, 1)) * np.linspace(1, 2, 40)[:, None]
    logits[:2] = [5.0, 4.9, 4.8]
    changed = logits.copy()
    changed[:2] = [4.9, 5.0, 4.8]
    vague = Task("answer", "embedding")
    (by_angle,) = drops([vague], {"answer": logits}, {"answer": changed}, {}, 0.5)
    assert by_angle.points < 0.05
    scoring = Scoring((vague,), None, {}, 0.5, undescribed=frozenset({"answer"}))
    (drop,) = scoring.drops({"answer": logits}, {"answer": changed})
    assert drop.points > 0.5 and drop.high > 4.0
