"""Grad-CAM++ of scores whose answer is known on paper."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from keras import ops

from edge_models import backends
from edge_models.datasets.dataset import classification, regression
from edge_models.evaluation.gradcam import (
    coarse_maps,
    frames_shown,
    heat_maps,
    heat_of_clip,
    laid_over,
    scaled,
    strip,
)
from edge_models.evaluation.network import open_network
from edge_models.networks.mtdnn import MTDNNConfig, build_mtdnn
from edge_models.sections import TargetSection

SHAPE = (3, 2, 2, 4)  # T, h, w, C
array = ops.convert_to_numpy


def drawn(seed, shape=SHAPE):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_a_linear_score_has_the_closed_form(seed):
    maps, slope = drawn(seed), drawn(seed + 1)

    def score(features):
        return ops.sum(ops.multiply(features, slope))

    expected = np.zeros(SHAPE[:3])
    for t in range(SHAPE[0]):
        for channel in range(SHAPE[3]):
            active = np.maximum(maps[t, ..., channel], 0)
            g = slope[t, ..., channel]
            alpha = g**2 / (2 * g**2 + active.sum() * np.maximum(g, 0) ** 3)
            expected[t] += (alpha * np.maximum(g, 0)).sum() * active
    assert backends.own().gradient_of(score, maps) == pytest.approx(slope)
    assert coarse_maps(maps, slope) == pytest.approx(expected, rel=1e-4)
    heat = heat_maps(score, maps, (20, 30))
    assert heat.shape == (3, 20, 30)
    assert heat.min() >= 0 and heat.max() == pytest.approx(1.0)
    fine = [cv2.resize(m, (30, 20), interpolation=cv2.INTER_CUBIC) for m in scaled(expected)]
    fine = np.maximum(fine, 0)
    assert heat == pytest.approx(fine / fine.max(), abs=1e-3)


def test_where_nothing_speaks_for_a_score_all_is_cold():
    assert not heat_maps(lambda maps: -ops.sum(maps), np.ones(SHAPE, "f4"), (8, 8)).any()
    assert not scaled(np.full((2, 2, 2), 3.0)).any()


def test_one_place_that_matters_is_the_hottest():
    maps = np.ones((2, 4, 4, 1), np.float32)
    maps[1, 0, 3] = 5
    heat = heat_maps(lambda m: ops.sum(m), maps, (40, 40))
    assert np.unravel_index(heat.argmax(), heat.shape)[0] == 1
    assert heat[1, 5, 35] > 0.7 and heat[0].max() < 0.1


@pytest.fixture(scope="module")
def network():
    tasks = (classification("who", ("a", "b", "c")), regression("age", "years", 100.0))
    config = MTDNNConfig(
        tasks, window=3, size=32, spatial_width=4, temporal_width=4, attention_width=4, head_width=6
    )
    model = build_mtdnn(config)
    return model, open_network(model, tasks)


def test_an_opened_network_answers_as_the_whole_does(network):
    model, opened = network
    clips = np.random.default_rng(0).uniform(0, 255, (2, 3, 32, 32, 3)).astype("f4")
    answers, before = opened.whole(clips)
    for task, expected in model(clips).items():
        assert array(answers[task]) == pytest.approx(array(expected), abs=1e-5)
    kernel, bias = opened.last_layer("who")
    logits = array(before["who"]) @ kernel + bias
    assert array(ops.softmax(logits)) == pytest.approx(array(answers["who"]), abs=1e-5)
    assert before["age"].shape == (2, 6)


def test_each_task_of_a_network_has_its_heat(network):
    clip = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    for task, index in (("who", 2), ("age", 0)):
        heat = heat_of_clip(network[1], clip, task, index)
        assert heat.shape == (3, 32, 32) and heat.min() >= 0 and heat.max() <= 1


def test_cold_places_stay_as_they_are():
    frame = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    assert np.array_equal(laid_over(frame, np.zeros((20, 20))), frame)
    assert not np.array_equal(laid_over(frame, np.ones((20, 20))), frame)


def test_a_strip_shows_the_window_from_end_to_end():
    assert frames_shown(15).tolist() == [0, 3, 6, 8, 11, 14]
    assert frames_shown(1).tolist() == [0]
    single = strip(np.zeros((1, 32, 32, 3), np.uint8), np.zeros((1, 32, 32)))
    pictures = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in single]
    assert [picture.shape for picture in pictures] == [(200, 200, 3)] * 2


def test_a_number_that_is_the_mean_of_a_distribution_has_its_heat_too():
    tasks = (regression("age", "years", 100.0),)
    config = MTDNNConfig(
        tasks, window=3, size=32, spatial_width=4, temporal_width=4, attention_width=4,
        head_width=6, targets={"age": TargetSection("label-distribution", 11)},
    )  # fmt: skip
    opened = open_network(build_mtdnn(config), tasks)
    kernel, bias = opened.last_layer("age")  # which has none
    assert kernel.shape == (11, 1) and bias.tolist() == [0.0]
    clip = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    assert heat_of_clip(opened, clip, "age", 0).shape == (3, 32, 32)
