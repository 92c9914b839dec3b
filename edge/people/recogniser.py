"""Names for descriptors: the nearest person of a gallery, or `unknown`; and who was seen in a run."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.bundle.archive import Bundle
from edge.people.acceptance import threshold_of
from edge.people.gallery import UNKNOWN, Gallery, descriptor_task, read_gallery, unit
from edge.stream.decision import Answer
from edge_common.errors import GalleryError


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


def open_recogniser(bundle: Bundle, path: Path, threshold: float | None) -> Recogniser:
    """Raise GalleryError where the bundle, the gallery or the threshold do not do."""
    descriptor_task(bundle)  # what is wrong with the bundle comes first
    gallery = read_gallery(path)
    gallery.check_fits(bundle, str(path))
    return Recogniser(gallery, threshold_of(bundle, threshold))


class PeopleSeen:
    """Decisions a name, with their lowest and highest similarity."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float, float]] = {}

    def add(self, answers: Iterable[Answer]) -> None:
        """Count the answers of one decision that name somebody, or `unknown`."""
        for answer in answers:
            if answer.similarity is not None and answer.label is not None:
                count, low, high = self._seen.get(answer.label, (0, 1.0, -1.0))
                low, high = min(low, answer.similarity), max(high, answer.similarity)
                self._seen[answer.label] = (count + 1, low, high)

    def to_json(self) -> dict[str, dict[str, float]]:
        """{name: decisions, lowest and highest similarity}, the most seen first."""
        return {
            name: {
                "decisions": count,
                "lowest_similarity": round(low, 4),
                "highest_similarity": round(high, 4),
            }
            for name, (count, low, high) in self._ordered()
        }

    def lines(self) -> Iterator[str]:
        """One line a name."""
        for name, (count, low, high) in self._ordered():
            yield f"{name}: {count} decisions, similarity {low:.2f} to {high:.2f}"

    def _ordered(self) -> list[tuple[str, tuple[int, float, float]]]:
        return sorted(self._seen.items(), key=lambda item: (-item[1][0], item[0]))
