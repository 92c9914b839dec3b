"""Train an MTDNN in two stages, both from features computed once.

First the blocks and heads on the frozen backbone, then the backbone's last
blocks with them. What is trained are the layers of the whole network itself, so
its weights are ready when the stages are.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from edge.tasks import kind_of
from edge_models.datasets import batches, dataset, motion, orl, orl_motion
from edge_models.evaluation.history import TrainingHistory
from edge_models.networks import backbones, mtdnn, views
from edge_models.sections import StageSection
from edge_models.training.config import TrainingConfig
from edge_models.training.feature_cache import Features, cached_features
from edge_models.training.schedule import ThesisSchedule, verbosity


@dataclass(frozen=True)
class FeatureSubset:
    """Clips of one use: their features, and int64 (N,) labels a task."""

    features: Features
    labels: dict[str, np.ndarray]


@dataclass(frozen=True)
class FeatureStage:
    """A stage of training; `early` names the layer it starts after, if not the last."""

    name: str
    schedule: StageSection
    early: str = ""


@dataclass
class Trained:
    """A trained network and how it came about; curves and times by stage."""

    model: keras.Model
    history: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    best_epoch: dict[str, int] = field(default_factory=dict)  # -1: the stage did not pay
    seconds: dict[str, float] = field(default_factory=dict)
    # what the network said of the validation clips before it learnt from them, too; by task
    held_out: dict[str, np.ndarray] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Note how long the block took."""
        started = time.monotonic()
        yield
        self.seconds[stage] = time.monotonic() - started


class FeatureTraining:
    """A training from features that are computed once; it takes minutes, and is not resumed.

    Attributes:
        model: the whole network, once it is trained.
    """

    model: keras.Model
    history: TrainingHistory
    best = ("", -1)  # nothing is kept of a training that does not end
    held_out: Mapping[str, np.ndarray]

    def __init__(self, config: TrainingConfig, cache: Path) -> None:
        self.config, self.cache = config, cache

    def train(self) -> None:
        """Train `model`, as `train` does."""
        trained = train(
            self.config, orl_motion.plan_data(self.config.data, self.config.seed), self.cache
        )
        self.model, self.held_out = trained.model, trained.held_out
        self.history = TrainingHistory(trained.history, trained.best_epoch, trained.seconds)

    def keep_best(self) -> bool:
        """False: there is no epoch to come back to."""
        return False

    def test_features(self) -> None:
        """None: train clips alone are kept."""

    def clear(self) -> None:
        """Features stay, for later runs."""


def network_config(config: TrainingConfig) -> mtdnn.MTDNNConfig:
    """The network that a training file asks for."""
    tasks = (
        dataset.classification("reid", orl.LABELS[: config.data.people]),
        dataset.classification("action", motion.ACTIONS),
    )
    return mtdnn.network_of(config.network, tasks, config.name)


def train(config: TrainingConfig, plans: orl_motion.Plans, cache: Path) -> Trained:
    """Run the stages of `config` and return the whole network.

    With `config.refit`, what the validation photos decided (how many epochs, at
    which rates) is then repeated from the start with those photos among the rest.

    Args:
        cache: folder for features; those of an equal configuration are used again.
    """
    trained = _fresh(config)
    folder = cache / config.features_fingerprint()
    with trained.timed("features"):
        train_part = _part(trained.model, config, plans.train, folder, "train")
        validation = _part(trained.model, config, plans.validation, folder, "validation")
    for stage in _stages(config):
        _search(trained, stage, config, train_part, validation)
    if not config.refit:
        return trained
    held_out_answers = _answers(trained.model, config, validation)
    again = _fresh(config)
    again.history, again.best_epoch = trained.history, trained.best_epoch
    again.seconds = trained.seconds
    again.held_out = held_out_answers
    with again.timed("features_for_refit"):
        held_out = _part(again.model, config, plans.held_out, folder, "held_out")
    everything = _joined(train_part, held_out)
    for stage in _stages(config):
        _repeat(again, stage, config, everything)
    return again


def _fresh(config: TrainingConfig) -> Trained:
    keras.utils.set_random_seed(config.seed)
    model = mtdnn.build_mtdnn(network_config(config))
    backbone = model.get_layer("backbone").layer
    backbones.check_layer(backbone, "fine_tuning.from_layer", config.fine_tuning.from_layer)
    backbone.trainable = False
    return Trained(model)


