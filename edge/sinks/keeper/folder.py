"""A folder of clips, each a folder of frames, with their table, within a quota."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.sinks.keeper.table import KEPT, Columns, LabelTable
from edge.sinks.quota import Quota
from edge_common import SinkError, sync_folder, whole_path

TABLE, FACTS = "clips.csv", "kept.json"
LEAVES = ("surest", "oldest")
_BLOCK = 4096  # bytes that a name, and the end of a file, take on disk
_SIDE = 16  # of a frame's thumbnail
# levels (root mean square) by which two thumbnails of one scene differ at most: noise of a camera
# is below 2, somebody who moved above 10
SAME_SCENE = 6.0
_OWN = re.compile(r"\d{8}T\d{6}_\d{3}Z-[\w-]+")


@dataclass(frozen=True)
class NewClip:
    """One to be kept.  frames: uint8 BGR (H, W, 3), oldest first.  cells: of its row.

    unsureness: 0 to 1.
    """

    name: str
    frames: Sequence[np.ndarray]
    cells: Mapping[str, str]
    unsureness: float


@dataclass(frozen=True)
class _Clip:
    """One that is kept.  size: bytes on disk.  thumbnail: see `thumbnail`."""

    cells: Mapping[str, str]
    unsureness: float
    size: int
    thumbnail: np.ndarray


def thumbnail(frames: Sequence[np.ndarray]) -> np.ndarray:
    """The first, the middle and the last frame, small and grey: uint8 (3, 16, 16).

    Means over areas, of which noise changes little; a hash of which neighbour is brighter (as
    trainings look for leaks with) changes in each even area of a camera's frame.
    """
    ends = (frames[0], frames[len(frames) // 2], frames[-1])
    greys = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in ends]
    return np.stack([cv2.resize(g, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for g in greys])


def is_same_scene(thumbnails: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether each of (n, 3, 16, 16) shows what the other (3, 16, 16) does: bool (n,)."""
    differences = thumbnails.astype(np.float32) - other.astype(np.float32)
    return np.asarray(np.sqrt((differences**2).mean((1, 2, 3))) <= SAME_SCENE)


