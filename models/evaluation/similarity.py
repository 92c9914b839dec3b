"""How similar clips, files and people are: cosines of what precedes a task's last layer."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Similarities:
    """Cosines of n clips with m files.

    Attributes:
        values: float32 (n, m), -1 to 1.
        files: float32 (m, d), the files' descriptors at length one.
        own: int64 (n,), the file that each clip is of.
        people: int64 (n,), who is in each clip.
        people_of_files: int64 (m,).
    """

    values: np.ndarray
    files: np.ndarray
    own: np.ndarray
    people: np.ndarray
    people_of_files: np.ndarray

    @property
    def identifiable(self) -> np.ndarray:
        """The people of whom there are two files or more, who can be known again."""
        people, files = np.unique(self.people_of_files, return_counts=True)
        return people[files > 1]


def similarities_of(
    descriptors: np.ndarray, people: np.ndarray, sources: np.ndarray
) -> Similarities:
    """Compare the clips of one part with its files.

    Args:
        descriptors: (n, d).
        people, sources: int64 (n,), who is in each clip, and which file it is of.
    """
    rows = unit(descriptors.astype(np.float32))
    _, first, own = np.unique(sources, return_index=True, return_inverse=True)
    means = np.zeros((len(first), rows.shape[1]), np.float32)
    np.add.at(means, own, rows)
    files = unit(means)
    return Similarities(cosines(rows, files), files, own, people, people[first])


def cosines(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Of rows (n, d) and others (m, d) at length one: (n, m), if rounding exceeds 1, 1."""
    return np.clip(rows @ columns.T, -1.0, 1.0)


def galleries(likeness: Similarities, most: int) -> list[np.ndarray]:
    """Galleries of one file a person, so that each file is in one: the numbers of the files.

    There are as many as the person of the most files has, but `most` at most; in which order
    files come is drawn, seeded.
    """
    random = np.random.default_rng(0)
    people = np.unique(likeness.people_of_files)
    files = [random.permutation(np.flatnonzero(likeness.people_of_files == p)) for p in people]
    count = min(max(map(len, files)), most)
    return [np.array([own[turn % len(own)] for own in files]) for turn in range(count)]


@dataclass(frozen=True)
class GalleryResults:
    """What a gallery answered to many: similarity of the nearest person, float (n,).

    impostors: to people who are not in it.  known: to people who are.
    right: bool, for each of the known whether the nearest is that person.
    """

    impostors: np.ndarray
    known: np.ndarray
    right: np.ndarray

    def false_accept_rate(self, threshold: float) -> float:
        """Share of impostors that get somebody's name."""
        return float((self.impostors >= threshold).mean())

    def true_accept_rate(self, threshold: float) -> float:
        """Share of the known that get their own name."""
        return float(((self.known >= threshold) & self.right).mean())

    def threshold_at(self, rate: float) -> float:
        """The lowest threshold at which at most `rate` of the impostors get a name."""
        ordered = np.sort(self.impostors)[::-1]
        allowed = int(np.floor(rate * len(ordered)))
        # just above the first who must not pass
        return float(np.nextafter(ordered[min(allowed, len(ordered) - 1)], np.inf))


def unit(descriptors: np.ndarray) -> np.ndarray:
    """Rows (n, d) at length one."""
    return descriptors / np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-12)


def roc_area(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Chance that a pair of one person is more similar than a pair of two (Mann and Whitney, 1947)."""
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, "left")
    ties = np.searchsorted(ordered, genuine, "right") - below
    return float((below + ties / 2).mean() / len(ordered))
