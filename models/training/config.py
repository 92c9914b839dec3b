"""A training run as a TOML file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from edge_common import ConfigError, decode, nearest_or_all, read_toml
from edge_models.datasets import augment, kinds
from edge_models.sections import (
    BalanceSection,
    DataSection,
    EvaluationSection,
    FewFramesSection,
    FineTuningSection,
    FrozenSection,
    NetworkSection,
    QATSection,
    StageSection,
    TargetSection,
    WholeSection,
    check_at_least_one,
    weights_by_content,
)

T = TypeVar("T")

DATA_KIND = "orl-motion"  # if a training file names none
FEATURES_VERSION = 1  # to be raised when clips are rendered differently


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
        check_at_least_one(self.blocks, "max_epochs")
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
            "data": asdict(self.data),
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


_OWN_SECTIONS = (
    "few_frames", "frozen", "whole", "qat", "augmentation", "loss_weights", "balance", "targets",
)  # fmt: skip
# keys that came later decide nothing where they have their default: runs of older files go on
_LATER = {
    "": ("balance", "targets", "label_smoothing"),
    "network": ("temporal_kind",),
    "augmentation": ("retime",),
    "frozen": ("one_cycle", "weight_decay", "average", "looks"),
    "whole": (
        "one_cycle", "weight_decay", "average", "looks", "keep_maps", "teacher", "teacher_weight",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class EndToEndConfig:
    """Everything that decides the outcome of a run.

    Attributes:
        data: the section of one of `KINDS`.
        loss_weights: by task; 1 for those that are not named.
        targets: how numbers are learnt, by task; by their squared error if not named.
        label_smoothing: share of a class's label that training gives to all classes alike.
    """

    name: str = "mtdnn"
    seed: int = 0
    licence: str = "Apache-2.0"
    network: NetworkSection = field(default_factory=NetworkSection)
    data: Any = field(default_factory=DataSection)
    augmentation: augment.AugmentationSection = field(default_factory=augment.AugmentationSection)
    loss_weights: dict[str, float] = field(default_factory=dict)
    balance: BalanceSection = field(default_factory=BalanceSection)
    targets: dict[str, TargetSection] = field(default_factory=dict)
    label_smoothing: float = 0.0
    few_frames: FewFramesSection = field(default_factory=FewFramesSection)
    frozen: FrozenSection = field(default_factory=FrozenSection)
    whole: WholeSection = field(default_factory=WholeSection)
    qat: QATSection = field(default_factory=QATSection)
    evaluation: EvaluationSection = field(default_factory=EvaluationSection)

    def __post_init__(self) -> None:
        if self.label_smoothing >= 1:
            raise ConfigError(f"label_smoothing is {self.label_smoothing}: a share below 1, as 0.1")
        if not (self.frozen.max_epochs or self.whole.max_epochs):
            raise ConfigError("both frozen.max_epochs and whole.max_epochs are 0: train something")
        if self.balance.method == "gradient" and not self.network.spatial_width:
            raise ConfigError(
                'balance.method is "gradient", which weighs by the spatial block, and '
                "network.spatial_width is 0: there is none"
            )
        if self.few_frames.max_epochs and self.few_frames.frames > self.network.window:
            raise ConfigError(
                f"few_frames.frames is {self.few_frames.frames}, and the window has "
                f"{self.network.window}"
            )

    def fingerprint(self) -> str:
        """16 hex digits that change with all that a run's outcome depends on.

        Not with where the data or the weights lie, but with what these hold.

        Raises:
            ConfigError: the file of weights is not there.
        """
        content = {"kind": kinds.kind_of(self.data), **asdict(self)}
        # what says nothing decides nothing, as in files of older versions
        content["data"] = {
            key: value for key, value in content["data"].items() if value not in ({}, [], None)
        }
        defaults = asdict(EndToEndConfig())
        for name, keys in _LATER.items():
            said, usual = (each[name] if name else each for each in (content, defaults))
            for key in (key for key in keys if said[key] == usual[key]):
                del said[key]
        del content["evaluation"], content["qat"]  # what is measured, or learnt, afterwards
        if "path" in content["data"]:
            content["data"]["path"] = ""
        if (teacher := Path(self.whole.teacher)).is_file():
            content["whole"]["teacher"] = hashlib.sha256(teacher.read_bytes()).hexdigest()
        network = content["network"]
        network["backbone_weights"] = weights_by_content(network["backbone_weights"])
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


AnyConfig = TrainingConfig | EndToEndConfig


def read_training_file(path: Path) -> AnyConfig:
    """Read a TOML file of either recipe.

    One that names a data set other than orl-motion, or has a section of this recipe
    (`few_frames`, `frozen`, `whole`, `qat`, `augmentation`, `loss_weights`, `balance`,
    `targets`), is trained from pixels; any other from features of orl-motion that are computed once.

    Raises:
        ConfigError: the file is no TOML, or holds a key or a value that no run has.
    """
    table = read_toml(path)
    own = set(_OWN_SECTIONS) & set(table)
    data = table.get("data", {})
    if isinstance(data, dict) and data.get("kind", DATA_KIND) == DATA_KIND and not own:
        data.pop("kind", None)
        return section(TrainingConfig, table, str(path))
    return training_config(table, str(path))


def training_config(table: Mapping[str, Any], where: str) -> EndToEndConfig:
    """A training from pixels, of what a file says. Raises ConfigError, which begins with `where`."""
    sections = dict(table)
    data = sections.pop("data", {})
    if not isinstance(data, dict):
        raise ConfigError(f"{where}: key 'data' should be a table, {{...}}, not {data!r:.60}")
    data = dict(data)
    kind = data.pop("kind", DATA_KIND)
    if kind not in list(kinds.KINDS):  # a list in a file has no hash
        raise ConfigError(f"{where}: data.kind is {kind!r}{nearest_or_all(str(kind), kinds.KINDS)}")
    config = section(EndToEndConfig, sections, where)
    return replace(config, data=section(kinds.KINDS[kind].section, data, f"{where}: data"))
