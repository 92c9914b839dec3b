"""A training file whose network is trained from pixels."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import ConfigError

from ..config import (
    DATA_KIND,
    DataSection,
    FineTuningSection,
    NetworkSection,
    StageSection,
    TrainingConfig,
    nearest,
    read_table,
    section,
)
from ..datasets.kinds import KINDS, kind_of
from .augment import AugmentationSection

_OWN_SECTIONS = ("frozen", "whole", "augmentation", "loss_weights")


@dataclass(frozen=True)
class FrozenSection(StageSection):
    """The blocks and heads on the frozen backbone; with max_epochs 0 there is no such stage."""

    batch_size: int = 4
    max_epochs: int = 0


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
    frozen: FrozenSection = field(default_factory=FrozenSection)
    whole: WholeSection = field(default_factory=WholeSection)

    def __post_init__(self) -> None:
        if not (self.frozen.max_epochs or self.whole.max_epochs):
            raise ConfigError("both frozen.max_epochs and whole.max_epochs are 0: train something")

    def fingerprint(self) -> str:
        """16 hex digits that change with all that a run's outcome depends on."""
        content = {"kind": kind_of(self.data), **dataclasses.asdict(self)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_training_file(path: Path) -> TrainingConfig | EndToEndConfig:
    """Read a TOML file of either recipe.

    One that names a data set other than orl-motion, or has a section of this recipe
    (`frozen`, `whole`, `augmentation`, `loss_weights`), is trained from pixels; any
    other from features of orl-motion that are computed once.

    Raises:
        ConfigError: the file is no TOML, or holds a key or a value that no run has.
    """
    table = read_table(path)
    data = table.get("data", {})
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: data must be a section, written [data]")
    kind = data.pop("kind", DATA_KIND)
    if kind not in KINDS:
        raise ConfigError(f"{path}: data.kind is {kind!r}{nearest(str(kind), KINDS)}")
    if kind == DATA_KIND and not set(_OWN_SECTIONS) & set(table):
        return section(TrainingConfig, table, str(path))
    table.pop("data", None)
    config = section(EndToEndConfig, table, str(path))
    return dataclasses.replace(config, data=section(KINDS[kind].section, data, f"{path}: data"))
