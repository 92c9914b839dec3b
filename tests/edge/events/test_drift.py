"""Drift: how far frames and answers are from those a bundle was made for, and when that is told."""

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from edge.bundle import REFERENCE as FILE, Bundle, open_bundle, write_bundle
from edge.cli import main
from edge.drift.image_statistics import ImageStatistics, image_statistics
from edge.drift.reference import LEVELS, certainty, from_bytes, measured
from edge.drift.sliding import SlidingDistances, SlidingShares, stability_index
from edge.events.drift import DriftOptions, DriftWatch
from edge.stream import Decision, Frame, Stream, StreamOptions
from edge.tasks import Task, UnknownRule, predictions
from edge_common import BundleError
from edge_convert.cli import main as convert
from tests import tiny
from tests.edge.sinks import samples

TASK = Task("action", "classification", ("still", "wave"))
RANDOM = np.random.default_rng(0)


def _scene(seed: int = 0, side: int = 64) -> np.ndarray:
    """Noise over soft shapes: as sharp as images are, and no two alike."""
    random = np.random.default_rng(seed)
    soft = cv2.resize(random.integers(40, 216, (6, 6, 3), np.uint8), (side, side))
    return np.clip(soft + random.normal(0, 12, soft.shape), 0, 255).astype(np.uint8)


def _reference(scenes: int = 60, p: float = 0.9, task: Task = TASK):
    images = [image_statistics(_scene(seed)) for seed in range(scenes)]
    sure = np.clip(RANDOM.normal(p, 0.03, scenes), 0.5, 1)
    answers = [
        predictions((task,), [np.array([q, 1 - q] if n % 2 else [1 - q, q], np.float32)])
        for n, q in enumerate(sure)
    ]
    return measured("clips", images, answers, (task,))


def _watch(constant_s: float = 5.0, answers: float = 0.0, **reference) -> DriftWatch:
    return DriftWatch(_reference(**reference), samples.RUN, DriftOptions(constant_s, answers))


def _run(watch: DriftWatch, frames, scores=lambda n: (0.1, 0.9), start: int = 0, task=TASK) -> list:
    """Frames at 10 Hz, each with a decision that says what it looks like; the events."""
    events = []
    for number, pixels in enumerate(frames, start):
        answers = predictions((task,), [np.array(scores(number), np.float32)])
        frame = Frame(pixels, number, number / 10, time_s=number / 10)
        decision = Decision(
            number, number / 10, 1.0, {}, answers, time_s=number / 10,
            image=image_statistics(pixels),
        )  # fmt: skip
        events += watch.take(frame, [decision])
    return events


def _mixed(count: int):
    """The scenes that the reference is of, in turn, which is all that a run could show of it."""
    return [_scene(number % 60) for number in range(count)]


# numbers


def test_statistics_are_those_of_their_definitions() -> None:
    grey = np.full((32, 32, 3), 100, np.uint8)
    assert image_statistics(grey) == ImageStatistics(100.0, 0.0, 0.0, 0.0)
    blue = np.zeros((32, 32, 3), np.uint8)
    blue[..., 0] = 200
    assert image_statistics(blue).saturation == 200.0
    halves = np.zeros((32, 32, 3), np.uint8)
    halves[:16] = 100
    assert (image_statistics(halves).luminance, image_statistics(halves).contrast) == (50.0, 50.0)


