"""Rounding as int8 does: what is rounded to what, and what of a network stays as it is."""

import keras
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from keras import layers, ops

from edge_models import backends
from edge_models.datasets import dataset
from edge_models.networks import mtdnn, views
from edge_models.networks.rounding import RoundedWeights, rounded, to_steps, to_weight_steps

NUMBERS = st.floats(-1000, 1000, width=32).map(lambda number: round(number, 2))
TASKS = (dataset.classification("who", ("a", "b", "c")), dataset.regression("age", "years", 100.0))


@given(arrays.arrays("f4", (3, 5), elements=NUMBERS))
def test_what_is_read_is_the_nearest_of_255_steps_of_its_range(values):
    step = max((max(values.max(), 0) - min(values.min(), 0)) / 255, 1e-7)
    found = ops.convert_to_numpy(to_steps(ops.convert_to_tensor(values)))
    assert np.abs(found - values).max() <= step * 0.51
    assert np.abs(found / step - np.round(found / step)).max() < 0.01
    assert not np.any(found[values == 0])  # padding and ReLU stay exact


def test_pixels_are_integers_already():
    pixels = np.arange(256, dtype="f4")
    assert ops.convert_to_numpy(to_steps(ops.convert_to_tensor(pixels))) == pytest.approx(
        pixels, abs=1e-4
    )


def test_a_gradient_passes_as_if_nothing_were_rounded():
    values = np.array([0.1, -0.7, 2.0], "f4")
    gradient = backends.own().gradient_of(lambda x: ops.sum(3 * to_steps(x)), values)
    assert gradient == pytest.approx(np.full(3, 3.0))


@pytest.mark.parametrize(
    ("layer", "shape", "filters"),
    [
        (layers.Conv2D(2, 1), (4, 4, 3), -1),
        (layers.DepthwiseConv2D(1), (4, 4, 2), -2),
        (layers.Conv1D(2, 1), (4, 3), -1),
    ],
)
def test_each_filter_has_a_scale_of_its_own(layer, shape, filters):
    layer.build((None, *shape))
    kernel = np.full(layer.kernel.shape, 0.3, "f4")
    small = np.moveaxis(kernel, filters, 0)[1:]
    small *= 0.001
    small.flat[0] *= 10  # 0.003, of which 0.0003 is 12.7 steps
    layer.kernel.assign(kernel)
    found = np.moveaxis(ops.convert_to_numpy(to_weight_steps(layer.kernel)), filters, 0)
    assert found[0] == pytest.approx(np.full_like(found[0], 0.3))
    assert found[1].flat[-1] == pytest.approx(0.003 * 13 / 127 if found[1].size > 1 else 0.003)


def test_a_dense_layer_has_one_scale_for_all_that_it_answers():
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer.kernel.assign([[127.0, 0.4], [10.2, 0.6], [-127.0, -1.5]])
    found = ops.convert_to_numpy(to_weight_steps(layer.kernel))
    assert found.tolist() == [[127, 0], [10, 1], [-127, -2]]


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    return mtdnn.build_mtdnn(
        mtdnn.MTDNNConfig(
            TASKS, backbone="small-conv", window=3, size=32, spatial_width=8, temporal_width=8,
            attention_width=4, head_width=8,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def both(network):
    """The network by frames, and rounded."""
    return views.by_frames(network), views.by_frames(network, rounded)


def test_a_rounded_network_has_the_weights_of_the_network(network, both):
    plain, by_steps = both
    assert {id(v) for v in by_steps.trainable_variables} == {
        id(v) for v in plain.trainable_variables
    }
    before = [weight.copy() for weight in network.get_weights()]
    clips = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32, 3)).astype("f4")
    expected, found = plain(clips), by_steps(clips)
    for task in expected:
        difference = np.abs(
            ops.convert_to_numpy(expected[task]) - ops.convert_to_numpy(found[task])
        ).max()
        assert 0 < difference < 0.1, task
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights()))


def test_answers_keep_their_own_weights_and_all_others_are_rounded(network):
    head = rounded(views.head_of(network))
    wrapped = {layer.layer.name for layer in head.layers if isinstance(layer, RoundedWeights)}
    assert {"spatial_conv1", "temporal_lstm", "temporal_attention_query", "who_dense"} <= wrapped
    assert not wrapped & {"who", "age", "who_bn", "spatial_bn"}


def test_of_a_backbone_the_last_layer_is_rounded_as_well():
    frame = keras.Input((8, 8, 3))
    maps = layers.Conv2D(4, 3, name="last")(layers.Conv2D(4, 3, name="first")(frame))
    inside = rounded(keras.Model(frame, maps)).layers
    assert {x.layer.name for x in inside if isinstance(x, RoundedWeights)} == {"first", "last"}


def test_what_learns_rounded_finds_weights_that_survive_it():
    """A dense layer of whose two inputs one is told by a weight below half a step."""
    x = np.random.default_rng(0).normal(size=(256, 2)).astype("f4")
    y = 0.003 * x.sum(1, keepdims=True)
    frame = keras.Input((2,))
    hidden = layers.Dense(2, use_bias=False, name="hidden")(frame)
    model = keras.Model(frame, {"y": layers.Dense(1, use_bias=False, name="y")(hidden)})
    model.get_layer("hidden").set_weights([np.diag([1.0, 0.003])])
    model.get_layer("y").set_weights([np.array([[0.003], [1.0]])])
    as_int8 = rounded(model)
    falling = keras.optimizers.schedules.CosineDecay(0.03, 25 * 16)
    as_int8.compile(keras.optimizers.Adam(falling), loss="mse")
    lost = as_int8.evaluate(x, y, verbose=0)
    assert lost == pytest.approx(np.mean((0.003 * x[:, 1]) ** 2), rel=0.02)
    as_int8.fit(x, y, epochs=25, batch_size=16, shuffle=False, verbose=0)
    assert as_int8.evaluate(x, y, verbose=0) < 0.4 * lost
