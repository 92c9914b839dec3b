"""ORL faces in synthetic motion, behind the interface of all data sets."""

from collections.abc import Sequence

import numpy as np

from edge_models.datasets.clips import ClipPlan, labels_of, photos_of, render_clip
from edge_models.datasets.dataset import DataSet, Part
from edge_models.datasets.from_files import Request
from edge_models.datasets.motion import ACTIONS, MIRRORED_ACTIONS
from edge_models.datasets.orl import LABELS
from edge_models.datasets.plans import plan_clips_of
from edge_models.networks.tasks import classification
from edge_models.training.config import DataSection


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
