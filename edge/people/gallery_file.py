"""Galleries on disk: an `.npz` of plain arrays, nothing executable in it.

schema       integer, 1
network      text, hash of the network's parts
bundle, task text, names of the bundle and of its task
names        text (people,)
person       integer (n,), which of the names a descriptor belongs to
descriptors  float32 (n, d), each of length one
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from edge.errors import GalleryError
from edge.people.gallery import Gallery
from edge.whole_file import whole_file

SCHEMA = 1
_ARRAYS = {"schema", "network", "bundle", "task", "names", "person", "descriptors"}


def write_gallery(path: str | Path, gallery: Gallery) -> None:
    """Write it whole or not at all. Raises GalleryError where it cannot be written."""
    path = Path(path)
    names = sorted(gallery.people)
    counts = [len(gallery.people[name]) for name in names]
    none = np.empty((0, gallery.size), np.float32)
    try:
        with whole_file(path) as stream:
            np.savez(
                stream,
                schema=np.int64(SCHEMA),
                network=np.array(gallery.network),
                bundle=np.array(gallery.bundle),
                task=np.array(gallery.task),
                names=np.array(names, dtype=np.str_),
                person=np.repeat(np.arange(len(names), dtype=np.int64), counts),
                descriptors=np.concatenate([none, *(gallery.people[name] for name in names)]),
            )
    except OSError as error:
        raise GalleryError(
            f"{path} cannot be written ({error.strerror or error}): choose another --gallery"
        ) from error


def read_gallery(path: str | Path) -> Gallery:
    """Read and check a gallery.

    Raises GalleryError where it is missing, damaged, of another version, or no gallery.
    """
    path = Path(path)
    if not path.exists():
        raise GalleryError(f"there is no gallery {path}: make it with 'edge-run enroll NAME'")
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            raise ValueError("a single array")
        with found as arrays:
            content = {name: arrays[name] for name in arrays.files if name in _ARRAYS}
        return _gallery(content)
    except (GalleryError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise GalleryError(
            f"{path} is no readable gallery ({str(error) or type(error).__name__}): copy it "
            "again, or enroll its people anew"
        ) from error


def _gallery(content: dict[str, np.ndarray]) -> Gallery:
    """The typed form. Raises ValueError or GalleryError where the arrays do not fit together."""
    if missing := _ARRAYS - content.keys():
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    if content["schema"].shape != () or content["schema"].dtype.kind != "i":
        raise ValueError("its schema is no number")
    if content["schema"] != SCHEMA:
        raise ValueError(f"it has version {content['schema']}, this edge-run reads {SCHEMA}")
    for name in ("network", "bundle", "task"):
        _require(content[name].shape == () and content[name].dtype.kind == "U", name)
    names, person, rows = content["names"], content["person"], content["descriptors"]
    _require(names.ndim == 1 and names.dtype.kind == "U", "names")
    _require(len(set(names.tolist())) == len(names), "names")
    _require(rows.ndim == 2 and rows.dtype == np.float32 and rows.shape[1] > 0, "descriptors")
    _require(person.shape == rows.shape[:1] and person.dtype.kind == "i", "person")
    _require(set(person.tolist()) == set(range(len(names))), "person")
    gallery = Gallery(
        str(content["network"]), str(content["bundle"]), str(content["task"]), rows.shape[1]
    )
    for index, name in enumerate(names.tolist()):
        gallery = gallery.with_person(name, rows[person == index])
    return gallery


def _require(condition: bool, array: str) -> None:
    if not condition:
        raise ValueError(f"its array '{array}' is of another form")
