"""How well descriptors tell people apart: nearest neighbour, pairs, and strangers at a gallery.

All likeness is the cosine of two descriptors of length one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .intervals import Estimate

KNOWN_BY = 5  # photos that a person of a gallery is known by


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


def leave_one_out(likeness: np.ndarray, people: np.ndarray) -> np.ndarray:
    """For each photo, bool (n,): whether the nearest of all others shows the same person."""
    others = likeness.copy()
    np.fill_diagonal(others, -np.inf)
    return people[others.argmax(1)] == people


def pairs(likeness: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Likeness of all pairs of photos: of one person, and of two people."""
    upper = np.triu(np.ones(likeness.shape, bool), 1)
    same = people[:, None] == people[None]
    return likeness[upper & same], likeness[upper & ~same]


def roc_area(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Chance that a pair of one person is more alike than a pair of two (Mann and Whitney, 1947)."""
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, "left")
    ties = np.searchsorted(ordered, genuine, "right") - below
    return float((below + ties / 2).mean() / len(ordered))


def asked(
    likeness: np.ndarray,
    people: np.ndarray,
    candidates: np.ndarray,
    enrolled: int,
    draws: int,
    random: np.random.Generator,
) -> GalleryAnswers:
    """Enroll `enrolled` of the people `candidates`, `draws` times, and ask all their other photos.

    Each is known by `KNOWN_BY` photos drawn at random; whoever is not drawn is a stranger.
    """
    found = list(_draws(likeness, people, candidates, enrolled, draws, random))
    return GalleryAnswers(*(np.concatenate(parts) for parts in zip(*found)))


def _draws(
    likeness: np.ndarray,
    people: np.ndarray,
    candidates: np.ndarray,
    enrolled: int,
    draws: int,
    random: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for _ in range(draws):
        chosen = random.permutation(candidates)[:enrolled]
        gallery = np.concatenate(
            [random.permutation(np.flatnonzero(people == person))[:KNOWN_BY] for person in chosen]
        )
        rest = np.flatnonzero(np.isin(people, candidates))
        probes = np.setdiff1d(rest, gallery)
        likest = likeness[np.ix_(probes, gallery)]
        nearest, best = people[gallery][likest.argmax(1)], likest.max(1)
        known = np.isin(people[probes], chosen)
        yield best[~known], best[known], nearest[known] == people[probes][known]


def held_out(
    likeness: np.ndarray,
    people: np.ndarray,
    enrolled: int,
    rate: float,
    random: np.random.Generator,
    *,
    halvings: int = 100,
    draws: int = 20,
) -> tuple[Estimate, Estimate]:
    """False and true accept rate of people that the threshold was not chosen on.

    The people are halved at random: on one half a threshold is chosen at `rate`, on the
    other both rates are taken. The intervals hold 95 % of the halvings.
    """
    every = np.unique(people)
    rates = []
    for _ in range(halvings):
        mixed = random.permutation(every)
        choose, check = mixed[: len(every) // 2], mixed[len(every) // 2 :]
        threshold = asked(likeness, people, choose, enrolled, draws, random).threshold_at(rate)
        answers = asked(likeness, people, check, enrolled, draws, random)
        rates.append((answers.false_accept_rate(threshold), answers.true_accept_rate(threshold)))
    false, true = np.array(rates).T
    return tuple(
        Estimate(float(r.mean()), *map(float, np.percentile(r, (2.5, 97.5))), len(people))
        for r in (false, true)
    )
