"""The idx format of MNIST and its kin, mapped from disk.

Big-endian: two zero bytes, a type code, the number of dimensions, a 32-bit size for
each, then the values (Y. LeCun, C. Cortes, C. Burges, "The MNIST database").
"""

import gzip
import shutil
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_common import ClipError, ConfigError, whole_file
from edge_models.datasets import dataset, from_files
from edge_models.datasets.motion import (
    ACTIONS,
    MIRRORED_ACTIONS,
    MotionRange,
    draw_look,
    draw_motion,
    render,
)

_UINT8 = 0x08


def map_idx(path: Path, cache: Path) -> np.ndarray:
    """Map the bytes of `path`, or of `path`.gz, which is unpacked into `cache` once.

    Returns:
        uint8, of the shape that the file tells.

    Raises:
        ClipError: the file is missing, damaged or cut short, or holds no bytes.
        OSError: the disk is full, or `cache` cannot be written.
    """
    if not path.exists():
        path = _unpacked(path.with_name(f"{path.name}.gz"), cache)
    with path.open("rb") as file:
        shape = _shape(file.read(4 + 4 * 255), path)
    offset = 4 + 4 * len(shape)
    if path.stat().st_size != offset + int(np.prod(shape)) or not np.prod(shape):
        raise ClipError(f"{path} is cut short or empty: fetch the file again")
    return np.memmap(path, np.uint8, "r", offset, shape)


def _shape(head: bytes, path: Path) -> tuple[int, ...]:
    dimensions = head[3] if len(head) >= 4 else 0
    if head[:2] != b"\0\0" or not dimensions or len(head) < 4 + 4 * dimensions:
        raise ClipError(f"{path} is no idx file: fetch the file again")
    if head[2] != _UINT8:
        raise ClipError(f"{path} holds values of type {head[2]:#04x}: only bytes (0x08) are read")
    return struct.unpack(f">{dimensions}I", head[4 : 4 + 4 * dimensions])


def _unpacked(packed: Path, cache: Path) -> Path:
    if not packed.is_file():
        raise ClipError(f"neither {packed.with_suffix('')} nor {packed.name} is there")
    state = packed.stat()
    plain = cache / f"{packed.stem}-{state.st_size}-{state.st_mtime_ns}"
    if not plain.exists():
        cache.mkdir(parents=True, exist_ok=True)
        try:
            with gzip.open(packed) as source, whole_file(plain) as target:
                shutil.copyfileobj(source, target)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ClipError(f"{packed} cannot be unpacked ({error}): fetch it again") from error
    return plain


ITEMS = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
TASKS = (dataset.classification("item", ITEMS), dataset.classification("motion", ACTIONS))
PACKAGED = "/usr/share/datasets/fashion-mnist"  # of Debian's dataset-fashion-mnist
# Items stand on black, so that the camera sees no mirrored second one at the edge.
CANVAS = 64
LIMITS = MotionRange(window_px=(36.0, 44.0))
_SEED_OF_PART = {"train": 1, "validation": 2, "test": 3}


@dataclass(frozen=True)
class FashionSection:
    """Fashion-MNIST in motion.

    Attributes:
        path: the folder of the four idx files, packed (.gz) or not.
        train_items, test_items: the first so many of the files'.
        validation_items: of the train items; they decide when to stop.
        motions: an item is shown in so many of the 8.
    """

    path: str = PACKAGED
    train_items: int = 60_000
    validation_items: int = 2_000
    test_items: int = 10_000
    motions: int = 1
    frame_rate_hz: float = 25.0

    def __post_init__(self) -> None:
        if not 1 <= self.motions <= len(ACTIONS):
            raise ConfigError(f"motions is {self.motions}: an item has 1 to {len(ACTIONS)}")
        if min(self.validation_items, self.test_items) < 1:
            raise ConfigError("validation_items and test_items must be 1 or more")
        if self.validation_items >= self.train_items:
            raise ConfigError(
                f"validation_items is {self.validation_items}: it must be below train_items, "
                f"{self.train_items}"
            )


def load(section: FashionSection, request: from_files.ClipRequest) -> dataset.DataSet:
    """Map the files; clips are rendered when they are asked for.

    Raises:
        ClipError: the files are missing or damaged.
        ConfigError: there are fewer items than are asked for.
    """
    folder = Path(section.path)
    if not folder.is_dir():
        raise ClipError(
            f"{folder} is not there: install Debian's dataset-fashion-mnist, or give the folder "
            "of its .gz files with --data"
        )
    train = _Items(folder, "train", section.train_items, request)
    test = _Items(folder, "t10k", section.test_items, request)
    order = np.random.default_rng(request.seed).permutation(section.train_items)
    held_out = section.validation_items
    return dataset.DataSet(
        "Fashion-MNIST in motion", TASKS,
        train=train.part("train", np.sort(order[held_out:]), section.motions),
        validation=train.part("validation", np.sort(order[:held_out]), section.motions),
        test=test.part("test", np.arange(section.test_items), section.motions),
        shape=request.shape, frame_rate_hz=section.frame_rate_hz,
        source="Fashion-MNIST in synthetic motion",
        mirrored={"motion": np.array(MIRRORED_ACTIONS)}, split_by="item",
    )  # fmt: skip


class _Items:
    """The pictures and labels of one of the two pairs of files."""

    def __init__(
        self, folder: Path, prefix: str, count: int, request: from_files.ClipRequest
    ) -> None:
        self.pictures = map_idx(folder / f"{prefix}-images-idx3-ubyte", request.cache)
        self.labels = map_idx(folder / f"{prefix}-labels-idx1-ubyte", request.cache)
        self.request = request
        if self.pictures.ndim != 3 or self.labels.shape != self.pictures.shape[:1]:
            raise ClipError(
                f"{folder}: {prefix} has {self.labels.shape} labels for pictures "
                f"{self.pictures.shape}: fetch the files again"
            )
        if max(self.pictures.shape[1:]) > CANVAS:
            raise ClipError(f"{folder}: pictures are larger than {CANVAS} pixels")
        if self.labels.max() >= len(ITEMS):
            raise ClipError(f"{folder}: {prefix} has a label {self.labels.max()}, beyond 9")
        if count > len(self.labels):
            raise ConfigError(f"{folder}: {prefix} holds {len(self.labels)} items, not {count}")

    def part(self, use: str, items: np.ndarray, motions: int) -> dataset.Subset:
        """These items, each in its first `motions` motions of an order of its own."""
        seed = (self.request.seed, _SEED_OF_PART[use])
        item = np.repeat(items, motions)
        start = np.random.default_rng(seed).integers(0, len(ACTIONS), len(items))
        motion = (np.repeat(start, motions) + np.tile(np.arange(motions), len(items))) % len(
            ACTIONS
        )

        def clip(index: int) -> np.ndarray:
            random = np.random.default_rng((*seed, index))
            return self._render(self.pictures[item[index]], ACTIONS[motion[index]], random)

        labels = {"item": self.labels[item].astype(np.int64), "motion": motion.astype(np.int64)}
        return dataset.Subset(clip, labels, item)

    def _render(self, picture: np.ndarray, action: str, random: np.random.Generator) -> np.ndarray:
        canvas = np.zeros((CANVAS, CANVAS), np.uint8)
        y, x = ((CANVAS - side) // 2 for side in picture.shape)
        canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        motion = draw_motion(action, self.request.window, random, LIMITS)
        return render(canvas, motion, self.request.size, random, draw_look(random))
