"""The one idea at work: one encoder pass a frame, one head pass over a ring of features."""

from edge.stream.decision import Decision
from edge.stream.preprocess import Frame, Preprocessor, Region
from edge.stream.stream import EngineOptions, Naming, Stream

__all__ = [
    "Decision",
    "EngineOptions",
    "Frame",
    "Naming",
    "Preprocessor",
    "Region",
    "Stream",
]
