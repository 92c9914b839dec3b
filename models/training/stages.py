"""The stages of a training: which network each fits, on what."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from edge_models.datasets import batches, dataset
from edge_models.networks import mtdnn, views
from edge_models.sections import StageSection, WholeSection
from edge_models.training.config import EndToEndConfig
from edge_models.training.feature_cache import maps_of, some_of


@dataclass(frozen=True)
class Stage:
    """A stage of training.

    Attributes:
        frozen: the backbone stays as it is.
        frames: looks at so many of each window; 0: at all.
        on_maps: fits the blocks and heads alone, to maps that are computed once.
    """

    name: str
    schedule: StageSection
    frozen: bool = False
    frames: int = 0
    on_maps: bool = False

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
    """

    model: keras.Model
    saved_model: keras.Model
    epochs: batches.Epochs
    validation: tf.data.Dataset


def stages_of(config: EndToEndConfig) -> Iterator[Stage]:
    """The stages that a training file asks for, in their order."""
    few, frozen, whole = config.few_frames, config.frozen, config.whole
    if few.max_epochs:
        unending = few.max_epochs + 1
        schedule = StageSection(
            few.batch_size, few.learning_rate, few.max_epochs, lr_window=unending, patience=unending
        )
        yield Stage("few_frames", schedule, frames=few.frames)
    if frozen.max_epochs:
        yield Stage("frozen", frozen, frozen=True, on_maps=frozen.keep_maps)
    if whole.max_epochs:
        yield Stage("whole", whole)


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
    if stage.frozen:
        train = some_of(train, config.frozen.clips, config.seed)
    if stage.on_maps:
        fitted = views.head_of(model)
        train, validation = _as_maps(model, data, train, maps)
    size = stage.schedule.batch_size
    epochs = batches.Epochs(data, train, config.augmentation, size, config.seed)
    return Fit(fitted, whole, epochs, batches.plain_batches(data, validation, size))


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
    model: keras.Model, data: dataset.DataSet, train: dataset.Subset, folder: Path
) -> tuple[dataset.Subset, dataset.Subset]:
    backbone = model.get_layer("backbone").layer
    return (
        maps_of(backbone, data, train, folder / "train.npy", "train"),
        maps_of(backbone, data, data.validation, folder / "validation.npy", "validation"),
    )
