"""What runs on the board: bundles, sources, preprocessing, engines, stream, sinks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edge_common import EdgeError, __version__

if TYPE_CHECKING:
    from edge.bundle import Bundle, open_bundle
    from edge.detector import Detections, Detector, open_detector
    from edge.people.gallery import Gallery, change_gallery, read_gallery, write_gallery
    from edge.people.recogniser import Recogniser
    from edge.scene import Scene, SceneOptions
    from edge.stream import Decision, Frame, Stream

__all__ = [
    "Bundle", "Decision", "Detections", "Detector", "EdgeError", "Frame", "Gallery", "Recogniser",
    "Scene", "SceneOptions", "Stream", "__version__", "change_gallery", "open_bundle",
    "open_detector", "read_gallery", "write_gallery",
]  # fmt: skip

_MODULES = {
    "open_bundle": "edge.bundle",
    "Bundle": "edge.bundle",
    "Detections": "edge.detector",
    "Detector": "edge.detector",
    "open_detector": "edge.detector",
    "Scene": "edge.scene",
    "SceneOptions": "edge.scene",
    "Stream": "edge.stream",
    "Frame": "edge.stream",
    "Decision": "edge.stream",
    "Gallery": "edge.people.gallery",
    "Recogniser": "edge.people.recogniser",
    "change_gallery": "edge.people.gallery",
    "read_gallery": "edge.people.gallery",
    "write_gallery": "edge.people.gallery",
}


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that `--help` stays instant."""
    if name not in _MODULES:
        raise AttributeError(f"module 'edge' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
