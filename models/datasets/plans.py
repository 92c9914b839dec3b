"""Which clips a training file asks for, part by part."""

from dataclasses import dataclass
from pathlib import Path

from edge_common.errors import ConfigError
from edge_models.datasets.clips import ClipPlan, balanced, plan_clips, render_all, write_clips
from edge_models.datasets.motion import ACTIONS
from edge_models.datasets.orl import PEOPLE, read_photos, split_by_photo
from edge_models.training.config import DataSection, TrainingConfig


@dataclass(frozen=True)
class Plans:
    """Clips to be rendered for each use.

    `held_out` shows the photos of `validation` as `train` shows its own; otherwise
    no photo serves two uses. `strangers` are the people beyond those asked for.
    """

    train: list[ClipPlan]
    validation: list[ClipPlan]
    held_out: list[ClipPlan]
    test: list[ClipPlan]
    strangers: list[ClipPlan]


def plan_data(config: TrainingConfig) -> Plans:
    """The clips of a training file; see `plan_clips_of`."""
    return plan_clips_of(config.data, config.seed)


def plan_clips_of(data: DataSection, seed: int) -> Plans:
    """Split the photos and plan the clips of each part.

    Raises:
        ConfigError: the people asked for are not there.
        ClipError: the photos are missing, or too few for the split.
    """
    if not 1 <= data.people <= PEOPLE:
        raise ConfigError(f"data.people is {data.people}: ORL has 1 to {PEOPLE}")
    every = read_photos()
    photos = [photo for photo in every if photo.person < data.people]
    strangers = [photo for photo in every if photo.person >= data.people]
    split = split_by_photo(photos, seed, test=data.test_photos, validation=data.validation_photos)
    return Plans(
        plan_clips(split.train, seed + 1, variants=data.train_variants, flips=True),
        plan_clips(split.validation, seed + 2),
        plan_clips(split.validation, seed + 1, variants=data.train_variants, flips=True),
        plan_clips(split.test, seed + 3),
        _few_motions(plan_clips(strangers, seed + 4)),
    )


def _few_motions(plans: list[ClipPlan]) -> list[ClipPlan]:
    """Two motions of each photo, others of the next: of strangers, photos count, not motions."""
    half = len(ACTIONS) // 2
    return [plan for plan in plans if plan.action % half == plan.photo.number % half]


def export_clip_sets(config: TrainingConfig, folder: Path) -> list[Path]:
    """Write calibration.npz (train photos, balanced) and test.npz (all test clips)."""
    plans = plan_data(config)
    sets = {
        "calibration": balanced(plans.train, config.data.calibration_clips, config.seed),
        "test": plans.test,
    }
    paths = []
    for name, chosen in sets.items():
        paths.append(folder / f"{name}.npz")
        clips = render_all(chosen, config.network.window, config.network.size)
        write_clips(paths[-1], clips)
    return paths
