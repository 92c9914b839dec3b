"""UTKFace: one face a picture, age, gender and race in its name.

Z. Zhang, Y. Song, H. Qi, "Age Progression/Regression by Conditional Adversarial
Autoencoder", CVPR 2017. Names are `AGE_GENDER_RACE_DATE.jpg`; of the aligned pictures
`AGE_GENDER_RACE_DATE.jpg.chip.jpg`. Folders within the folder are read as well.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edge.sources.images import read_image
from edge_common import ClipError, ConfigError
from edge_models.datasets import dataset, decoding, from_files, perceptual, tables

RACES = ("white", "black", "asian", "indian", "others")
GENDERS = ("male", "female")
MAX_AGE = 116.0  # years, of the oldest in the data set
TASKS = (
    dataset.regression("age", unit="years", scale=MAX_AGE),
    dataset.classification("race", RACES),
    dataset.classification("gender", GENDERS),
)
# two names of the data set have a space, or no dot, behind the date
_NAME = re.compile(r"(\d+)_(\d+)_(\d+)_(\d+) ?(\.?jpg\.chip)?\.jpe?g", re.IGNORECASE)
TABLE = "index.csv"  # if it is there: file, age, gender, race, and which photos stay together


@dataclass(frozen=True)
class UTKFaceSection(tables.TableSection):
    """UTKFace; a face is shown for as many equal frames as the window has.

    If the folder holds an `index.csv`, labels are those of its columns, and its columns `group`
    and `split` are used unless the training file names others ("": none). Without it, files that
    show the same photo are a group (group = "": each is its own).
    """


def load(section: UTKFaceSection, request: from_files.ClipRequest) -> dataset.DataSet:
    """Read a folder of UTKFace's pictures.

    Raises:
        ClipError: the folder is missing, or holds too few pictures that can be used.
        ConfigError: no folder is given, or the shares leave nothing to train on.
    """
    folder = section.folder()
    if (folder / TABLE).is_file():
        content = _from_table(folder, section)
    else:
        content = _from_names(folder, section, request.cache)

    def read(path: Path) -> Iterator[decoding.ClipWindow]:
        pixels = read_image(path)
        if pixels is None:
            raise ClipError("the picture cannot be read")
        resized = cv2.resize(pixels, (request.size,) * 2, interpolation=cv2.INTER_AREA)
        yield decoding.ClipWindow(np.repeat(resized[None, ..., ::-1], request.window, axis=0))

    return from_files.data_set("UTKFace", content, read, request, section, "UTKFace", "utkface")


def _from_table(folder: Path, section: UTKFaceSection) -> from_files.FolderContent:
    table = tables.read_table(folder / TABLE)
    file, *_ = table.header
    table.check_columns("age", "gender", "race")
    if section.group is None and "group" in table.header:
        section = replace(section, group="group")
    parts_are_chosen = section.split is not None or section.fold_column or section.has_filters
    if not parts_are_chosen and "split" in table.header:
        section = replace(section, split="split")
    rows, skipped = tables.placed_rows(table, section)
    items = []
    for row in rows:
        try:
            labels = _labels_of(row.cells, folder / row.cells[file])
            items.append(from_files.Item(folder / row.cells[file], labels, row.group, row.part))
        except ValueError as error:
            skipped.append(dataset.Skipped(row.cells[file], str(error)))
    return from_files.FolderContent(items, TASKS, skipped, section.split_by)


def _labels_of(row: tables.Row, path: Path) -> tuple[float, float, float]:
    """Of a row of the table. Raises ValueError, with the reason, if it is of no use."""
    if not path.is_file():
        raise ValueError("no such file")
    if row["gender"] not in GENDERS or row["race"] not in RACES:
        raise ValueError(
            f"gender {row['gender']!r} and race {row['race']!r} are no labels of UTKFace"
        )
    try:
        age = float(row["age"])
    except ValueError:
        raise ValueError(f"age {row['age']!r} is no number") from None
    if not 0 <= age <= MAX_AGE:
        raise ValueError(f"age {row['age']} is not 0 to {MAX_AGE:.0f}")
    return age, float(RACES.index(row["race"])), float(GENDERS.index(row["gender"]))


def _from_names(folder: Path, section: UTKFaceSection, cache: Path) -> from_files.FolderContent:
    if section.columns_for_parts:
        raise ConfigError(f"[data] names columns, and {folder} holds no {TABLE} that has them")
    paths = sorted(p for p in folder.rglob("[!.]*") if p.is_file())
    items, skipped = _each_once(*from_files.parse_names(paths, labels_in))
    if section.group is not None or not items:
        return from_files.FolderContent(items, TASKS, skipped)
    return from_files.FolderContent(_by_photo(items, cache), TASKS, skipped, "photo")


def _by_photo(items: Sequence[from_files.Item], cache: Path) -> list[from_files.Item]:
    """The same, those together that show one photo under different names."""
    hashes = decoding.file_hashes([item.path for item in items], cache)
    firsts = perceptual.joined(len(items), perceptual.near_pairs(hashes, hashes).tolist())
    return [replace(item, group=items[n].path.name) for item, n in zip(items, firsts)]


def _each_once(
    items: list[from_files.Item], skipped: list[dataset.Skipped]
) -> tuple[list[from_files.Item], list[dataset.Skipped]]:
    """Of a picture that is there aligned as well, or twice, the first: no part sees another's."""
    first: dict[str, from_files.Item] = {}
    again = []
    for item in items:
        original = first.setdefault(item.path.name.split(".")[0], item)
        if original is not item:
            again.append(
                dataset.Skipped(item.path.name, f"the same picture as {original.path.name}")
            )
    return list(first.values()), [*skipped, *again]


def labels_in(path: Path) -> tuple[float, float, float]:
    """Age in years, race and gender. Raises ValueError if the name tells no such thing."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError("the name is not AGE_GENDER_RACE_DATE.jpg")
    age, gender, race = (int(group) for group in match.groups()[:3])
    if age > MAX_AGE:
        raise ValueError(f"age {age} is not 0 to {MAX_AGE:.0f}")
    if gender >= len(GENDERS):
        raise ValueError(f"gender {gender} is not 0 or 1")
    if race >= len(RACES):
        raise ValueError(f"race {race} is not 0 to {len(RACES) - 1}")
    return float(age), float(race), float(gender)