@given(st.integers(0, 1000), st.sampled_from((20, 64, 100, 300)))
@settings(max_examples=20, deadline=None)
def test_darker_images_are_darker_and_blurred_ones_less_sharp(seed: int, side: int) -> None:
    image = _scene(seed, side)
    first, dark = image_statistics(image), image_statistics(image // 2)
    blurred = image_statistics(cv2.GaussianBlur(image, (0, 0), 3))
    assert dark.luminance < first.luminance and dark.contrast < first.contrast
    assert blurred.sharpness < first.sharpness
    assert abs(blurred.luminance - first.luminance) < 3


VALUES = arrays.arrays(np.float64, (200,), elements=st.floats(-50, 50))


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_what_is_distributed_alike_is_near(values: np.ndarray) -> None:
    quantiles = np.quantile(values, LEVELS)[None]
    sliding = SlidingDistances(quantiles, np.array([0.5]), 1e6)
    for number, value in enumerate(np.random.default_rng(0).permutation(values)):
        sliding.add(np.array([value]), float(number))
    assert sliding.lower[0] <= 0.02 and sliding.higher[0] <= 0.02


@given(VALUES, st.floats(-200, 200))
@settings(max_examples=50, deadline=None)
def test_distances_are_shares_that_grow_with_the_shift(values: np.ndarray, shift: float) -> None:
    quantiles = np.quantile(values, LEVELS)[None]

    def distance(by: float) -> tuple[float, float]:
        sliding = SlidingDistances(quantiles, np.array([1.0]), 1e6)
        for number, value in enumerate(values):
            sliding.add(np.array([value + by]), float(number))
        return float(sliding.lower[0]), float(sliding.higher[0])

    (low, high), (low_more, high_more) = distance(shift), distance(2 * shift)
    assert 0 <= low <= 1 and 0 <= high <= 1
    assert (low_more >= low - 1e-9) if shift < 0 else (high_more >= high - 1e-9)
    if shift < -101:
        assert low >= 0.98 and high == 0
    if shift > 101:
        assert high >= 0.98 and low == 0


def test_what_is_no_number_is_far_and_is_forgotten_in_time() -> None:
    sliding = SlidingDistances(np.array([np.linspace(0, 1, 9)]), np.array([0.1]), 10.0)
    for number in range(10):
        sliding.add(np.array([math.nan]), float(number))
    assert sliding.lower[0] >= 0.9 and sliding.higher[0] >= 0.9
    for number in range(10, 200):
        sliding.add(np.array([0.5]), float(number))
    assert sliding.lower[0] < 0.6 and np.isfinite(sliding.means[0])


def test_a_clock_that_goes_back_makes_nothing_older() -> None:
    sliding = SlidingDistances(np.array([np.linspace(0, 1, 9)]), np.array([0.1]), 10.0)
    for time_s in (0.0, 1.0, 0.0, -100.0, 1e9):
        sliding.add(np.array([0.5]), time_s)
    assert sliding.seen_s == 2.0 and sliding.count == 5


SHARES = st.dictionaries(st.sampled_from("abcde"), st.floats(0.01, 1), min_size=1).map(
    lambda shares: {label: share / sum(shares.values()) for label, share in shares.items()}
)


@given(SHARES, SHARES)
def test_the_stability_index_is_0_of_equal_shares_and_never_negative(first, second) -> None:
    assert stability_index(first, first) == 0.0
    assert stability_index(first, second) >= 0
    assert stability_index(first, second) == pytest.approx(stability_index(second, first))


def test_the_stability_index_is_that_of_the_textbook() -> None:
    expected = 0.1 * math.log(0.5 / 0.4) - 0.1 * math.log(0.5 / 0.6)
    assert stability_index({"a": 0.4, "b": 0.6}, {"a": 0.5, "b": 0.5}) == pytest.approx(expected)


def test_shares_of_late_forget() -> None:
    shares = SlidingShares(10.0)
    for number in range(300):
        shares.add(("a",) if number < 150 else ("b",), float(number))
    assert shares.shares["b"] > 0.999


def test_an_answer_that_is_no_number_is_not_certain() -> None:
    (nothing,) = predictions((TASK,), [np.array([np.nan, 1], np.float32)]).values()
    assert certainty(nothing) == 0.0
    (answer,) = predictions((TASK,), [np.array([0.2, 0.8], np.float32)]).values()
    assert certainty(answer) == pytest.approx(0.8)


# events


def test_calm_frames_raise_nothing() -> None:
    watch = _watch()
    assert not _run(watch, _mixed(300)) and not watch.differences
    assert watch.state.startswith("none; farthest from the bundle's clips is")


@pytest.mark.parametrize("seed", [3, 17, 40])
def test_one_scene_of_them_for_ever_raises_nothing(seed: int) -> None:
    assert not _run(_watch(), [_scene(seed)] * 300)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda image: image // 4, "darker"),
        (lambda image: np.clip(image * 1.2 + 90, 0, 255).astype(np.uint8), "brighter"),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 4), "blurred"),
        (lambda image: cv2.cvtColor(cv2.cvtColor(image, 6), 8), "paler"),
    ],
)
def test_what_changes_is_called_by_its_name(change, word: str) -> None:
    watch = _watch()
    assert not _run(watch, _mixed(100))
    events = _run(watch, map(change, _mixed(300)), start=100)
    assert events[0].phase == "start" and word in str(events[-1].label)
    fields = events[-1].to_json()
    assert fields["kind"] == fields["alert"] == "drift" and fields["severity"] == "warning"
    assert fields["message"].startswith("the frames differ from those this bundle was made for: ")
    assert word in [each["change"] for each in fields["differences"]]
    assert json.loads(json.dumps(fields)) == fields


