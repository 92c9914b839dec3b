"""ORL faces in synthetic motion: which photos and motions serve which use."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_common.errors import ConfigError
from edge_models.datasets.clips import (
    ClipPlan,
    balanced,
    labels_of,
    photos_of,
    plan_clips,
    render_all,
    render_clip,
    write_clips,
)
from edge_models.datasets.dataset import DataSet, Part
from edge_models.datasets.from_files import Request
from edge_models.datasets.motion import ACTIONS, MIRRORED_ACTIONS
from edge_models.datasets.orl import LABELS, PEOPLE, read_photos, split_by_photo
from edge_models.networks.tasks import classification
from edge_models.sections import DataSection


def load(section: DataSection, request: Request) -> DataSet:
    """Plan the clips; they are rendered when they are asked for.

    Raises:
        ConfigError: the people asked for are not there.
        ClipError: the photos are missing, or too few for the split.
    """
    plans = plan_data(section, request.seed)

    def part(plans: Sequence[ClipPlan]) -> Part:
        def clip(index: int) -> np.ndarray:
            return render_clip(plans[index], request.window, request.size)

        return Part(clip, labels_of(plans), photos_of(plans))

    return DataSet(
        "ORL in motion",
        (classification("reid", LABELS[: section.people]), classification("action", ACTIONS)),
        train=part(plans.train), validation=part(plans.validation), test=part(plans.test),
        shape=request.shape, frame_rate_hz=section.frame_rate_hz,
        source="ORL faces in synthetic motion",
        mirrored={"action": np.array(MIRRORED_ACTIONS)},
        impostors=part(plans.impostors) if plans.impostors else None,
    )  # fmt: skip


@dataclass(frozen=True)
class Plans:
    """Clips to be rendered for each use.

    `held_out` shows the photos of `validation` as `train` shows its own; otherwise
    no photo serves two uses. `impostors` are the people beyond those asked for.
    """

    train: list[ClipPlan]
    validation: list[ClipPlan]
    held_out: list[ClipPlan]
    test: list[ClipPlan]
    impostors: list[ClipPlan]


def plan_data(data: DataSection, seed: int) -> Plans:
    """Split the photos and plan the clips of each part.

    Raises:
        ConfigError: the people asked for are not there.
        ClipError: the photos are missing, or too few for the split.
    """
    if not 1 <= data.people <= PEOPLE:
        raise ConfigError(f"data.people is {data.people}: ORL has 1 to {PEOPLE}")
    every = read_photos()
    photos = [photo for photo in every if photo.person < data.people]
    impostors = [photo for photo in every if photo.person >= data.people]
    split = split_by_photo(photos, seed, test=data.test_photos, validation=data.validation_photos)
    return Plans(
        plan_clips(split.train, seed + 1, variants=data.train_variants, flips=True),
        plan_clips(split.validation, seed + 2),
        plan_clips(split.validation, seed + 1, variants=data.train_variants, flips=True),
        plan_clips(split.test, seed + 3),
        _few_motions(plan_clips(impostors, seed + 4)),
    )


def _few_motions(plans: list[ClipPlan]) -> list[ClipPlan]:
    """Two motions of each photo, others of the next: of impostors, photos count, not motions."""
    half = len(ACTIONS) // 2
    return [plan for plan in plans if plan.action % half == plan.photo.number % half]


def export_balanced(section: DataSection, request: Request, folder: Path) -> list[Path]:
    """Write calibration.npz (train photos, balanced) and test.npz (all test clips)."""
    plans = plan_data(section, request.seed)
    sets = {
        "calibration": balanced(plans.train, section.calibration_clips, request.seed),
        "test": plans.test,
    }
    paths = {name: folder / f"{name}.npz" for name in sets}
    for name, path in paths.items():
        write_clips(path, render_all(sets[name], request.window, request.size))
    return list(paths.values())
