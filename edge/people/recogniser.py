"""Names for descriptors: the nearest person of a gallery, or `unknown`."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edge.decision import Answer
from edge.errors import GalleryError
from edge.people.gallery import UNKNOWN, Gallery, unit


class Recogniser:
    """Names whoever is at least `threshold` (cosine, -1 to 1) alike to somebody of the gallery.

    Likeness to a person is that to the nearest of their descriptors. Raises GalleryError
    where the gallery holds nobody.
    """

    def __init__(self, gallery: Gallery, threshold: float) -> None:
        if not gallery.people:
            raise GalleryError("the gallery holds nobody: add people with 'edge-run enroll NAME'")
        # names and rows in an order of their own, so that the order of enrolling never matters
        people = {name: np.unique(gallery.people[name], axis=0) for name in sorted(gallery.people)}
        self.task, self.threshold = gallery.task, threshold
        self._known = np.concatenate(list(people.values()))
        self._owners = [name for name, rows in people.items() for _ in rows]

    def name(self, descriptor: np.ndarray) -> tuple[str, float]:
        """(name or `unknown`, likeness of the nearest person) of a vector (d,)."""
        if not np.isfinite(descriptor).all() or not np.any(descriptor):
            return UNKNOWN, -1.0
        likeness = self._known @ unit(descriptor)
        nearest = int(likeness.argmax())
        similarity = float(likeness[nearest])
        return self._owners[nearest] if similarity >= self.threshold else UNKNOWN, similarity

    def __call__(self, answers: Mapping[str, Answer]) -> dict[str, Answer]:
        """The answers with the name and the likeness in that of the descriptor."""
        label, similarity = self.name(answers[self.task].scores)
        named = replace(answers[self.task], label=label, similarity=similarity)
        return {**answers, self.task: named}
