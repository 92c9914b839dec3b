"""Where frames come from. A file and a camera are used the same way."""

from edge.sources.base import Source
from edge.sources.open import open_source

__all__ = ["Source", "open_source"]
