"""What happens in a step: weights of losses, averages of weights; and lines on the way."""

import keras
import numpy as np
import pytest

from edge_models.datasets.batches import Epochs
from edge_models.training import time_left
from edge_models.training.averaging import AveragedWeights
from edge_models.training.balance import SHARED, BalancedModel
from edge_models.training.teacher import divergence

LABELS = {"loud": 1000.0, "quiet": 0.01}  # errors, and pulls, far apart


def two_tasks(method, weights=(1.0, 1.0)):
    keras.utils.set_random_seed(0)
    features = keras.Input((3,))
    shared = keras.layers.Dense(4, name=SHARED)(features)
    outputs = {task: keras.layers.Dense(1, name=task)(shared) for task in LABELS}
    model = BalancedModel(features, outputs)
    model.compile(
        keras.optimizers.SGD(0.0), loss=dict.fromkeys(LABELS, "mse"), balance=method,
        loss_weights=dict(zip(LABELS, weights)), metrics={t: ["mae"] for t in LABELS},
    )  # fmt: skip
    return model


def logs_of(model, epochs=1):
    x = np.random.default_rng(0).normal(size=(16, 3)).astype("f4")
    labels = {task: np.full(16, label, "f4") for task, label in LABELS.items()}
    return model.fit(x, labels, epochs=epochs, verbose=0, batch_size=16).history


def test_uncertainty_weighs_each_loss_by_its_inverse_and_keeps_the_mean_at_one():
    logs = logs_of(two_tasks("uncertainty"))
    loud, quiet = logs["loud_weight"][0], logs["quiet_weight"][0]
    assert loud * logs["loud_loss"][0] == pytest.approx(quiet * logs["quiet_loss"][0], rel=1e-3)
    assert (loud + quiet) / 2 == pytest.approx(1, abs=1e-4)
    assert {"loud_mae", "quiet_mae", "loss"} <= set(logs)


def test_given_weights_count_beside_those_that_are_found():
    logs = logs_of(two_tasks("uncertainty", (3.0, 1.0)))
    ratio = logs["loud_weight"][0] * logs["loud_loss"][0] / logs["quiet_loss"][0]
    assert ratio / logs["quiet_weight"][0] == pytest.approx(3, rel=1e-3)


def test_gradient_makes_all_tasks_pull_equally_at_what_they_share():
    model = two_tasks("gradient")
    logs = logs_of(model)
    pulls = {task: float(average) for task, average in model.pulls.averages.items()}
    assert pulls["loud"] > 100 * pulls["quiet"]
    assert logs["loud_weight"][0] * pulls["loud"] == pytest.approx(
        logs["quiet_weight"][0] * pulls["quiet"], rel=1e-3
    )


def test_fixed_weights_are_those_of_keras():
    logs = logs_of(two_tasks("fixed", (2.0, 0.0)))
    assert logs["loss"][0] == pytest.approx(2 * logs["loud_loss"][0], rel=1e-5)


def test_answers_diverge_by_what_their_cross_entropies_differ():
    classes = divergence(np.array([[0.75, 0.25]], "f4"), np.array([[0.5, 0.5]], "f4"))
    alone = divergence(np.array([[0.75]], "f4"), np.array([[0.5]], "f4"))
    assert float(classes[0]) == pytest.approx(0.1308, abs=1e-4)  # 1 bit less the entropy, in nats
    assert float(alone[0]) == pytest.approx(0.1308, abs=1e-4)
    same = np.array([[0.0, 1.0], [0.3, 0.7]], "f4")
    assert np.array(divergence(same, same)) == pytest.approx([0, 0], abs=1e-6)


def test_averages_follow_the_steps_and_are_in_the_model_only_while_it_is_looked_at():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[0.0]], "f4")])
    averages = AveragedWeights(model, 0.5)
    expected, weight = 0.0, 0.0
    for step, weight in enumerate((10.0, 20.0, 30.0)):
        model.set_weights([np.array([[weight]], "f4")])
        averages.on_train_batch_end(step)
        momentum = min(0.5, (1 + step) / (10 + step))
        expected = momentum * expected + (1 - momentum) * weight
    assert model.get_weights()[0][0, 0] == weight
    with averages.in_model():
        assert model.get_weights()[0][0, 0] == pytest.approx(expected)
    assert model.get_weights()[0][0, 0] == weight
    averages.on_test_begin()
    assert model.get_weights()[0][0, 0] == pytest.approx(expected)
    averages.on_test_end()
    assert model.get_weights()[0][0, 0] == weight


def test_time_left_is_of_all_epochs_that_may_come(monkeypatch, capsys):
    clock = iter(range(0, 10_000, 60))
    monkeypatch.setattr(time_left.time, "monotonic", lambda: float(next(clock)))
    batches = Epochs.__new__(Epochs)
    batches.first, batches.count = 0, 4
    told = time_left.StageTimeLeft(
        "whole", 3, batches
    )  # at 0 s; each look at the clock is a minute
    told.on_epoch_begin(0)
    for batch in range(4):
        told.on_train_batch_end(batch, {"loss": 1.5})
    told.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    output = capsys.readouterr()
    lines = (output.out + output.err).splitlines()
    assert lines[0] == "whole, epoch 1 of 3: 50% of it, loss 1.5; 15 min left at most"
    assert lines[-1].startswith("whole, epoch 1 of 3: val_loss 2; ")
