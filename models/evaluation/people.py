"""How well descriptors tell people apart: pairs, and strangers at a gallery.

All likeness is the cosine of two descriptors of length one.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GalleryAnswers:
    """What a gallery answered to many: likeness of the nearest person, float (n,).

    strangers: to people who are not in it.  known: to people who are.
    right: bool, for each of the known whether the nearest is that person.
    """

    strangers: np.ndarray
    known: np.ndarray
    right: np.ndarray

    def false_accept_rate(self, threshold: float) -> float:
        """Share of strangers that get somebody's name."""
        return float((self.strangers >= threshold).mean())

    def true_accept_rate(self, threshold: float) -> float:
        """Share of the known that get their own name."""
        return float(((self.known >= threshold) & self.right).mean())

    def threshold_at(self, rate: float) -> float:
        """The lowest threshold at which at most `rate` of the strangers get a name."""
        ordered = np.sort(self.strangers)[::-1]
        allowed = int(np.floor(rate * len(ordered)))
        # just above the first who must not pass
        return float(np.nextafter(ordered[min(allowed, len(ordered) - 1)], np.inf))


def unit(descriptors: np.ndarray) -> np.ndarray:
    """Rows (n, d) at length one."""
    return descriptors / np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-12)


def roc_area(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Chance that a pair of one person is more alike than a pair of two (Mann and Whitney, 1947)."""
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, "left")
    ties = np.searchsorted(ordered, genuine, "right") - below
    return float((below + ties / 2).mean() / len(ordered))