class ClipFolder:
    """Clips in the form that `edge-train` and `edge-convert --calibration` read.

    A clip is there whole or not at all, and the table is made of the clips and what people wrote
    into it: a kill between both costs nothing. Clips with labels, and all that others put here,
    stay, and labelled ones count.
    leaves: of `LEAVES`, what goes first if there is no room.  similar: clips of one scene, at most.
    Raises SinkError if it cannot be written.
    """

    def __init__(self, quota: Quota, columns: Columns, leaves: str, similar: int) -> None:
        self.columns, self.table = columns, quota.folder / TABLE
        self._quota, self._folder, self._leaves, self._similar = (
            quota,
            quota.folder,
            leaves,
            similar,
        )
        self._clips: dict[str, _Clip] = {}

    def create(self) -> None:
        """The folder itself, before it is locked."""
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)

    def open(self) -> None:
        """Look at what is there, remove what a kill left behind, and bring the table up to date."""
        with self._writing():
            for path in self._folder.glob(".*"):
                if path.is_dir() and _OWN.match(path.name[1:]):
                    shutil.rmtree(path)
            self._look()
            self._table().write()
        self.remove_old()

    def remove_old(self) -> None:
        """Clips that are too old, but for those that people have labelled."""
        if not self._quota.has_age:
            return
        with self._writing():
            self._look()
            table = self._table()
            names = [n for n in self._clips if self._quota.is_old(self._folder / n / FACTS)]
            if names := [name for name in names if not table.is_labelled(name)]:
                self._drop(names, table)

    def keep(self, clip: NewClip) -> bool:
        """Whether it is kept: not if there is enough of its scene, or no room beside surer ones."""
        with self._writing():
            self._look()
            small = thumbnail(clip.frames)
            if self._count_similar(small) >= self._similar or clip.name in self._clips:
                return False
            cells = {**clip.cells, f"{KEPT}unsureness": f"{clip.unsureness:.4f}"}
            facts = {
                "cells": cells,
                "unsureness": clip.unsureness,
                "thumbnail": small.tobytes().hex(),
            }
            files = {
                f"{n:04d}.png": bytes(cv2.imencode(".png", frame)[1])
                for n, frame in enumerate(clip.frames)
            }
            files[FACTS] = json.dumps(facts).encode()
            table = self._table()
            table.add(clip.name, cells, self.columns.labels)
            if not self._make_room(files, table, clip.unsureness):
                return False
            path = self._folder / clip.name
            self._write(path, files)
            self._clips[clip.name] = _Clip(cells, clip.unsureness, _size(path), small)
            table.write()
            return True

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SinkError(
                f"{self._folder} cannot be written ({error.strerror}): free some space, or give "
                "another folder"
            ) from error

    def _look(self) -> None:
        """Take notice of clips that came or went since."""
        with os.scandir(self._folder) as entries:
            names = {entry.name for entry in entries if _OWN.fullmatch(entry.name)}
        for name in self._clips.keys() - names:
            del self._clips[name]
        for name in names - self._clips.keys():
            if clip := _read_clip(self._folder / name):
                self._clips[name] = clip

    def _table(self) -> LabelTable:
        """As it is, without rows of clips that are gone, and with those of all that are there."""
        table = LabelTable(self.table, self.columns)
        for name in [n for n in table.rows if _OWN.fullmatch(n) and n not in self._clips]:
            if not (self._folder / name).is_dir():
                del table.rows[name]
        for name in sorted(self._clips):
            table.add(name, self._clips[name].cells, self.columns.labels)
        return table

    def _count_similar(self, small: np.ndarray) -> int:
        thumbnails = [clip.thumbnail for clip in self._clips.values()]
        return int(is_same_scene(np.stack(thumbnails), small).sum()) if thumbnails else 0

    def _make_room(self, files: Mapping[str, bytes], table: LabelTable, unsureness: float) -> bool:
        """Remove what goes first until the new clip fits; whether it does.

        Raises SinkError if there is nothing to remove.
        """
        size = sum(map(_on_disk, map(len, files.values()))) + 2 * _BLOCK
        tables = 2 * _on_disk(len(table.content()))  # while it is replaced there are two
        names = sorted(
            (name for name in self._clips if not table.is_labelled(name)),
            key=lambda name: (self._clips[name].unsureness * (self._leaves == LEAVES[0]), name),
        )
        leaving: list[str] = []
        total = sum(clip.size for clip in self._clips.values()) + size + tables
        freed = 0
        while total - freed > self._quota.most_bytes or not self._quota.fits(size + tables - freed):
            if not names:
                raise SinkError(
                    f"{self._folder}: {size / 1e6:.1f} MB more do not fit beside clips that have "
                    "labels: free some space, or allow more"
                )
            name = names.pop(0)
            if self._leaves == LEAVES[0] and self._clips[name].unsureness > unsureness:
                return False
            leaving.append(name)
            freed += self._clips[name].size
        if leaving:
            self._remove(leaving, table)
        return True

    def _remove(self, names: Sequence[str], table: LabelTable) -> None:
        """From the table first: no row is ever without its clip."""
        new = table.rows.popitem()
        self._drop(names, table)
        table.rows[new[0]] = new[1]

    def _drop(self, names: Sequence[str], table: LabelTable) -> None:
        for name in names:
            table.rows.pop(name, None)
        table.write()
        for name in names:
            hidden = self._folder / f".{name}.gone"
            os.rename(self._folder / name, hidden)
            del self._clips[name]
            shutil.rmtree(hidden)

    def _write(self, path: Path, files: Mapping[str, bytes]) -> None:
        with whole_path(path) as partial:
            partial.mkdir()
            for name, content in files.items():
                with (partial / name).open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            sync_folder(partial)


def _read_clip(path: Path) -> _Clip | None:
    """None if nobody kept it here, or somebody changed what it says."""
    try:
        facts = json.loads((path / FACTS).read_bytes())
        pixels = np.frombuffer(bytes.fromhex(facts["thumbnail"]), np.uint8)
        small = pixels.reshape(3, _SIDE, _SIDE)
        return _Clip(dict(facts["cells"]), float(facts["unsureness"]), _size(path), small)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _size(folder: Path) -> int:
    """Bytes on disk of a clip."""
    paths = [folder, *folder.iterdir()]
    return sum(path.stat().st_blocks * 512 for path in paths)


def _on_disk(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
