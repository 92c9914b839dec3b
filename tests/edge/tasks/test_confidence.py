"""Temperatures and the label `unknown`: laws of the numbers, and what an answer becomes."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from edge.answers import AnswersSeen
from edge.tasks import UNKNOWN, PredictionFields, Task, UnknownRule, decided, kind_of, predictions
from edge.tasks.confidence import FAMILIARITY, energy, is_unknown, tempered
from edge_common import decode

ACTION = Task("action", "classification", ("still", "left", "right"))
SURE, TORN = np.float32([0.97, 0.02, 0.01]), np.float32([0.4, 0.35, 0.25])

logits = arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9),
    elements=st.floats(-20, 20, width=32),
)  # fmt: skip
temperatures = st.floats(0.2, 8)


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_a_temperature_next_to_none_is_sure_of_the_best() -> None:
    assert tempered(np.float32([0.5, 0.2, 0.3]), 1e-40).tolist() == [1.0, 0.0, 0.0]


@given(logits, temperatures)
def test_a_temperature_divides_logits_and_keeps_their_order(
    values: np.ndarray, temperature: float
) -> None:
    result = tempered(softmax(values), temperature)
    np.testing.assert_allclose(result, softmax(values / temperature), atol=2e-5)
    np.testing.assert_allclose(result.sum(-1), 1, atol=1e-5)
    ordered = np.take_along_axis(result, values.argsort(-1), -1)
    assert (np.diff(ordered) >= 0).all()


@given(logits)
def test_a_temperature_of_one_changes_nothing(values: np.ndarray) -> None:
    np.testing.assert_allclose(tempered(softmax(values), 1.0), softmax(values), atol=1e-6)


@given(logits, st.floats(1, 6), st.floats(1.01, 2))
def test_a_higher_temperature_is_never_surer(
    values: np.ndarray, temperature: float, factor: float
) -> None:
    low, high = (tempered(softmax(values), t) for t in (temperature, temperature * factor))
    assert (high.max(-1) <= low.max(-1) + 1e-5).all()


@given(logits)
def test_energy_is_the_log_sum_exp_of_centred_logits(values: np.ndarray) -> None:
    centred = values.astype(float) - values.mean(-1, keepdims=True, dtype=float)
    expected = np.log(np.exp(centred).sum(-1))
    np.testing.assert_allclose(energy(softmax(values.astype(float))), expected, atol=1e-4)


@pytest.mark.parametrize("by", FAMILIARITY)
@given(values=logits)
def test_what_scores_below_the_threshold_is_unknown(by: str, values: np.ndarray) -> None:
    probabilities = softmax(values)
    scores = FAMILIARITY[by](probabilities)
    threshold = float(np.median(scores))
    refused = is_unknown(UnknownRule(by, threshold), probabilities)
    assert refused.tolist() == (scores < threshold).tolist()
    assert not is_unknown(None, probabilities).any()


def test_an_output_of_zeros_and_a_one_gives_numbers() -> None:
    certain = np.float32([1, 0, 0])
    assert tempered(certain, 2.0).tolist() == pytest.approx([1, 0, 0], abs=1e-6)
    assert np.isfinite(energy(certain))


def test_the_label_stays_and_its_probability_becomes_honest() -> None:
    (plain, tempered_one) = (
        predictions([task], [SURE])["action"] for task in (ACTION, replace(ACTION, temperature=2.0))
    )
    assert (plain.label, plain.index) == (tempered_one.label, tempered_one.index) == ("still", 0)
    assert plain.p == pytest.approx(0.97)
    expected = math.sqrt(0.97) / (math.sqrt(0.97) + math.sqrt(0.02) + math.sqrt(0.01))
    assert tempered_one.p == pytest.approx(expected)
    assert tempered_one.scores is SURE  # what golden frames are compared by


def test_unknown_is_a_label_with_the_best_guess_beside_it() -> None:
    task = replace(ACTION, unknown=UnknownRule("max-probability", 0.5))
    known, refused = (predictions([task], [scores])["action"] for scores in (SURE, TORN))
    assert known.to_json() == {"label": "still", "p": 0.97, "index": 0}
    assert refused.to_json() == {"label": UNKNOWN, "p": 0.4, "guess": "still"}
    assert (str(refused), refused.share) == ("unknown", None)
    seen = AnswersSeen()
    for answer in (known, refused, refused):
        seen.add({"action": answer})
    assert seen.to_json() == {"action": {UNKNOWN: 2, "still": 1}}
    assert decided(decode(PredictionFields, refused.to_json())) == UNKNOWN


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0: it must be above 0"),
        ({"temperature": -1.0}, "temperature -1.0"),
        ({"temperature": math.inf}, "temperature inf"),
        ({"temperature": math.nan}, "temperature nan"),
        ({"unknown": UnknownRule("guessing", 1.0)}, "'guessing'; there are energy, max-prob"),
        ({"unknown": UnknownRule("energy", math.nan)}, "nan as the threshold of unknown"),
        ({"unknown": UnknownRule("energy", 1.0), "labels": ("a", "unknown", "b")}, "has a label"),
        ({"unknown": UnknownRule("energy", 1.0), "kind": "class-index"}, "which has no unknown"),
        ({"temperature": 2.0, "kind": "multi-label"}, "is multi-label, which has no temperature"),
    ],
)
def test_a_task_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    problem = kind_of(replace(ACTION, **fields)).problem(3)
    assert message in problem and "\n" not in problem


def test_a_task_without_either_is_as_it_was() -> None:
    assert not kind_of(ACTION).problem(3)
    assert not kind_of(replace(ACTION, temperature=1.7)).problem(3)
