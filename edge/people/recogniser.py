"""Names for descriptors: the nearest person of a gallery, or `unknown`; and who was seen in a run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.bundle import Bundle
from edge.people.gallery import Gallery, descriptor_task, read_gallery, unit
from edge.tasks import UNKNOWN, Prediction
from edge_common import BundleError, GalleryError, decode, encode, parse_json


class Recogniser:
    """Names whoever is at least `threshold` (cosine, -1 to 1) alike to somebody of the gallery.

    Likeness to a person is that to the nearest of their descriptors. Raises GalleryError
    if the gallery holds nobody.
    """

    def __init__(self, gallery: Gallery, threshold: float) -> None:
        if not gallery.people:
            raise GalleryError("the gallery holds nobody: add people with 'edge-run enroll NAME'")
        # names and rows in an order of their own, so that the order of enrolling never matters
        people = {name: np.unique(gallery.people[name], axis=0) for name in sorted(gallery.people)}
        self.task, self.threshold = gallery.task, threshold
        self._known = np.concatenate(list(people.values()))
        self._names = list(people)
        self._first_rows = np.cumsum([0, *map(len, people.values())])[:-1]

    def similarities(self, descriptor: np.ndarray) -> dict[str, float]:
        """Likeness of a vector (d,) to each person; empty if it is none to compare."""
        if not np.isfinite(descriptor).all() or not np.any(descriptor):
            return {}
        nearest = np.maximum.reduceat(self._known @ unit(descriptor), self._first_rows)
        return dict(zip(self._names, nearest.tolist()))

    def name(self, descriptor: np.ndarray) -> tuple[str, float]:
        """(name or `unknown`, likeness of the nearest person) of a vector (d,)."""
        similarities = self.similarities(descriptor)
        nearest = max(similarities, key=similarities.__getitem__, default=UNKNOWN)
        similarity = similarities.get(nearest, -1.0)
        return nearest if similarity >= self.threshold else UNKNOWN, similarity

    def __call__(self, answers: Mapping[str, Prediction]) -> dict[str, Prediction]:
        """The answers with the name and the likeness in that of the descriptor."""
        label, similarity = self.name(answers[self.task].scores)
        prediction = replace(answers[self.task], label=label, similarity=similarity)
        return {**answers, self.task: prediction}


def open_recogniser(bundle: Bundle, path: Path, threshold: float | None) -> Recogniser:
    """Raise GalleryError if the bundle, the gallery or the threshold do not do."""
    descriptor_task(bundle)  # what is wrong with the bundle comes first
    gallery = read_gallery(path)
    gallery.check_fits(bundle, str(path))
    return Recogniser(gallery, threshold_of(bundle, threshold))


ACCEPTANCE = "acceptance.json"


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, and what it was measured to let through.

    task: the embedding that it is of.  threshold: least cosine to be named.
    false_accept_rate: share of strangers that are given somebody's name at this threshold,
    with `people` in the gallery, each known by `known_by` photos.
    held_out_rate, low, high: the same of people that a threshold was not chosen on, and its
    95 % interval.  true_accept_rate: share of the people in the gallery, held out as well, that
    get their own name.
    data, command: on what it was measured, and how to do so again.
    """

    task: str
    threshold: float
    false_accept_rate: float
    people: int
    known_by: int = 1
    held_out_rate: float = 0.0
    low: float = 0.0
    high: float = 0.0
    true_accept_rate: float = 0.0
    data: str = ""
    command: str = ""


def to_member(acceptance: OperatingPoint) -> bytes:
    """What stands in the bundle as `acceptance.json`."""
    return (json.dumps(encode(acceptance), indent=1, sort_keys=True) + "\n").encode()


def acceptance_of(bundle: Bundle) -> OperatingPoint | None:
    """What the bundle says of its own threshold, or None. Raises BundleError if it is damaged."""
    if ACCEPTANCE not in bundle.members:
        return None
    try:
        return decode(OperatingPoint, parse_json(bundle.members[ACCEPTANCE], "it"))
    except ValueError as error:
        raise BundleError(f"{ACCEPTANCE} in the bundle is not valid ({error})") from error


def threshold_of(bundle: Bundle, threshold: float | None) -> float:
    """The threshold that was given, or the bundle's own.

    Raises GalleryError if there is neither.
    """
    if threshold is not None:
        return threshold
    operating_point = acceptance_of(bundle)
    if operating_point is None:
        raise GalleryError(
            f"the bundle '{bundle.manifest.name}' does not say from which likeness on two "
            "descriptors are one person: give --threshold, such as 0.8"
        )
    return operating_point.threshold
