"""Clips by path, or by the name of a data set that `models` holds."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge.check.clips import Clips

# spelled out, so that `--help` needs none of what the data sets need
NAMES = ("orl-motion:train", "orl-motion:test")


class ClipsParam(click.ParamType):
    """A path that exists, or one of NAMES."""

    name = "clips"

    def convert(
        self, value: str | Path, param: click.Parameter | None, context: click.Context | None
    ) -> Path:
        if Path(value).exists() or str(value) in NAMES:
            return Path(value)
        self.fail(
            f"there are no clips at '{value}': give a folder, an .npz or one of {', '.join(NAMES)}",
            param,
            context,
        )


def clips_of(source: Path, window: int, size: tuple[int, int]) -> "Clips":
    """Windows of `window` frames of `size` (width, height). Raises ClipError, ConfigError."""
    from edge.check.clips import read_clips

    if str(source) not in NAMES or source.exists():
        return read_clips(source, window, size)
    from edge_models.datasets.named import named_clips

    return named_clips(str(source), window, size)
