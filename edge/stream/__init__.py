"""The one idea at work: one encoder pass a frame, one head pass over a ring of features."""

from edge.stream.decision import Decision, TrackInfo
from edge.stream.given import (
    Numbers,
    given_beside,
    given_values,
    golden_inputs,
    refuse_missing,
    with_given,
)
from edge.stream.motion_gate import CallsSaved, MotionGate
from edge.stream.network import Network, Window, require_tasks
from edge.stream.options import StreamOptions
from edge.stream.preprocess import FULL, Frame, Preprocessor, Region, Resizer, require_frame
from edge.stream.sampling import FrameSampler
from edge.stream.stream import Naming, Stream
from edge.stream.vectors import from_stored, preprocessor

__all__ = [
    "FULL",
    "CallsSaved",
    "Decision",
    "Frame",
    "FrameSampler",
    "MotionGate",
    "Naming",
    "Network",
    "Numbers",
    "Preprocessor",
    "Region",
    "Resizer",
    "Stream",
    "StreamOptions",
    "TrackInfo",
    "Window",
    "from_stored",
    "given_beside",
    "given_values",
    "golden_inputs",
    "preprocessor",
    "refuse_missing",
    "require_frame",
    "require_tasks",
    "with_given",
]
