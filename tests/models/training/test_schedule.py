"""The thesis' schedule, on losses written out."""

from types import SimpleNamespace

import pytest

from edge_models.training.schedule import ThesisSchedule, plateaued


class FakeModel:
    """Counts what is kept and put back."""

    def __init__(self, rate):
        self.optimizer = SimpleNamespace(learning_rate=rate)
        self.stop_training = False
        self.weights = -1

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def run(losses, **settings):
    """Go through epochs with these losses; weights are the epoch's number."""
    schedule = ThesisSchedule(**settings)
    model = FakeModel(rate=1.0)
    schedule.set_model(model)
    schedule.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.weights = epoch
        schedule.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    schedule.on_train_end()
    return schedule, model


@pytest.mark.parametrize(
    ("last", "expected"), [(0.987, False), (0.989, True), (1.0, True), (1.2, True)]
)
def test_less_than_1_2_percent_in_6_epochs_is_a_plateau(last, expected):
    assert plateaued([1.0, 9, 9, 9, 9, 9, last], window=6, min_fall=0.002) is expected


def test_a_plateau_needs_a_whole_window():
    assert not plateaued([1.0] * 6, window=6, min_fall=0.002)


def test_the_rate_is_lowered_once_a_window():
    schedule, _ = run([1.0] * 14, patience=99)
    assert schedule.rates == pytest.approx([1.0] * 7 + [0.4] * 6 + [0.16])


def test_a_falling_loss_keeps_the_rate():
    schedule, _ = run([0.99**epoch for epoch in range(30)])
    assert schedule.rates == [1.0] * 30


def test_training_stops_10_epochs_after_the_best():
    schedule, model = run([3.0, 2.0, 1.0] + [1.5] * 50)
    assert schedule.best_epoch == 2 and len(schedule.rates) == 13
    assert model.stop_training


def test_the_best_weights_are_put_back():
    _, model = run([3.0, 1.0, 2.0, 2.0])
    assert model.weights == 1


def test_a_stage_that_does_not_pay_changes_nothing():
    schedule, model = run([3.0, 2.0, 2.5], to_beat=1.9)
    assert model.weights == -1 and schedule.best_epoch == -1


def test_a_stage_that_pays_is_kept():
    schedule, model = run([3.0, 1.8, 2.5], to_beat=1.9)
    assert model.weights == 1 and schedule.best_epoch == 1
