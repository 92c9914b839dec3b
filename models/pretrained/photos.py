"""The ORL photos as the pretrained networks are shown them: five a person known, five not."""

from collections.abc import Sequence

import numpy as np

from ..datasets.clips import ClipPlan, balanced, plan_clips, render_clip
from ..datasets.motion import MotionRange
from ..datasets.orl import Photo

# numbers of the photos that a person is known by, and of those to be recognised
PARTS: dict[str, range] = {"gallery": range(1, 6), "probes": range(6, 11), "all": range(1, 11)}
# These networks learned from faces with their hair and chin, nearly all of an ORL photo.
WHOLE_FACE = MotionRange(window_px=(80.0, 92.0))


def part_of(photos: Sequence[Photo], part: str) -> list[Photo]:
    """The photos of one of `PARTS`."""
    return [photo for photo in photos if photo.number in PARTS[part]]


def face_plans(photos: Sequence[Photo], count: int, seed: int) -> list[ClipPlan]:
    """`count` clips, people and motions as evenly as they can be; at most 8 a photo."""
    return balanced(plan_clips(photos, seed), count, seed)


def render_faces(plans: Sequence[ClipPlan], window: int, size: int) -> np.ndarray:
    """Render to uint8 (clips, window, size, size, 3) RGB."""
    frames = np.empty((len(plans), window, size, size, 3), np.uint8)
    for slot, plan in zip(frames, plans, strict=True):
        slot[:] = render_clip(plan, window, size, WHOLE_FACE)
    return frames
