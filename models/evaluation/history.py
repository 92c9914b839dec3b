"""How a training went, as its report keeps it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_common import ConfigError, decode
from edge_models.datasets.dataset import DataSet, Subset

REPORT = "report.json"
_USES = {"train": "train", "validation": "validation", "test": "test", "strangers": "impostors"}


@dataclass(frozen=True)
class TrainingHistory:
    """Curves, best epoch (from 0; -1: the stage did not pay) and seconds, by stage.

    known: False of a network of which no report was found.
    """

    history: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    best_epoch: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    is_available: bool = True


@dataclass(frozen=True)
class _Config:
    seed: Any = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Report:
    """What is read here of a report.  label_sums: which older ones lack."""

    config: _Config
    history: dict[str, dict[str, list[Any]]]
    best_epoch: dict[str, int]
    seconds: dict[str, float]
    label_sums: Any = None

    @property
    def course(self) -> TrainingHistory:
        """Raises ValueError or TypeError for a curve that is none; one may end in NaN."""
        curves = {
            stage: {name: [float(value) for value in values] for name, values in each.items()}
            for stage, each in self.history.items()
        }
        return TrainingHistory(curves, self.best_epoch, self.seconds)


def read_history(folder: Path, config: Any, data: DataSet) -> TrainingHistory:
    """What an earlier report tells of the training; of nothing if there is none.

    Args:
        config: the dataclass of the training file that the network is now measured with.

    Raises:
        ConfigError: the network was trained with another seed or other data, so that clips
            it was trained on would be measured; or the report is unreadable.
    """
    path = folder / REPORT
    if not path.exists():
        return TrainingHistory(is_available=False)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        report = decode(_Report, content, ignore_unknown=True)
        course = report.course
    except (OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{path} is no report of edge-train: move it away") from error
    _check_same_clips(path, report.config, asdict(config))
    if report.label_sums not in (None, label_sums(data)):
        raise ConfigError(
            f"files were added or changed since {path} was written: test clips would be others, "
            "which may have been trained on; measure with the data it was trained with"
        )
    return course


def part_of(data: DataSet, use: str) -> Subset | None:
    """The part that a report calls so; None if the data have none."""
    return getattr(data, _USES[use])


def label_sums(data: DataSet) -> dict[str, dict[str, list[float]]]:
    """Of each part and task, the number and the sum of the labels, as a report keeps them."""
    parts = {use: part_of(data, use) for use in _USES}
    return {
        use: {task: [len(v), round(float(np.sum(v)), 3)] for task, v in part.labels.items()}
        for use, part in parts.items()
        if part is not None
    }


def _check_same_clips(path: Path, then: _Config, now: dict[str, Any]) -> None:
    """What decides which clips are kept for the test must be as it was."""
    pairs = {"seed": (then.seed, now["seed"])}
    for key, value in now["data"].items():
        is_left_open = key == "frame_rate_hz" and not value  # to the clips' files
        if key != "path" and key in then.data and not is_left_open:
            pairs[f"data.{key}"] = (then.data[key], value)
    for key, (before, after) in pairs.items():
        if before != after:
            raise ConfigError(
                f"{key} is {after!r}, but {path} says {before!r}: test clips would be others, "
                "which may have been trained on; measure with the file it was trained with"
            )
