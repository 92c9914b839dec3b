"""Training step by step, without a graph: of so few steps, tracing would take longer."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge_models.training.from_pixels import PixelTraining


@contextmanager
def train_eagerly() -> Iterator[None]:
    """Steps of training run as the Python they are; all else is traced as ever."""
    prepare = PixelTraining._prepare

    def eager(training, stage):
        fit = prepare(training, stage)
        fit.model.run_eagerly = True
        return fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PixelTraining, "_prepare", eager)
        yield