def _stages(config: TrainingConfig) -> Iterator[FeatureStage]:
    yield FeatureStage("blocks", config.blocks)
    if config.fine_tuning.from_layer and config.fine_tuning.max_epochs:
        yield FeatureStage("fine_tuning", config.fine_tuning, config.fine_tuning.from_layer)


def _part(
    model: keras.Model,
    config: TrainingConfig,
    plans: list[orl_motion.ClipPlan],
    folder: Path,
    label: str,
) -> FeatureSubset:
    backbone = model.get_layer("backbone").layer
    length = config.network.window if label == "validation" else config.data.train_length
    early = config.fine_tuning.from_layer
    features = cached_features(backbone, early, plans, length, folder, label)
    return FeatureSubset(features, orl_motion.labels_of(plans))


def _joined(first: FeatureSubset, second: FeatureSubset) -> FeatureSubset:
    maps = np.concatenate([first.features.maps, second.features.maps])
    early = None
    if first.features.early is not None and second.features.early is not None:
        early = np.concatenate([first.features.early, second.features.early])
    labels = {
        task: np.concatenate([first.labels[task], second.labels[task]]) for task in first.labels
    }
    return FeatureSubset(Features(maps, early), labels)


def _search(
    trained: Trained,
    stage: FeatureStage,
    config: TrainingConfig,
    part: FeatureSubset,
    validation: FeatureSubset,
) -> None:
    """Train a stage until validation says stop, and keep what was best, if it paid."""
    plan = stage.schedule
    schedule = ThesisSchedule(
        factor=plan.lr_factor, window=plan.lr_window, min_fall=plan.lr_min_fall,
        patience=plan.patience, to_beat=_best_loss(trained),
    )  # fmt: skip
    with trained.timed(stage.name):
        history = _compiled(trained.model, stage, config).fit(
            _batches(part, stage, config, augment=True),
            validation_data=_batches(validation, stage, config, augment=False),
            epochs=plan.max_epochs, callbacks=[schedule], verbose=verbosity(),
        )  # fmt: skip
    trained.history[stage.name] = history.history | {"learning_rate": schedule.rates}
    trained.best_epoch[stage.name] = schedule.best_epoch


def _repeat(
    trained: Trained, stage: FeatureStage, config: TrainingConfig, part: FeatureSubset
) -> None:
    """Train a stage for as long, and at the rates, as was best in the search."""
    epochs = trained.best_epoch[stage.name] + 1
    rates = trained.history[stage.name]["learning_rate"][:epochs]
    if not rates:
        return
    with trained.timed(f"{stage.name}_refit"):
        history = _compiled(trained.model, stage, config).fit(
            _batches(part, stage, config, augment=True), epochs=epochs,
            callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])],
            verbose=verbosity(),
        )  # fmt: skip
    trained.history[f"{stage.name}_refit"] = history.history


def _answers(
    model: keras.Model, config: TrainingConfig, part: FeatureSubset
) -> dict[str, np.ndarray]:
    """What the network says of each window of a part, by task."""
    early = config.fine_tuning.from_layer if part.features.early is not None else ""
    maps = part.features.early if early else part.features.maps
    head = views.tail_and_head_of(model, early, config.network.window)
    outputs: dict[str, np.ndarray] = head.predict(maps, batch_size=32, verbose=verbosity())
    return outputs


def _compiled(model: keras.Model, stage: FeatureStage, config: TrainingConfig) -> keras.Model:
    window = config.network.window
    part = (
        views.tail_and_head_of(model, stage.early, window) if stage.early else views.head_of(model)
    )
    tasks = network_config(config).tasks
    part.compile(
        keras.optimizers.Adam(stage.schedule.learning_rate),
        loss={task.name: kind_of(task).loss for task in tasks},
        metrics={task.name: [kind_of(task).training_metric] for task in tasks},
    )
    return part


def _batches(
    part: FeatureSubset, stage: FeatureStage, config: TrainingConfig, *, augment: bool
) -> batches.WindowBatches:
    maps = (
        part.features.maps
        if part.features.early is None or not stage.early
        else part.features.early
    )
    return batches.WindowBatches(
        maps, part.labels, config.network.window, stage.schedule.batch_size,
        augment=augment, seed=config.seed,
    )  # fmt: skip


def _best_loss(trained: Trained) -> float:
    losses = [loss for curves in trained.history.values() for loss in curves["val_loss"]]
    return min(losses, default=float("inf"))
