"""How numbers are learnt: laws of each method, and what the board sees of them."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge_common import ConfigError
from edge_models.datasets.dataset import classification, regression
from edge_models.networks import numbers
from edge_models.networks.mtdnn import MTDNNConfig, build_mtdnn
from edge_models.sections import TargetSection

AGE = regression("age", "years", 100.0)
ages = st.floats(0, 100)
METHODS = list(numbers.METHODS)


def method(name, bins=101, spread=2.5):
    return numbers.method_of(AGE, {"age": TargetSection(name, bins, spread)})


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


@given(ages, st.floats(0.5, 10))
@settings(deadline=None, max_examples=30)
def test_a_label_is_the_mean_of_its_distribution_away_from_the_ends(age, spread):
    law = method("label-distribution", spread=spread)
    distribution = array(law.distribution(np.array([age / 100], "f4")))
    assert distribution.sum() == pytest.approx(1, abs=1e-5) and distribution.min() >= 0
    if 4 * spread < age < 100 - 4 * spread:
        assert (distribution @ law.values)[0] * 100 == pytest.approx(age, abs=0.05)


@given(ages, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_no_distribution_is_better_than_the_label_s_own(age, seed):
    law = method("label-distribution")
    age = float(np.clip(age, 15, 85))
    label = np.array([age / 100], "f4")
    own = law.distribution(label)
    other = np.random.default_rng(seed).dirichlet(np.ones(101), 1).astype("f4")
    assert array(law.loss(label, own))[0] == pytest.approx(0, abs=0.01)
    assert array(law.loss(label, other))[0] > array(law.loss(label, own))[0]


def test_mean_variance_adds_up_as_in_the_paper():
    law = method("mean-variance", bins=5)  # values 0, 25, 50, 75, 100 years
    learnt = np.array([[0, 0.5, 0.5, 0, 0]], "f4")  # mean 1.5 bins, variance 0.25
    loss = array(law.loss(np.array([0.5], "f4"), learnt))[0]  # the label is bin 2
    assert loss == pytest.approx(-np.log(0.5) + 0.2 * 0.5 * 0.5**2 + 0.05 * 0.25, abs=1e-4)


@given(st.integers(0, 100))
def test_ordinal_answers_are_how_many_values_are_reached(age):
    law = method("ordinal")
    reached = (age / 100 >= law.values[1:] - 1e-6).astype("f4")[None]
    assert (reached @ law.weights)[0, 0] * 100 == pytest.approx(age, abs=1e-3)
    assert array(law.loss(np.array([age / 100 + 1e-6], "f4"), reached))[0] < 1e-5


@pytest.mark.parametrize("name", METHODS)
def test_the_board_sees_one_number_which_is_the_mean_of_what_is_learnt(name, tmp_path):
    config = MTDNNConfig(
        (AGE, classification("sex", ("f", "m"))), window=1, size=32, spatial_width=4, head_width=8,
        temporal_width=4, attention_width=4, targets={"age": TargetSection(name, 11)},
    )  # fmt: skip
    model = build_mtdnn(config)
    frames = np.random.default_rng(0).uniform(0, 255, (3, 1, 32, 32, 3)).astype("f4")
    learnt = keras.Model(model.input, numbers.learnt_outputs(model))(frames)["age"]
    law = numbers.method_of(AGE, config.targets)
    answer = array(model(frames)["age"])
    assert answer.shape == (3, 1) and learnt.shape[1] in (10, 11)
    assert answer[:, 0] == pytest.approx(array(learnt) @ law.weights[:, 0], abs=1e-6)
    error = array(law.error(np.zeros(3, "f4"), learnt))
    assert error == pytest.approx(answer[:, 0], abs=1e-6)
    model.save(tmp_path / "m.keras")  # with no layer of our own
    again = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    assert array(again(frames)["age"]) == pytest.approx(answer, abs=1e-6)


def test_training_keeps_the_questions_of_ordinal_in_order():
    features = keras.Input((4,))
    model = keras.Model(features, method("ordinal", 6).learnt(features))
    model.compile(keras.optimizers.Adam(0.1), loss=method("ordinal", 6).loss)
    random = np.random.default_rng(0)
    model.fit(random.normal(size=(64, 4)), random.uniform(size=64), epochs=3, verbose=0)
    kernel, biases = model.layers[-1].get_weights()
    assert np.abs(kernel - kernel[:, :1]).max() < 1e-6
    assert (np.diff(array(model(random.normal(size=(9, 4)))), axis=1) <= 0).all()
    assert (np.diff(biases) < 0).all()


def test_smoothed_labels_cost_what_the_formula_says():
    task = classification("sign", ("a", "b", "c", "d"))
    loss = numbers.learning_of(task, {}, 0.2).loss
    shares = np.array([[0.7, 0.1, 0.1, 0.1], [0.25] * 4], "f4")
    expected = -(0.85 * np.log(0.7) + 0.15 * np.log(0.1)), np.log(4)
    assert array(loss(np.array([0, 3]), shares)) == pytest.approx(expected, rel=1e-6)
    assert numbers.learning_of(task, {}).loss == "sparse_categorical_crossentropy"
    assert numbers.learning_of(AGE, {}, 0.2).loss == "mse"


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"age": TargetSection("dldl")}, "targets.age.method is 'dldl'"),
        ({"sex": TargetSection("mae")}, "targets.sex: it is classification"),
        ({"ag": TargetSection()}, "targets of 'ag': the tasks are age, sex"),
    ],
)
def test_a_target_that_cannot_be_is_one_line(targets, message):
    with pytest.raises(ConfigError, match=message):
        config = MTDNNConfig((AGE, classification("sex", ("f", "m"))), targets=targets)
        for task in config.tasks:
            numbers.method_of(task, config.targets)
