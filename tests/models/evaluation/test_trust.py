"""Calibration, unknown windows and errors by group: laws, literal numbers, and files that ask amiss."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge.tasks import UnknownRule, kind_of
from edge.tasks.confidence import FAMILIARITY, is_unknown, tempered
from edge_common.errors import ConfigError
from edge_models.datasets.dataset import Subset, classification, regression
from edge_models.evaluation.calibration import (
    BINS,
    MOST,
    ClassifiedClips,
    calibrate,
    reliability,
    temperature_of,
)
from edge_models.evaluation.groups import errors_by_group
from edge_models.evaluation.network import Predictions
from edge_models.evaluation.refusal import METHOD, refuse, rule_of
from edge_models.evaluation.trust import check_evaluation, measure_trust
from edge_models.evaluation.trust_sections import trust_json, trust_sections
from edge_models.networks.files import update_tasks, write_tasks
from edge_models.sections import EvaluationSection

WHO, AGE = classification("who", ("ann", "bob")), regression("age", "years", 100.0)
seeds = st.integers(0, 2**31)


def calibrated(count: int, seed: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, k) and classes that are drawn by them."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.5), count)
    drawn = (random.random((count, 1)) > probabilities.cumsum(1)).sum(1)
    return probabilities, np.minimum(drawn, classes - 1)


def clips(probabilities: np.ndarray, truth: np.ndarray) -> ClassifiedClips:
    """Each of a file of its own."""
    return ClassifiedClips(probabilities, truth, np.arange(len(truth)))


def test_the_error_of_calibrated_probabilities_is_near_nothing() -> None:
    result = reliability(*calibrated(60_000, seed=1))
    assert result.error < 0.01 and result.counts.sum() == 60_000
    assert len(result.counts) == BINS and np.ptp(result.counts) <= 1


def test_the_error_is_the_mean_distance_of_bins() -> None:
    probabilities = np.array([[0.9, 0.1]] * 4)
    result = reliability(probabilities, np.array([0, 0, 1, 1]))
    # four bins of one clip each: 0.1, 0.1, 0.9, 0.9 off
    assert result.error == pytest.approx(0.5)
    assert result.loss == pytest.approx(-np.log([0.9, 0.9, 0.1, 0.1]).mean())


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.3, 4))
def test_the_temperature_that_was_put_in_is_found(seed: int, temperature: float) -> None:
    probabilities, truth = calibrated(4000, seed)
    distorted = tempered(probabilities, 1 / temperature)
    assert temperature_of(distorted, truth) == pytest.approx(temperature, rel=0.15)


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0.4, 3))
def test_no_other_temperature_has_a_lower_loss(seed: int, factor: float) -> None:
    probabilities, truth = calibrated(300, seed)
    best = temperature_of(probabilities, truth)
    at_best, elsewhere = (
        reliability(tempered(probabilities, t), truth).loss for t in (best, best * factor)
    )
    assert at_best <= elsewhere + 1e-6


def test_a_temperature_has_bounds() -> None:
    guesses = np.array([[0.9, 0.1], [0.1, 0.9]] * 50)
    assert temperature_of(guesses, np.array([1, 0] * 50)) == pytest.approx(MOST)
    assert temperature_of(guesses, np.array([0, 1] * 50)) == pytest.approx(1 / MOST)


def test_without_an_error_or_clips_to_find_it_on_there_is_no_temperature() -> None:
    probabilities, truth = calibrated(200, seed=3)
    right = clips(probabilities, probabilities.argmax(1))
    for validation, reason in ((right, "all 200 validation clips are right"), (None, "no clips")):
        result = calibrate(validation, clips(probabilities, truth))
        assert (result.temperature, result.fitted_on) == (1.0, 0) and reason in result.reason
        assert result.before.error == result.after.error


def test_a_sure_network_is_calibrated_on_clips_that_it_was_not_found_on() -> None:
    def sure(seed: int) -> ClassifiedClips:
        probabilities, truth = calibrated(5000, seed)
        return clips(tempered(probabilities, 0.4), truth)

    result = calibrate(sure(1), sure(2))
    assert result.temperature == pytest.approx(2.5, rel=0.1) and result.fitted_on == 5000
    assert result.before.error > 0.1 and result.after.error < 0.02
    assert result.after.loss < result.before.loss


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_calibrated_probabilities_are_rarely_changed(seed: int) -> None:
    trials = [
        calibrate(clips(*calibrated(60, seed + i)), clips(*calibrated(9, 1))) for i in range(9)
    ]
    assert sum(not trial.reason for trial in trials) <= 4  # by chance one in twenty


def test_clips_of_few_files_tell_less() -> None:
    probabilities, truth = calibrated(400, seed=5)
    sure = tempered(probabilities, 0.7)
    test = clips(sure, truth)
    assert calibrate(test, test).temperature == pytest.approx(1 / 0.7, rel=0.25)
    of_eight_files = replace(test, sources=np.arange(400) % 8)
    result = calibrate(of_eight_files, test)
    assert result.temperature == 1 and "8 validation files do not tell 1." in result.reason


@settings(deadline=None)
@given(seeds, st.integers(1, 400), st.floats(0.01, 0.5))
def test_at_most_the_share_of_what_the_rule_was_found_on_is_refused(
    seed: int, count: int, share: float
) -> None:
    probabilities, _ = calibrated(count, seed)
    rule = rule_of(probabilities, share)
    if rule is None:
        assert share * (count + 1) < 1
        return
    refused = is_unknown(UnknownRule(rule.by, rule.threshold + 1e-6), probabilities)
    rank = int(share * (count + 1))
    assert is_unknown(rule, probabilities).sum() <= rank <= refused.sum() + 1
    assert rank / (count + 1) <= share


def test_the_share_holds_for_clips_of_the_same_kind() -> None:
    rule = rule_of(calibrated(2000, seed=1)[0], 0.05)
    assert is_unknown(rule, calibrated(20_000, seed=2)[0]).mean() == pytest.approx(0.05, abs=0.02)


def test_strangers_are_refused_and_the_area_says_how_well_they_are_told() -> None:
    random = np.random.default_rng(0)
    sure = np.eye(4)[random.integers(0, 4, 400)] * 0.9 + 0.025
    known = sure + random.uniform(0, 1e-3, sure.shape)
    torn = np.full((40, 4), 0.25) + random.uniform(0, 0.02, (40, 4))
    validation, test = (clips(part, part.argmax(1)) for part in (known[:200], known[200:]))
    result = refuse(0.05, validation, test, clips(torn, np.full(40, 9)))
    assert result.rule and result.rule.by == METHOD in FAMILIARITY
    assert result.strangers and result.strangers.value == 1.0
    assert result.known.value < 0.12 and result.known.n == 200
    assert result.answered.value == 1.0
    assert result.areas == {"energy": 1.0, "max-probability": 1.0}
    assert refuse(0.05, clips(known[:3], np.zeros(3)), test, None).rule is None


def part_of(who: list[int], ages: list[float]) -> Subset:
    labels = {"who": np.array(who), "age": np.array(ages, float)}
    return Subset(lambda _: np.zeros((1, 8, 8, 3), np.uint8), labels)


TEST = Predictions(
    part_of([0, 0, 1, 1], [10, 70, 20, 75]),
    {
        "who": np.float32([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]),
        "age": np.float32([[0.12], [0.60], [0.23], [0.70]]),
    },
)


def test_errors_are_told_apart_by_classes_and_ranges_of_other_tasks() -> None:
    tables = {(t.task, t.by): t for t in errors_by_group(TEST, (WHO, AGE), ["who", "age"])}
    assert sorted(tables) == [("age", "age"), ("age", "who"), ("who", "age")]
    ages = {g.group: (g.figure.n, g.figure.value) for g in tables["age", "who"].groups}
    assert ages == {"ann": (2, pytest.approx(6.0)), "bob": (2, pytest.approx(4.0))}
    assert [g.group for g in tables["age", "who"].ends] == ["bob", "ann"]
    by_age = tables["who", "age"]
    shares = [(g.group, g.figure.value) for g in by_age.groups]
    assert shares == [("0 to 20", 1.0), ("20 to 40", 1.0), ("60 to 80", 0.5)]
    assert by_age.is_share and by_age.ends[1].group == "60 to 80"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"groups": ["woh"]}, "evaluation.groups names 'woh', which is no task with classes or"),
        ({"unknown": {"age": 0.05}}, "evaluation.unknown names 'age', which is no task with cla"),
        ({"label_noise": {"agee": 1.0}}, "evaluation.label_noise names 'agee', which is no task"),
    ],
)
def test_a_name_that_is_no_task_is_one_line(fields: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        check_evaluation(EvaluationSection(**fields), (WHO, AGE))


@pytest.mark.parametrize("share", [0.0, 1.0, 5.0, float("nan")])
def test_a_share_is_between_none_and_all(share: float) -> None:
    with pytest.raises(ConfigError, match=r"evaluation.unknown.who is .*a share of windows"):
        EvaluationSection(unknown={"who": share})


def test_a_class_called_unknown_leaves_no_word_for_it() -> None:
    task = classification("who", ("ann", "unknown"))
    with pytest.raises(ConfigError, match="has a class 'unknown'"):
        check_evaluation(EvaluationSection(unknown={"who": 0.05}), (task,))


def measured(held_out: Predictions | None):
    section = EvaluationSection(unknown={"who": 0.3}, groups=["who"], label_noise={"age": 3.99})
    return measure_trust((WHO, AGE), section, held_out, TEST, None)


def test_what_was_found_goes_into_the_tasks_file_and_what_was_not_stays_out(tmp_path) -> None:
    path = tmp_path / "m.tasks.json"
    write_tasks(path, (WHO, AGE), frame_rate_hz=0.0, licence="", weights_source="")
    before = path.read_bytes()
    update_tasks(path, measured(None).for_tasks_file())
    assert path.read_bytes() == before
    sure = {"who": np.float32([[0.999, 0.001], [0.001, 0.999]] * 2), "age": TEST.outputs["age"]}
    trust = measured(replace(TEST, outputs=sure))  # half of it wrong
    update_tasks(path, trust.for_tasks_file())
    tasks = json.loads(path.read_text())["tasks"]
    assert tasks["who"]["temperature"] == trust.calibrations["who"].temperature > 2
    assert tasks["who"]["unknown"] == {"by": METHOD, "threshold": pytest.approx(0.999)}
    assert "temperature" not in tasks["age"]
    task = replace(WHO, temperature=tasks["who"]["temperature"])
    assert not kind_of(task).problem(2)
    update_tasks(path, {"who": {"temperature": None, "unknown": None}, "nobody": {"unknown": None}})
    assert path.read_bytes() == before
    update_tasks(tmp_path / "none.json", trust.for_tasks_file())
    assert not (tmp_path / "none.json").exists()


def test_the_page_and_the_json_hold_every_figure() -> None:
    trust = measured(replace(TEST))
    titles = [section.title for section in trust_sections(trust)]
    assert titles == ["Calibration", "Reliability of who", "Unknown", "Errors by group"]
    content = trust_json(trust)
    assert sorted(content) == ["calibration", "groups", "label_noise", "unknown"]
    assert content["calibration"]["who"]["n"] == 4
    assert content["groups"][0]["groups"][0]["group"] == "ann"
    json.dumps(content)
