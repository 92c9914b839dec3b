"""A training run as a TOML file."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from edge_common.data import decode, read_toml
from edge_common.errors import ConfigError

T = TypeVar("T")

DATA_KIND = "orl-motion"  # where a training file names none
FEATURES_VERSION = 1  # to be raised when clips are rendered differently


@dataclass(frozen=True)
class NetworkSection:
    """See `MTDNNConfig`; `backbone_weights` is "imagenet", "random" or a weights file."""

    backbone: str = "efficientnet-lite0"
    backbone_weights: str = "imagenet"
    backbone_end: str = ""
    backbone_width: float = 1.0
    grey: bool = True
    window: int = 15
    size: int = 100
    spatial_width: int = 256
    spatial_activation: str = "relu"
    spatial_dropout: float = 0.3
    temporal_pool: str = "grid"
    grid_filters: int = 12
    temporal_centre: bool = True
    temporal_width: int = 128
    attention_width: int = 32
    block_dropout: float = 0.3
    head_width: int = 256
    head_dropout: float = 0.5
    head_activation: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSection:
    """ORL in motion.

    Attributes:
        people: the first so many of the 40.
        train_variants: motions rendered of each train photo and action.
        train_length: frames rendered a train clip; each epoch looks at another
            window of them.
        frame_rate_hz: what the motions' speeds are meant at.
    """

    people: int = 40
    test_photos: int = 3
    validation_photos: int = 1
    train_variants: int = 3
    train_length: int = 20
    frame_rate_hz: float = 25.0
    calibration_clips: int = 160

    def __post_init__(self) -> None:
        _at_least_one(
            self,
            "people",
            "test_photos",
            "validation_photos",
            "train_variants",
            "calibration_clips",
        )


@dataclass(frozen=True)
class StageSection:
    """One stage of training, by the thesis' schedule (see `ThesisSchedule`)."""

    batch_size: int = 64
    learning_rate: float = 5e-4
    max_epochs: int = 150
    lr_factor: float = 0.4
    lr_window: int = 6
    lr_min_fall: float = 0.002
    patience: int = 10

    def __post_init__(self) -> None:
        _at_least_one(self, "batch_size", "lr_window", "patience")


@dataclass(frozen=True)
class FineTuningSection(StageSection):
    """The stage that trains the backbone's end too.

    Attributes:
        from_layer: layers of the backbone after this one are trained; empty, or
            with max_epochs 0: there is no such stage.
    """

    from_layer: str = ""


@dataclass(frozen=True)
class EvaluationSection:
    """What is measured of the trained network.

    Attributes:
        identity: the task that tells people (or things) apart, of which it is measured
            how well they are known again by likeness; "" for none. "auto": `reid`, where
            there is such a task.
    """

    identity: str = "auto"


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the outcome of a run.

    Attributes:
        refit: when the validation photos have decided when to stop, train once
            more from the start for as long, with them among the train photos.
    """

    name: str = "mtdnn"
    seed: int = 0
    licence: str = "Apache-2.0"
    refit: bool = False
    network: NetworkSection = field(default_factory=NetworkSection)
    data: DataSection = field(default_factory=DataSection)
    blocks: StageSection = field(default_factory=StageSection)
    fine_tuning: FineTuningSection = field(default_factory=FineTuningSection)
    evaluation: EvaluationSection = field(default_factory=EvaluationSection)

    def __post_init__(self) -> None:
        _at_least_one(self.blocks, "max_epochs")
        if self.data.train_length < self.network.window:
            raise ConfigError(
                f"data.train_length is {self.data.train_length}: a clip must be as long as the "
                f"network's window, {self.network.window} frames, or longer"
            )

    def features_fingerprint(self) -> str:
        """16 hex digits that change with all that the backbone's features depend on."""
        net = self.network
        part = {
            "version": FEATURES_VERSION,
            "seed": self.seed,
            "data": dataclasses.asdict(self.data),
            "network": [
                net.backbone,
                weights_by_content(net.backbone_weights),
                net.backbone_end,
                net.backbone_width,
                net.grey,
                net.window,
                net.size,
            ],
            "early": self.fine_tuning.from_layer,
        }
        return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]


def weights_file(weights: str) -> Path | None:
    """The file of `backbone_weights`; None: they have a name. Raises ConfigError without a file."""
    if weights in ("imagenet", "random"):
        return None
    if not Path(weights).is_file():
        raise ConfigError(
            f'backbone weights {weights!r} are unknown: use "imagenet", "random" or a file'
        )
    return Path(weights)


def weights_by_content(weights: str) -> str:
    """What tells `backbone_weights` from others: their name, or the sha256 of their file."""
    file = weights_file(weights)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file else weights


def _at_least_one(section: object, *names: str) -> None:
    for name in names:
        if getattr(section, name) < 1:
            raise ConfigError(f"{name} is {getattr(section, name)}: it must be 1 or more")


def read_config(path: Path) -> TrainingConfig:
    """Read a TOML file.

    Raises:
        ConfigError: the file is no TOML, or holds a key or a value that no run has.
    """
    return section(TrainingConfig, read_toml(path), str(path))


def section(kind: type[T], table: Mapping[str, Any], source: str) -> T:
    """A `kind` of what a file says; raises ConfigError that names the key that is wrong."""
    _refuse_negative(table, source)
    return decode(kind, table, source)


def _refuse_negative(table: Mapping[str, Any], source: str) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            _refuse_negative(value, f"{source}: {key}")
        elif isinstance(value, int | float) and value < 0:
            raise ConfigError(f"{source}: {key} is {value}: it must not be negative")
