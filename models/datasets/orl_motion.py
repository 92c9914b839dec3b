"""ORL faces in synthetic motion, behind the interface of all data sets."""

from collections.abc import Sequence

import numpy as np

from ..config import DataSection
from ..tasks import classification
from .clips import ClipPlan, labels_of, photos_of, render_clip
from .dataset import DataSet, Part
from .from_files import Request
from .motion import ACTIONS, MIRRORED_ACTIONS
from .orl import LABELS
from .plans import plan_clips_of


def load(section: DataSection, request: Request) -> DataSet:
    """Plan the clips; they are rendered when they are asked for.

    Raises:
        ConfigError: the people asked for are not there.
        ClipError: the photos are missing, or too few for the split.
    """
    plans = plan_clips_of(section, request.seed)

    def part(chosen: Sequence[ClipPlan]) -> Part:
        def clip(index: int) -> np.ndarray:
            return render_clip(chosen[index], request.window, request.size)

        return Part(clip, labels_of(chosen), photos_of(chosen))

    return DataSet(
        "ORL in motion",
        (classification("reid", LABELS[: section.people]), classification("action", ACTIONS)),
        train=part(plans.train), validation=part(plans.validation), test=part(plans.test),
        shape=request.shape, frame_rate_hz=section.frame_rate_hz,
        source="ORL faces in synthetic motion",
        mirrored={"action": np.array(MIRRORED_ACTIONS)},
        strangers=part(plans.strangers) if plans.strangers else None,
    )  # fmt: skip
