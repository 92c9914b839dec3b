"""Clips as if taken again: what they keep, and that a network that knows clips by heart is found out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from edge.bundle import InputSpec
from edge.stream.given import given_beside, with_given
from edge.tasks import Task, kind_of
from edge_common import console
from edge_convert.precision.calibration import seen_anew
from edge_convert.precision.margins import expected_loss
from edge_convert.request import (
    ConversionRequest,
    read_conversion_clips,
    with_clips_to_score,
)

SPEC = InputSpec(10, 12)
FILMS = st.tuples(st.integers(1, 4), st.integers(1, 3)).flatmap(
    lambda size: arrays(np.uint8, (*size, 10, 12, 3))
)


@given(FILMS)
def test_they_are_like_what_they_were_made_of(windows: np.ndarray) -> None:
    anew = seen_anew(windows, SPEC)
    assert (anew.shape, anew.dtype) == (windows.shape, np.uint8)
    assert (anew.max(axis=(1, 2, 3)) <= windows.max(axis=(1, 2, 3))).all()
    assert (anew == seen_anew(windows, SPEC)).all()


@given(arrays(np.uint8, (3, 10, 12, 3)))
def test_what_stood_still_stands_still(frames: np.ndarray) -> None:
    anew = seen_anew(np.repeat(frames[:, None], 4, axis=1), SPEC)
    assert (anew == anew[:, :1]).all()


def test_a_tenth_of_the_picture_and_up_to_a_fifth_of_the_light_are_gone() -> None:
    ramp = np.broadcast_to(np.arange(100, 200, dtype=np.uint8)[:, None, None], (50, 2, 100, 100, 3))
    anew = seen_anew(ramp, InputSpec(100, 100)).astype(int)
    light = anew.mean(axis=(1, 2, 3, 4)) / ramp.mean()
    assert 0.75 < light.min() < 0.83 < 0.97 < light.max() < 1.05
    heights = (anew[:, 0, -1, 0, 0] - anew[:, 0, 0, 0, 0]) / (light * 99)
    assert heights == pytest.approx(0.9, abs=0.06)


def test_each_feature_is_moved_by_a_tenth_of_its_spread_all_through_a_window() -> None:
    spread = np.float32([1, 100])
    vectors = np.random.default_rng(1).normal(0, spread, (400, 5, 2)).astype(np.float32)
    moved = seen_anew(vectors, InputSpec.of_features(2)) - vectors
    assert moved == pytest.approx(np.broadcast_to(moved[:, :1], moved.shape), abs=1e-4)
    assert moved[:, 0].std(axis=0) / spread == pytest.approx(0.1, rel=0.15)


def test_what_stands_beside_stays() -> None:
    beside = {"place": np.float32([[1], [2]])}
    anew = seen_anew(with_given(np.zeros((2, 1, 10, 12, 3), np.uint8), beside), SPEC)
    assert given_beside(anew)["place"].tolist() == [[1], [2]]


def test_who_knows_clips_by_heart_is_no_surer_of_them_anew_than_of_others() -> None:
    """96 clips of noise with labels by chance, which 512 random features can tell apart."""
    draw = np.random.default_rng(0)
    learnt, unseen = draw.integers(0, 256, (2, 96, 1, 10, 12, 3), dtype=np.uint8)
    labels = draw.integers(0, 5, 96)
    projection = draw.normal(0, 1, (360, 512))

    def features(windows: np.ndarray) -> np.ndarray:
        return np.maximum((windows.reshape(len(windows), -1) / 127.5 - 1) @ projection, 0)

    weights = np.linalg.lstsq(features(learnt), 20 * np.eye(5)[labels], rcond=None)[0]
    coarse = weights + draw.normal(0, np.abs(weights).mean() / 2, weights.shape)
    kind = kind_of(Task("kind", "classification", tuple("abcde")))

    def lost(windows: np.ndarray) -> float:
        before, after = (_softmax(features(windows) @ each) for each in (weights, coarse))
        decisions = kind.decide(before)
        leads = [kind.lead(each, decisions) for each in (before, after)]
        return expected_loss(*map(np.asarray, leads), 0.02).points

    assert lost(learnt) < 1
    assert lost(unseen) > 10
    assert lost(seen_anew(learnt, SPEC)) > 10


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("labelled", [False, True])
def test_clips_that_calibrate_are_scored_anew_and_others_as_they_are(
    labelled: bool, tmp_path: Path
) -> None:
    path = tmp_path / "clips.npz"
    clips = np.random.default_rng(0).integers(0, 256, (40, 2, 10, 12, 3), dtype=np.uint8)
    np.savez(path, clips=clips, kind=np.arange(40) % 2)
    request = ConversionRequest(
        tmp_path / "net.keras",
        tmp_path / "net.edge",
        path,
        path if labelled else None,
        search_clips=40,
    )
    read = read_conversion_clips(request, 2, SPEC)
    scored = with_clips_to_score(read, request, SPEC, 1, console.Progress(quiet=True)).scored
    assert (scored.windows == clips).all() == labelled
    assert (scored.windows == seen_anew(clips, SPEC)).all() != labelled