def test_it_begins_once_and_ends_with_a_slack() -> None:
    watch = _watch()
    _run(watch, _mixed(100))
    events = _run(watch, (image // 4 for image in _mixed(200)), start=100)
    events += _run(watch, _mixed(300), start=300)
    phases = [event.phase for event in events]
    assert phases[0] == "start" and phases[-1] == "end" and phases.count("start") == 1
    assert len({event.id for event in events}) == 1 and events[-1].reason == "cleared"
    told, over = events[0].newest.captured_at - 10, events[-1].newest.captured_at - 30
    assert 5 < told < 15 and 0.5 < over < 5  # of a time constant of 5 s
    assert 10 < watch.drifted_s < 20 and watch.state.startswith("once, 1")


def test_it_takes_a_time_constant_to_begin() -> None:
    watch = _watch(constant_s=60.0)
    assert not _run(watch, (image // 4 for image in _mixed(590)))
    assert "not judged: less than 60 s were seen" in watch.state
    assert _run(watch, (image // 4 for image in _mixed(20)), start=590)[0].phase == "start"


def test_less_certain_answers_are_told() -> None:
    events = _run(_watch(), _mixed(200), scores=lambda n: (0.45, 0.55))
    assert events[0].label == "less certain"
    assert events[0].message.startswith("the answers differ from those this bundle was made for")


def test_answers_that_are_no_numbers_are_told() -> None:
    events = _run(_watch(), _mixed(200), scores=lambda n: (np.nan, 0.5))
    assert events[0].label == "less certain"


def test_what_the_bundle_refuses_much_more_often_is_told() -> None:
    task = replace(TASK, unknown=UnknownRule("max-probability", 0.6))
    watch = _watch(task=task)
    events = _run(watch, _mixed(200), scores=lambda n: (0.45, 0.55), task=task)
    assert "more often unknown" in events[-1].label


def test_one_label_alone_is_told_only_if_asked_for() -> None:
    assert not _run(_watch(), _mixed(300), scores=lambda n: (0.95, 0.05))
    events = _run(_watch(answers=0.25), _mixed(300), scores=lambda n: (0.95, 0.05))
    assert events[0].label == "still more often"
    (difference,) = events[0].differences
    assert difference["newest"] == 1.0 and difference["expected"] == 0.5


def test_beside_other_differences_answers_are_told_as_well() -> None:
    dark = (image // 4 for image in _mixed(300))
    events = _run(_watch(), dark, scores=lambda n: (0.95, 0.05))
    assert "still more often" in events[0].message and "still" not in events[0].label


def test_a_lost_source_ends_it_and_what_was_seen_counts_on() -> None:
    watch = _watch()
    dark = [image // 4 for image in _mixed(300)]
    _run(watch, dark)
    (end,) = watch.end("source lost")
    assert (end.phase, end.reason) == ("end", "source lost") and not watch.end("source lost")
    assert _run(watch, dark[:10], start=300)[0].phase == "start"


# the bundle


def test_a_bundle_says_what_is_usual_and_gives_it_back(tiny_bundle: Bundle) -> None:
    reference = tiny_bundle.reference
    assert reference is not None
    assert (reference.source, reference.frames, reference.decisions) == ("tiny-clips.npz", 96, 24)
    assert len(tiny_bundle.members[FILE]) < 2000
    assert from_bytes(reference.to_bytes(), tiny_bundle.manifest.tasks) == reference
    kind, size = reference.tasks["kind"], reference.tasks["size"]
    assert sum(kind.shares.values()) == pytest.approx(1, abs=1e-4) and len(kind.certainty) == 9
    assert size.values and not size.certainty and not size.shares
    frames = tiny.labelled_clips(24)["clips"].reshape(-1, tiny.SIZE, tiny.SIZE, 3)[..., ::-1]
    luminance = [image_statistics(np.ascontiguousarray(f)).luminance for f in frames]
    assert reference.image["luminance"][4] == pytest.approx(np.median(luminance), abs=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"luminance": [', '"luminance": [NaN, ', "should be a number, not nan"),
        ('"luminance": [', '"luminance": [300, ', "one a level"),
        ('"kind": {', '"sort": {', "a task 'sort', which the bundle has not"),
        ('"levels": [0.01', '"levels": [0.02', "other levels"),
        ('"frames": 96', '"frames": "many"', "frames"),
        ("{", "[", "not valid"),
    ],
)
def test_a_reference_that_is_none_is_refused(
    tiny_bundle: Bundle, tmp_path: Path, old: str, new: str, message: str
) -> None:
    content = tiny_bundle.members[FILE].decode()
    assert old in content
    members = {**tiny_bundle.members, FILE: content.replace(old, new, 1).encode()}
    path = tmp_path / "wrong.edge"
    write_bundle(path, tiny_bundle.manifest, members)
    with pytest.raises(BundleError, match=message):
        _ = open_bundle(path).reference


def test_a_bundle_gets_another_reference_and_stays_as_it_is(
    tiny_bundle_path: Path, image_folder: Path, tmp_path: Path, cli
) -> None:
    for number in range(10, 20):
        cv2.imwrite(str(image_folder / f"frame_{number}.png"), tiny.frames(1, seed=number)[0])
    output = tmp_path / "here.edge"
    arguments = [str(tiny_bundle_path), "-o", str(output), "--calibration", str(image_folder)]
    result = cli.invoke(convert, arguments)
    assert result.exit_code == 0, result.output
    before, after = open_bundle(tiny_bundle_path), open_bundle(output)
    assert after.reference and after.reference.frames == 20
    assert {**after.members, FILE: b""} == {**before.members, FILE: b""}
    assert before.reference != after.reference
    shipped = cli.invoke(convert, ["face", *arguments[1:]])
    assert shipped.exit_code == 0, shipped.output
    assert set(open_bundle(output).reference.tasks) == {"age", "gender"}
    refused = cli.invoke(convert, [*arguments, "--max-drop", "1"])
    assert refused.exit_code == 2 and "--max-drop is not for a bundle" in refused.output


def test_statistics_are_taken_twice_a_second_and_only_if_asked_for(tiny_bundle: Bundle) -> None:
    stream = Stream(tiny_bundle, StreamOptions(image_statistics=True))
    frames = [Frame(image, n, n / 20, time_s=n / 20) for n, image in enumerate(tiny.frames(40))]
    decisions = [each for frame in frames if (each := stream.push(frame))]
    assert [each.frame for each in decisions if each.image] == [3, 10, 20, 30]
    plain = Stream(tiny_bundle)
    decisions = [each for frame in frames if (each := plain.push(frame))]
    assert len(decisions) == 37 and not any(each.image for each in decisions)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Twelve seconds of the frames that the tiny bundle was made with; six of them nearly dark."""
    frames = tiny.labelled_clips(24)["clips"].reshape(-1, tiny.SIZE, tiny.SIZE, 3)[..., ::-1]
    folder = tmp_path / "film"
    folder.mkdir()
    for number in range(240):
        image = frames[(37 * number) % 96] // (1 if number < 120 else 8)
        cv2.imwrite(str(folder / f"{number:04d}.png"), image)
    return folder


def test_a_run_tells_of_drift(tiny_bundle_path: Path, film: Path, tmp_path: Path, cli) -> None:
    lines = tmp_path / "out.jsonl"
    source = [
        "--source",
        f"images:{film}:rate=20",
        "--quiet",
        "--rate",
        "all",
        "--jsonl",
        str(lines),
    ]
    result = cli.invoke(main, [str(tiny_bundle_path), *source, "--drift", "2"])
    assert result.exit_code == 0, result.output
    events = [each for each in map(json.loads, lines.read_text().splitlines()) if "event" in each]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    assert events[-1]["reason"] == "run ended"
    assert 6 < events[0]["time_s"] < 12 and "darker" in events[0]["message"]
    assert "drift: once, " in result.output
    silent = cli.invoke(main, [str(tiny_bundle_path), *source])
    assert "drift:" not in silent.output


def test_a_bundle_of_before_runs_and_says_that_it_cannot_be_compared(
    tiny_bundle: Bundle, film: Path, tmp_path: Path, cli
) -> None:
    old = tmp_path / "old.edge"
    write_bundle(
        old, tiny_bundle.manifest, {n: m for n, m in tiny_bundle.members.items() if n != FILE}
    )
    assert open_bundle(old).reference is None
    result = cli.invoke(main, [str(old), "--source", str(film), "--drift", "2", "--frames", "20"])
    assert result.exit_code == 0, result.output
    assert "drift: not watched, as the bundle holds no reference (docs/drift.md)" in result.output


def test_drift_is_watched_if_there_are_alerts(
    tiny_bundle_path: Path, film: Path, tmp_path: Path, cli
) -> None:
    pytest.importorskip("msgspec", reason="needs the extra config")
    run = tmp_path / "run.toml"
    alert = '[[alert]]\ntask = "size"\nover = 1e9\n'
    head = f'bundle = "{tiny_bundle_path}"\nsource = ["{film}"]\nquiet = true\nframes = 20\n'
    run.write_text(head + alert)
    assert "drift: not judged" in cli.invoke(main, ["--config", str(run)]).output
    run.write_text(f"{head}drift = 0\n{alert}")
    assert "drift:" not in cli.invoke(main, ["--config", str(run)]).output
