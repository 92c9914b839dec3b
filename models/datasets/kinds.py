"""The data sets that a training file can name in [data]."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edge_common import ConfigError
from edge_models.datasets import (
    dataset,
    fashion_motion,
    from_files,
    labelled_clips,
    orl_motion,
    swimmers,
    utkface,
)
from edge_models.sections import DataSection


@dataclass(frozen=True)
class DatasetKind:
    """A data set: what a training file may say of it, and how it is read."""

    section: type
    load: Callable[[Any, from_files.ClipRequest], dataset.DataSet]


KINDS = {
    "orl-motion": DatasetKind(DataSection, orl_motion.load),
    "fashion-motion": DatasetKind(fashion_motion.FashionSection, fashion_motion.load),
    "utkface": DatasetKind(utkface.UTKFaceSection, utkface.load),
    "swimmers": DatasetKind(swimmers.SwimmersSection, swimmers.load),
    "clips": DatasetKind(labelled_clips.ClipsSection, labelled_clips.load),
}


def kind_of(section: object) -> str:
    """The name of the data set that a section describes."""
    return next(name for name, kind in KINDS.items() if kind.section is type(section))


def load_data(section: object, request: from_files.ClipRequest) -> dataset.DataSet:
    """Read the data set that a section describes; raises what its `load` does."""
    return KINDS[kind_of(section)].load(section, request)


def placed(section: Any, folder: str) -> Any:
    """The same section with its files in `folder`. Raises ConfigError if it has none."""
    if not hasattr(section, "path"):
        raise ConfigError(
            f"{kind_of(section)} comes with an installed package: leave --data out, or choose "
            f"a data set of your own in [data], kind = one of {', '.join(KINDS)}"
        )
    return replace(section, path=folder)


def at_fold(section: Any, fold: int) -> Any:
    """The same section, tested with another fold. Raises ConfigError if it has no folds."""
    if not getattr(section, "fold_column", None):
        raise ConfigError(f"{kind_of(section)} has no folds here: name fold_column in [data]")
    return replace(section, fold=fold)
