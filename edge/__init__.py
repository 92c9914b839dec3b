"""What runs on the board: bundles, sources, preprocessing, engines, stream, sinks."""

from importlib import import_module
from typing import Any

from edge_common import __version__

_PUBLIC = {
    "open_bundle": "edge.bundle.archive",
    "Bundle": "edge.bundle.archive",
    "Stream": "edge.stream.stream",
    "Frame": "edge.stream.preprocess",
    "Decision": "edge.stream.decision",
    "Gallery": "edge.people.gallery",
    "Recogniser": "edge.people.recogniser",
    "read_gallery": "edge.people.gallery",
    "write_gallery": "edge.people.gallery",
    "EdgeError": "edge_common.errors",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that `--help` stays instant."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'edge' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
