"""A network as its source gives it: float parts, its tasks, and an oracle."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.bundle.manifest import SINGLE_FRAME, WHOLE_WINDOW, WINDOW_RING
from edge.tasks import Task
from edge_convert.cut.keras.candidates import CutCandidate, table
from edge_convert.precision.parts import FloatPart


@dataclass(frozen=True)
class Network:
    """What a conversion starts from, whatever format it came in.

    size: (height, width, channels) of a frame.  parts: encoder and head, or one `model`.
    reference: the uncut network, real input (1, T, H, W, C) float32 -> {task: (1, k)}.
    candidates, selected_cut: where it could be cut, and where it is.
    uncut: why there is only one part.
    origin: the format, and what read it.  whole: makes the uncut Keras network
    as TFLite's own converter takes it.
    """

    name: str
    origin: str
    window: int
    size: tuple[int, int, int]
    tasks: tuple[Task, ...]
    parts: tuple[FloatPart, ...]
    reference: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    candidates: tuple[CutCandidate, ...] = ()
    selected_cut: CutCandidate | None = None
    uncut: str = ""
    whole: Callable[[], Any] | None = None

    @property
    def cuts(self) -> str:
        """The table of possible cuts, if there are any."""
        if self.selected_cut is None:
            return ""
        return table(self.candidates, self.selected_cut, self.window)

    @property
    def streaming(self) -> str:
        """The kind of streaming that the parts allow."""
        if len(self.parts) > 1:
            return WINDOW_RING
        return WHOLE_WINDOW if self.window > 1 else SINGLE_FRAME
