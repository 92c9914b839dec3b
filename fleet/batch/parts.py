"""The folder of finished parts beside an output: a batch that is run again goes on there."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_common import DataError, read_json, write_whole
from edge_fleet.batch.rows import read_meta

Bounds = tuple[int, int]
ALL: Bounds = (0, 0)  # a recording that is one chunk


@dataclass(frozen=True)
class Layout:
    """How a recording is cut.  reason: why it is one chunk, if it is."""

    bounds: tuple[Bounds, ...] = (ALL,)
    reason: str = ""


@dataclass(frozen=True)
class PartFolder:
    """Parts by the key of what they hold, each whole or not there."""

    folder: Path

    def layout(self, key: str) -> Layout | None:
        """None: nobody knows yet."""
        path = self.folder / f"{key}.json"
        try:
            content = read_json(path) if path.exists() else None
            return content and Layout(tuple(map(tuple, content["bounds"])), content["reason"])
        except (DataError, KeyError, TypeError):
            return None  # another release's: it is made again

    def keep_layout(self, key: str, layout: Layout) -> None:
        """Raises OSError."""
        content = {"bounds": layout.bounds, "reason": layout.reason}
        write_whole(self.folder / f"{key}.json", json.dumps(content).encode())

    def path(self, key: str, bounds: Bounds) -> Path:
        extent = "all" if bounds == ALL else f"{bounds[0]}-{bounds[1]}"
        return self.folder / f"{key}-{extent}.parquet"

    def missing(self, key: str, layout: Layout) -> list[Bounds]:
        return [each for each in layout.bounds if not self.path(key, each).exists()]

    def keep(self, key: str, bounds: Bounds, data: bytes) -> None:
        """Raises OSError."""
        write_whole(self.path(key, bounds), data)

    def remove(self, key: str, bounds: Iterable[Bounds]) -> None:
        for each in bounds:
            self.path(key, each).unlink(missing_ok=True)

    def metas(self, key: str, layout: Layout) -> list[dict[str, Any]]:
        """What all parts of a recording say. Raises ConfigError, OSError."""
        return [read_meta(str(self.path(key, each))) for each in layout.bounds]


def first_unequal(metas: Sequence[dict[str, Any]]) -> int | None:
    """The first chunk that saw other frames before it than its neighbour; None: all saw the same."""
    pairs = enumerate(zip(metas, metas[1:]), 1)
    return next((n for n, (before, after) in pairs if before["tail"] != after["head"]), None)
