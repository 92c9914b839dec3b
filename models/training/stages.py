"""The stages of a training: which network each fits, on what."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from edge_models.datasets import batches, dataset
from edge_models.networks import backbones, mtdnn, rounding, views
from edge_models.sections import StageSection, WholeSection
from edge_models.training import averaging, balance, feature_cache
from edge_models.training.config import EndToEndConfig


@dataclass(frozen=True)
class Stage:
    """A stage of training.

    Attributes:
        frozen: the backbone stays as it is.
        frames: looks at so many of each window; 0: at all.
        looks: fits to maps that are computed once, of so many looks of each clip; 0: to clips.
        cut: the layer of the backbone whose maps these are; "": its last.
        rounds: as int8 will, to learn what survives it.
        teacher: file of a network whose answers are learnt, too; "": none.
        teacher_weight: their share of the loss.
    """

    name: str
    schedule: StageSection
    frozen: bool = False
    frames: int = 0
    looks: int = 0
    cut: str = ""
    rounds: bool = False
    teacher: str = ""
    teacher_weight: float = 0.0

    @property
    def has_own_loss(self) -> bool:
        """Whether its losses say nothing of those of later stages."""
        return self.frames > 0


@dataclass(frozen=True)
class Fit:
    """What a stage fits.

    Attributes:
        model: from windows, or from their maps, to the tasks' answers.
        saved_model: whose weights are saved: all that the run trains.
        averages: of what is trained, if the stage wants them.
    """

    model: balance.BalancedModel
    saved_model: keras.Model
    epochs: batches.Epochs
    validation: batches.ClipBatches
    averages: averaging.AveragedWeights | None

    @property
    def state(self) -> list[keras.Variable]:
        """All that the next step depends on; once the model is compiled."""
        averages = self.averages.variables if self.averages else []
        return [*self.saved_model.variables, *self.model.optimizer.variables, *averages]


def stages_of(config: EndToEndConfig, qat_of: Path | None = None) -> Iterator[Stage]:
    """The stages that a training file asks for, in their order; fine-tuning alone of a trained network."""
    if qat_of:
        share = config.qat.teacher_weight
        teacher = str(qat_of) if share else ""
        yield Stage(
            "qat", _unending(config.qat), rounds=True, teacher=teacher, teacher_weight=share
        )
        return
    few, frozen, whole = config.few_frames, config.frozen, config.whole
    if few.max_epochs:
        schedule = StageSection(few.batch_size, few.learning_rate, few.max_epochs, one_cycle=True)
        yield Stage("few_frames", _unending(schedule), frames=few.frames)
    if frozen.max_epochs:
        looks = frozen.looks if frozen.keep_maps else 0
        yield Stage("frozen", _unending(frozen), frozen=True, looks=looks)
    if whole.max_epochs:
        looks, cut = (whole.looks, whole.from_layer) if whole.keep_maps else (0, "")
        yield Stage(
            "whole", _unending(whole), looks=looks, cut=cut, teacher=whole.teacher,
            teacher_weight=whole.teacher_weight,
        )  # fmt: skip


def _unending(schedule: StageSection) -> StageSection:
    """One cycle goes through all epochs, whatever the loss does."""
    most = schedule.max_epochs + 1
    return replace(schedule, lr_window=most, patience=most) if schedule.one_cycle else schedule


def fit_of(
    stage: Stage, model: keras.Model, by_frames: keras.Model, config: EndToEndConfig,
    network: mtdnn.MTDNNConfig, data: dataset.DataSet, maps: Path,
) -> Fit:  # fmt: skip
    """Build what the stage fits from the whole network and its pass by frames.

    Args:
        maps: folder for maps that are computed once.
    """
    train, validation, fitted, whole = data.train, data.validation, by_frames, by_frames
    if stage.frames:
        fitted = whole = views.looking_at(stage.frames, model, network)
        whole.set_weights(by_frames.get_weights())
    if stage.rounds:
        fitted = views.by_frames(model, rounding.rounded)
    if stage.frozen:
        train = feature_cache.some_of(train, config.frozen.clips, config.seed)
    if stage.looks:
        fitted = views.tail_and_head_of(model, stage.cut, config.network.window)
        train, validation = _as_maps(stage, model, config, data, train, maps)
    balanced = balance.BalancedModel(fitted.input, fitted.output)
    size, momentum = stage.schedule.batch_size, stage.schedule.average
    averages = averaging.AveragedWeights(balanced, momentum) if momentum else None
    epochs = batches.Epochs(data, train, config.augmentation, size, config.seed)
    return Fit(balanced, whole, epochs, batches.plain_batches(data, validation, size), averages)


def train_backbone(backbone: keras.Model, section: WholeSection, *, frozen: bool) -> None:
    """Make trainable what the stage trains, and nothing else of the backbone."""
    backbone.trainable = not frozen
    if frozen:
        return
    late = backbone.layers
    if section.from_layer:
        late = keras.Model(backbone.get_layer(section.from_layer).output, backbone.output).layers
    trained = {layer.name for layer in late}
    for layer in backbone.layers:
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = layer.name in trained and not (normalises and section.freeze_batch_norm)


def _as_maps(
    stage: Stage, model: keras.Model, config: EndToEndConfig, data: dataset.DataSet,
    train: dataset.Subset, folder: Path,
) -> tuple[dataset.Subset, dataset.Subset]:  # fmt: skip
    """Both parts as maps of the stage's layer, those of the train clips in several looks."""
    backbone = model.get_layer("backbone").layer
    if stage.cut:
        backbone = backbones.up_to(backbone, stage.cut)
        folder = folder / stage.cut
    if stage.looks > 1:
        train = batches.looks_of(data, train, config.augmentation, stage.looks, config.seed)
    return (
        feature_cache.maps_of(backbone, data, train, folder / "train.npy", "train"),
        feature_cache.maps_of(
            backbone, data, data.validation, folder / "validation.npy", "validation"
        ),
    )
