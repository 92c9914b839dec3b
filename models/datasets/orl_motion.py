"""ORL faces in synthetic motion: which photos and motions serve which use, and the clips of them.

The clip format is one `.npz` with `clips`, uint8 (N, T, H, W, 3) RGB, and one
integer array (N,) a task under the task's name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.check.clips import Clips
from edge_common import ConfigError, whole_file
from edge_models.datasets import dataset, from_files, orl
from edge_models.datasets.motion import (
    ACTIONS,
    MIRRORED_ACTIONS,
    MotionRange,
    draw_look,
    draw_motion,
    render,
)
from edge_models.sections import DataSection

CAMERA_SIZES = (160, 240, 320, 360, 400, 480)

TASK_LABELS = {"reid": orl.LABELS, "action": ACTIONS}


@dataclass(frozen=True)
class ClipPlan:
    """One clip to be rendered: everything but its pixels."""

    photo: orl.Photo
    action: int
    seed: tuple[int, ...]
    flip: bool = False


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


def load(section: DataSection, request: from_files.ClipRequest) -> dataset.DataSet:
    """Plan the clips; they are rendered when they are asked for.

    Raises:
        ConfigError: the people asked for are not there.
        ClipError: the photos are missing, or too few for the split.
    """
    plans = plan_data(section, request.seed)

    def part(plans: Sequence[ClipPlan]) -> dataset.Subset:
        def clip(index: int) -> np.ndarray:
            return render_clip(plans[index], request.window, request.size)

        return dataset.Subset(clip, labels_of(plans), photos_of(plans))

    return dataset.DataSet(
        "ORL in motion",
        (
            dataset.classification("reid", orl.LABELS[: section.people]),
            dataset.classification("action", ACTIONS),
        ),
        train=part(plans.train), validation=part(plans.validation), test=part(plans.test),
        shape=request.shape, frame_rate_hz=section.frame_rate_hz,
        source="ORL faces in synthetic motion",
        mirrored={"action": np.array(MIRRORED_ACTIONS)}, split_by="photo",
        impostors=part(plans.impostors) if plans.impostors else None,
    )  # fmt: skip


def plan_data(data: DataSection, seed: int) -> Plans:
    """Split the photos and plan the clips of each part.

    Raises:
        ConfigError: the people asked for are not there.
        ClipError: the photos are missing, or too few for the split.
    """
    if not 1 <= data.people <= orl.PEOPLE:
        raise ConfigError(f"data.people is {data.people}: ORL has 1 to {orl.PEOPLE}")
    every = orl.read_photos()
    photos = [photo for photo in every if photo.person < data.people]
    impostors = [photo for photo in every if photo.person >= data.people]
    split = orl.split_by_photo(
        photos, seed, test=data.test_photos, validation=data.validation_photos
    )
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


def export_balanced(
    section: DataSection, request: from_files.ClipRequest, folder: Path
) -> list[Path]:
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


def plan_clips(
    photos: Sequence[orl.Photo], seed: int, *, variants: int = 1, flips: bool = False
) -> list[ClipPlan]:
    """Every photo in every action, `variants` times, each with a seed of its own.

    With `flips` every second variant shows the photo mirrored (before it moves).
    """
    return [
        ClipPlan(
            photo, action, (seed, variant, photo.person, photo.number, action),
            flips and (variant + action + photo.number) % 2 == 1,
        )
        for variant in range(variants)
        for photo in photos
        for action in range(len(ACTIONS))
    ]  # fmt: skip


def render_clip(
    plan: ClipPlan, length: int, size: int, limits: MotionRange = MotionRange()
) -> np.ndarray:
    """Render one plan to uint8 (length, size, size, 3) RGB.

    Half of the clips are filmed at a camera's size and resized bilinearly, as
    deployment does.
    """
    random = np.random.default_rng(plan.seed)
    motion = draw_motion(ACTIONS[plan.action], length, random, limits)
    look = draw_look(random)
    camera = int(random.choice(CAMERA_SIZES)) if random.random() < 0.5 else None
    pixels = plan.photo.pixels[:, ::-1] if plan.flip else plan.photo.pixels
    return render(np.ascontiguousarray(pixels), motion, size, random, look, camera)


def labels_of(plans: Sequence[ClipPlan]) -> dict[str, np.ndarray]:
    """Labels of the plans: int64 (N,) under `reid` and `action`."""
    return {
        "reid": np.array([plan.photo.person for plan in plans], np.int64),
        "action": np.array([plan.action for plan in plans], np.int64),
    }


def photos_of(plans: Sequence[ClipPlan]) -> np.ndarray:
    """A number for the photo of each plan: int64 (N,)."""
    return np.array([plan.photo.person * 100 + plan.photo.number for plan in plans], np.int64)


def render_batches(
    plans: Sequence[ClipPlan], length: int, size: int, batch: int
) -> Iterator[np.ndarray]:
    """Yield uint8 (<= batch, length, size, size, 3) for consecutive plans."""
    for start in range(0, len(plans), batch):
        yield np.stack([render_clip(plan, length, size) for plan in plans[start : start + batch]])


def render_all(plans: Sequence[ClipPlan], length: int, size: int) -> Clips:
    """Render all plans into one clip set."""
    frames = np.empty((len(plans), length, size, size, 3), np.uint8)
    for slot, plan in zip(frames, plans, strict=True):
        slot[:] = render_clip(plan, length, size)
    return Clips("rendered", frames, labels_of(plans))


def balanced(plans: Sequence[ClipPlan], count: int, seed: int) -> list[ClipPlan]:
    """Pick `count` plans, actions and people as evenly as they can be."""
    order = np.random.default_rng(seed).permutation(len(plans))
    uses: dict[tuple[str, int], int] = {}
    selection: list[ClipPlan] = []
    remaining = [plans[i] for i in order]
    while remaining and len(selection) < count:
        plan = min(remaining, key=lambda p: _uses(uses, p))
        remaining.remove(plan)
        selection.append(plan)
        for key in _keys(plan):
            uses[key] = uses.get(key, 0) + 1
    return selection


def write_clips(path: Path, clips: Clips) -> None:
    """Write a clip set; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        arrays: dict[str, Any] = {"clips": clips.windows, **clips.labels}
        np.savez(file, **arrays)


def _keys(plan: ClipPlan) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("action", plan.action), ("person", plan.photo.person)


def _uses(uses: dict[tuple[str, int], int], plan: ClipPlan) -> tuple[int, int]:
    action, person = _keys(plan)
    return uses.get(action, 0) + uses.get(person, 0), uses.get(action, 0)
