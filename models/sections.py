"""The sections of a training file, each a frozen object with its defaults."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from edge_common import ConfigError, nearest_or_all

BALANCE_METHODS = ("fixed", "uncertainty", "gradient")


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
    temporal_kind: str = "recurrent"
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
        check_at_least_one(
            self,
            "people",
            "test_photos",
            "validation_photos",
            "train_variants",
            "calibration_clips",
        )


@dataclass(frozen=True)
class StageSection:
    """One stage of training, by the thesis' schedule (see `ThesisSchedule`).

    Attributes:
        one_cycle: instead go through all epochs, with a rate that rises to `learning_rate` and
            falls to 0 (see `OneCycle`).
        weight_decay: of Adam, decoupled (AdamW).
        average: momentum of an average of the weights, which is validated and kept; 0: none.
    """

    batch_size: int = 64
    learning_rate: float = 5e-4
    max_epochs: int = 150
    lr_factor: float = 0.4
    lr_window: int = 6
    lr_min_fall: float = 0.002
    patience: int = 10
    one_cycle: bool = False
    weight_decay: float = 0.0
    average: float = 0.0

    def __post_init__(self) -> None:
        check_at_least_one(self, "batch_size", "lr_window", "patience")
        if self.average >= 1:
            raise ConfigError(f"average is {self.average}: a momentum is below 1, such as 0.998")


@dataclass(frozen=True)
class FineTuningSection(StageSection):
    """The stage that trains the backbone's end too.

    Attributes:
        from_layer: layers of the backbone after this one are trained; empty, or
            with max_epochs 0: there is no such stage.
    """

    from_layer: str = ""


@dataclass(frozen=True)
class TargetSection:
    """How a number is learnt, in [targets.TASK]; see `edge_models.networks.numbers`.

    Attributes:
        method: "mse" or "mae" of the number; or "label-distribution", "mean-variance" or
            "ordinal" over `bins` values from 0 to the task's scale.
        spread: standard deviation that a label is taken to have, in the task's unit.
    """

    method: str = "mse"
    bins: int = 101
    spread: float = 2.5

    def __post_init__(self) -> None:
        if self.bins < 2 or not self.spread > 0:
            raise ConfigError("bins of a target must be 2 or more, and its spread above 0")


@dataclass(frozen=True)
class EvaluationSection:
    """What is measured of the trained network.

    Attributes:
        identity: the task that tells people (or things) apart, of which it is measured
            how well they are known again by similarity; "" for none. "auto": `reid`, if
            there is such a task.
        unknown: by task of classes, the share of known windows that may be refused so that others
            are answered `unknown`; see `edge_models.evaluation.refusal`.
        groups: tasks by whose classes or ranges the errors of the others are told apart.
        label_noise: by task, the error of the labels themselves, shown beside the figure.
    """

    identity: str = "auto"
    unknown: dict[str, float] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    label_noise: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for task, share in self.unknown.items():
            if not 0 < share < 1:
                raise ConfigError(
                    f"evaluation.unknown.{task} is {share}: it is a share of windows, such as 0.05"
                )


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
    if file is None:
        return weights
    shards = sorted(file.parent.glob(f"{file.stem}*.bin")) if file.suffix == ".json" else []
    return hashlib.sha256(b"".join(path.read_bytes() for path in (file, *shards))).hexdigest()


def check_at_least_one(section: object, *names: str) -> None:
    for name in names:
        if getattr(section, name) < 1:
            raise ConfigError(f"{name} is {getattr(section, name)}: it must be 1 or more")


@dataclass(frozen=True)
class FewFramesSection:
    """All of the network on few frames of each window, the first and the last among them.

    Attributes:
        learning_rate: the highest; see `OneCycle`.
        max_epochs: all of them are gone through; 0: there is no such stage.
    """

    frames: int = 2
    batch_size: int = 32
    learning_rate: float = 1e-3
    max_epochs: int = 0

    def __post_init__(self) -> None:
        if self.frames < 2 or self.batch_size < 1:
            raise ConfigError("few_frames.frames must be 2 or more, and batch_size 1 or more")


@dataclass(frozen=True)
class FrozenSection(StageSection):
    """The blocks and heads on the frozen backbone; with max_epochs 0 there is no such stage.

    Attributes:
        keep_maps: pass each clip through the backbone once, and train on what comes out;
            without further augmentation.
        looks: of each train clip that is kept so many, each augmented otherwise; an epoch goes
            through all of them.
        clips: only so many of the train clips, drawn by the seed; 0: all.
    """

    batch_size: int = 4
    max_epochs: int = 0
    keep_maps: bool = False
    looks: int = 1
    clips: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_looks("frozen", self.keep_maps, self.looks)


@dataclass(frozen=True)
class WholeSection(FineTuningSection):
    """Backbone, blocks and heads together.

    Attributes:
        from_layer: only the backbone's layers after this one; empty: all of them.
        freeze_batch_norm: keep the backbone's statistics, as after a frozen stage.
        keep_maps, looks: as of [frozen], of the maps of `from_layer`, which stay as they are.
        teacher: a trained .keras of the same tasks and frames, whose answers are learnt, too;
            "": none.
        teacher_weight: their share of the loss.
    """

    batch_size: int = 4
    freeze_batch_norm: bool = False
    keep_maps: bool = False
    looks: int = 1
    teacher: str = ""
    teacher_weight: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_looks("whole", self.keep_maps, self.looks)
        if not 0 < self.teacher_weight <= 1:
            raise ConfigError(
                f"whole.teacher_weight is {self.teacher_weight}: a share above 0, as 0.5"
            )
        if self.keep_maps and not self.from_layer:
            raise ConfigError("whole.keep_maps keeps the maps of whole.from_layer: name a layer")


@dataclass(frozen=True)
class QATSection(StageSection):
    """Fine-tuning for int8 of a network that is trained, which `edge-train --qat` asks for.

    Backbone, blocks and heads learn together, what [whole] leaves alone being left alone here.

    Attributes:
        teacher_weight: share of the loss that is what the network answered before; 0: none.
    """

    batch_size: int = 32
    learning_rate: float = 1e-4
    max_epochs: int = 2
    one_cycle: bool = True
    teacher_weight: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least_one(self, "max_epochs")
        if self.teacher_weight > 1:
            raise ConfigError(f"qat.teacher_weight is {self.teacher_weight}: a share, as 0.5")


def check_looks(stage: str, keep_maps: bool, looks: int) -> None:
    if looks < 1 or (looks > 1 and not keep_maps):
        raise ConfigError(
            f"{stage}.looks is {looks}: it must be 1 or more, and above 1 it needs keep_maps = true"
        )


@dataclass(frozen=True)
class BalanceSection:
    """What each task's loss counts: "fixed", "uncertainty" or "gradient" (see `BalancedModel`)."""

    method: str = "fixed"

    def __post_init__(self) -> None:
        if self.method not in BALANCE_METHODS:
            near = nearest_or_all(self.method, BALANCE_METHODS)
            raise ConfigError(f"balance.method is {self.method!r}{near}")
