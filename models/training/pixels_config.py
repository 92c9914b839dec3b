"""A training file whose network is trained from pixels."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_common.data import nearest_or_all, read_toml
from edge_common.errors import ConfigError
from edge_models.datasets.kinds import KINDS, kind_of
from edge_models.training.augment import AugmentationSection
from edge_models.training.config import (
    DATA_KIND,
    DataSection,
    EvaluationSection,
    FineTuningSection,
    NetworkSection,
    StageSection,
    TrainingConfig,
    section,
    weights_by_content,
)

_OWN_SECTIONS = ("few_frames", "frozen", "whole", "augmentation", "loss_weights")


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
            without augmentation.
        clips: only so many of the train clips, drawn by the seed; 0: all.
    """

    batch_size: int = 4
    max_epochs: int = 0
    keep_maps: bool = False
    clips: int = 0


@dataclass(frozen=True)
class WholeSection(FineTuningSection):
    """Backbone, blocks and heads together.

    Attributes:
        from_layer: only the backbone's layers after this one; empty: all of them.
        freeze_batch_norm: keep the backbone's statistics, as after a frozen stage.
    """

    batch_size: int = 4
    freeze_batch_norm: bool = False


@dataclass(frozen=True)
class EndToEndConfig:
    """Everything that decides the outcome of a run.

    Attributes:
        data: the section of one of `KINDS`.
        loss_weights: by task; 1 for those that are not named.
    """

    name: str = "mtdnn"
    seed: int = 0
    licence: str = "Apache-2.0"
    network: NetworkSection = field(default_factory=NetworkSection)
    data: Any = field(default_factory=DataSection)
    augmentation: AugmentationSection = field(default_factory=AugmentationSection)
    loss_weights: dict[str, float] = field(default_factory=dict)
    few_frames: FewFramesSection = field(default_factory=FewFramesSection)
    frozen: FrozenSection = field(default_factory=FrozenSection)
    whole: WholeSection = field(default_factory=WholeSection)
    evaluation: EvaluationSection = field(default_factory=EvaluationSection)

    def __post_init__(self) -> None:
        if not (self.frozen.max_epochs or self.whole.max_epochs):
            raise ConfigError("both frozen.max_epochs and whole.max_epochs are 0: train something")
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
        content = {"kind": kind_of(self.data), **dataclasses.asdict(self)}
        del content["evaluation"]  # what is measured afterwards
        if "path" in content["data"]:
            content["data"]["path"] = ""
        network = content["network"]
        network["backbone_weights"] = weights_by_content(network["backbone_weights"])
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_training_file(path: Path) -> TrainingConfig | EndToEndConfig:
    """Read a TOML file of either recipe.

    One that names a data set other than orl-motion, or has a section of this recipe
    (`few_frames`, `frozen`, `whole`, `augmentation`, `loss_weights`), is trained from pixels; any
    other from features of orl-motion that are computed once.

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
    rest = dict(table)
    data = rest.pop("data", {})
    if not isinstance(data, dict):
        raise ConfigError(f"{where}: key 'data' should be a table, {{...}}, not {data!r:.60}")
    data = dict(data)
    kind = data.pop("kind", DATA_KIND)
    if kind not in list(KINDS):  # a list in a file has no hash
        raise ConfigError(f"{where}: data.kind is {kind!r}{nearest_or_all(str(kind), KINDS)}")
    config = section(EndToEndConfig, rest, where)
    return dataclasses.replace(config, data=section(KINDS[kind].section, data, f"{where}: data"))
