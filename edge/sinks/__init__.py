"""Where decisions go: JSON lines, an annotated video, a window."""

from edge.sinks.base import Sink
from edge.sinks.jsonl import JsonLines
from edge.sinks.video import VideoFileSink
from edge.sinks.window import Window

__all__ = ["JsonLines", "Sink", "VideoFileSink", "Window"]
