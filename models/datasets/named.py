"""Data sets of this project by name, as windows of any length and size."""

from importlib.resources import files
from pathlib import Path

import numpy as np

from edge.bundle import Resize
from edge.check.clips import Clips
from edge.stream import Resizer
from edge_models.datasets.orl_motion import balanced, plan_data, render_all
from edge_models.training.config import read_config

_TRAINING = "orl_motion_lite.toml"  # whose split decides which photos were never trained on
_TRAIN_CLIPS = 320


def training_file() -> Path:
    """Of the shipped network."""
    return Path(str(files("edge_models") / "configs" / _TRAINING))


def named_clips(name: str, window: int, size: tuple[int, int], resize: Resize = Resize()) -> Clips:
    """The clips of `orl-motion:train` or `orl-motion:test`.

    Each is `window` frames of `size` (width, height). Raises ClipError or ConfigError
    if the data is not installed.
    """
    config = read_config(training_file())
    plans = plan_data(config.data, config.seed)
    parts = {
        "train": lambda: balanced(plans.train, _TRAIN_CLIPS, config.seed),
        "test": lambda: plans.test,
    }
    plans_of_part = parts[name.rpartition(":")[2]]()
    clips = render_all(plans_of_part, window, max(size))
    if size[0] == size[1]:
        return Clips(name, clips.windows, clips.labels)
    resizer = Resizer(size, resize)
    resized = [[resizer(frame).copy() for frame in clip] for clip in clips.windows]
    return Clips(name, np.array(resized), clips.labels)
