"""People and the descriptors that they are known by, in memory and as `.npz` files."""

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge.bundle import Bundle
from edge.tasks import UNKNOWN, Task, kind_of
from edge_common import GalleryError, archives, locked, whole_file

_LONGEST_NAME = 40
_SHORTEST = 1e-6  # what has no length has no direction


@dataclass(frozen=True)
class Gallery:
    """What one network says of some people.

    network: `network_of` the bundle whose descriptors these are; no other's fit.
    bundle: its name, for messages.  task: the one that gives the descriptors.
    people: by name, float32 (n, d), n >= 1, each row of length one.
    """

    network: str
    bundle: str
    task: str
    size: int
    people: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, bundle: Bundle) -> "Gallery":
        """An empty one. Raises GalleryError if the bundle gives no descriptor."""
        task = descriptor_task(bundle)
        tensors = {tensor.name: tensor for tensor in bundle.manifest.last_part.outputs}
        size = int(np.prod(tensors[task.name].shape[1:]))
        return cls(network_of(bundle), bundle.manifest.name, task.name, size)

    def with_person(self, name: str, descriptors: np.ndarray) -> "Gallery":
        """Together with `descriptors` (n, d), added to those that `name` has.

        Raises GalleryError if the name or the descriptors cannot be used.
        """
        name, new = checked_name(name), np.asarray(descriptors, np.float32)
        if new.ndim != 2 or not len(new) or new.shape[1] != self.size:
            raise GalleryError(
                f"descriptors {new.shape} do not fit a gallery of {self.size} numbers each: "
                "take the descriptors of its own bundle"
            )
        descriptors_before = self.people.get(name, np.empty((0, self.size), np.float32))
        people = {**self.people, name: np.concatenate([descriptors_before, unit(new)])}
        return replace(self, people=people)

    def without(self, name: str) -> "Gallery":
        """Without a person. Raises GalleryError if nobody is called so."""
        if checked_name(name) not in self.people:
            names = ", ".join(sorted(self.people)) or "nobody"
            raise GalleryError(f"nobody is called '{name}': the gallery holds {names}")
        return replace(
            self, people={n: d for n, d in self.people.items() if n != checked_name(name)}
        )

    def check_fits(self, bundle: Bundle, source: str) -> None:
        """Raise GalleryError if the descriptors are those of another network."""
        own = Gallery.of(bundle)
        if (self.network, self.task, self.size) != (own.network, own.task, own.size):
            raise GalleryError(
                f"{source} was made with another network ('{self.bundle}', {self.size} numbers) "
                f"than this bundle ('{own.bundle}', {own.size} numbers): enroll its people anew, "
                "into another file"
            )


def descriptor_task(bundle: Bundle) -> Task:
    """The task that tells people apart. Raises GalleryError if there is none."""
    for task in bundle.manifest.tasks:
        if kind_of(task).is_descriptor:
            return task
    tasks = ", ".join(task.name for task in bundle.manifest.tasks) or "where something is"
    raise GalleryError(
        f"the bundle '{bundle.manifest.name}' cannot tell people apart: it answers {tasks}, and "
        "no task of kind embedding; take the shipped bundle 'face'"
    )


def network_of(bundle: Bundle) -> str:
    """A hash of the parts and of what they see, so that a new threshold leaves galleries valid."""
    digest, spec = hashlib.sha256(), bundle.manifest.input
    for part in bundle.manifest.parts:
        digest.update(hashlib.sha256(bundle.members[part.file]).digest())
    if spec.is_prepared:  # others have the hash that they had before this was known
        digest.update(spec.preparation.encode())
    return digest.hexdigest()


def unit(descriptors: np.ndarray) -> np.ndarray:
    """Rows (n, d) at length one. Raises GalleryError if one has none, or is no number."""
    lengths = np.linalg.norm(descriptors, axis=-1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > _SHORTEST)).all():
        raise GalleryError("a descriptor is zero or not a number: convert the network again")
    rows: np.ndarray = (descriptors / lengths).astype(np.float32)
    return rows


def checked_name(name: str) -> str:
    """A name as it is kept. Raises GalleryError if nobody can be called so."""
    name = unicodedata.normalize("NFC", name.strip())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise GalleryError(
            f"a person's name is 1 to {_LONGEST_NAME} printable characters, not {name!r:.60}"
        )
    if name.casefold() == UNKNOWN:
        raise GalleryError(f"'{UNKNOWN}' is what strangers are called: choose another name")
    return name


SCHEMA = 1
_ARRAYS = {"schema", "network", "bundle", "task", "names", "person", "descriptors"}


def write_gallery(path: str | Path, gallery: Gallery) -> None:
    """Write it whole or not at all. Raises GalleryError if it cannot be written.

    A new file is for its owner's eyes alone; behind a link, the file itself is replaced.
    """
    path = Path(path)
    names = sorted(gallery.people)
    counts = [len(gallery.people[name]) for name in names]
    none = np.empty((0, gallery.size), np.float32)
    try:
        with whole_file(path.resolve() if path.exists() else path, 0o600) as stream:
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
        raise _unwritable(path, error) from error


def change_gallery(
    path: str | Path, change: Callable[[Gallery], Gallery], empty: Gallery | None = None
) -> tuple[Gallery, Gallery]:
    """Read, change and write a gallery while no other process does; as it was and as it is.

    empty: what is changed if there is no such file. Raises GalleryError, and what `change` raises.
    """
    path = Path(path)
    if empty is None:
        read_gallery(path)  # what is wrong with it comes before its folder's rights
    try:
        with locked(path):
            before = read_gallery(path) if empty is None or path.exists() else empty
            after = change(before)
            write_gallery(path, after)
    except OSError as error:
        raise _unwritable(path, error) from error
    return before, after


def _unwritable(path: Path, error: OSError) -> GalleryError:
    return GalleryError(
        f"{path} cannot be written ({error.strerror or error}): choose another --gallery"
    )


def read_gallery(path: str | Path) -> Gallery:
    """Read and check a gallery.

    Raises GalleryError if it is missing, damaged, of another version, or no gallery.
    """
    path = Path(path)
    if not path.exists():
        raise GalleryError(f"there is no gallery {path}: make it with 'edge-run enroll NAME'")
    try:
        return _gallery(archives.read_arrays(path, _ARRAYS))
    except (GalleryError, ValueError, OSError) as error:
        raise GalleryError(
            f"{path} is no readable gallery ({str(error) or type(error).__name__}): copy it "
            "again, or enroll its people anew"
        ) from error


def _gallery(content: dict[str, np.ndarray]) -> Gallery:
    """The typed form. Raises ValueError or GalleryError if the arrays do not fit together."""
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
