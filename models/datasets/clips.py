"""Clip sets: ORL faces in synthetic motion, and the project's clip format.

The format is one `.npz` with `clips`, uint8 (N, T, H, W, 3) RGB, and one
integer array (N,) a task under the task's name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.check.clips import Clips
from edge_common.files import whole_file
from edge_models.datasets.motion import ACTIONS, MotionRange, draw_look, draw_motion, render
from edge_models.datasets.orl import LABELS, Photo

CAMERA_SIZES = (160, 240, 320, 360, 400, 480)
TASK_LABELS = {"reid": LABELS, "action": ACTIONS}


@dataclass(frozen=True)
class ClipPlan:
    """One clip to be rendered: everything but its pixels."""

    photo: Photo
    action: int
    seed: tuple[int, ...]
    flip: bool = False


def plan_clips(
    photos: Sequence[Photo], seed: int, *, variants: int = 1, flips: bool = False
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
