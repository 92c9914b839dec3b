"""How well descriptors tell people apart: pairs, and strangers at a gallery.

All likeness is the cosine of two descriptors of length one.
"""

from dataclasses import dataclass

import numpy as np

from edge_models.evaluation.intervals import Estimate, share_interval
from edge_models.evaluation.recognition import MOST_GALLERIES
from edge_models.evaluation.similarity import (
    GalleryAnswers,
    Likeness,
    cosines,
    galleries,
    likeness_of,
    unit,
)

RATES = (0.05, 0.01)  # of strangers' clips that may get a name


@dataclass(frozen=True)
class Named:
    """At the threshold where `rate` of the strangers' clips get a name: who is named rightly.

    known: share of the known people's clips that get their own name; n: these clips.
    """

    rate: float
    threshold: float
    known: Estimate
    stranger_clips: int


@dataclass(frozen=True)
class OpenSet:
    """Known people, one file each in the gallery, and strangers, asked alike."""

    known_people: int
    strangers: int
    named: tuple[Named, ...]


def open_set(
    known: np.ndarray, people: np.ndarray, sources: np.ndarray,
    strangers: np.ndarray, who: np.ndarray,
) -> OpenSet | None:  # fmt: skip
    """Ask galleries of the known people for all clips of files that are not in them.

    Args:
        known, strangers: descriptors (n, d) and (k, d).
        people, sources: int64 (n,), who is in each known clip, and which file it is of.
        who: int64 (k,), of the strangers.

    Returns:
        None where nobody is known by two files.
    """
    likeness = likeness_of(known, people, sources)
    if not len(likeness.known_twice):
        return None
    asked, clips = _ask(likeness, strangers)
    return OpenSet(
        len(np.unique(people)), len(np.unique(who)),
        tuple(_named(asked, clips, likeness.people, rate, len(who)) for rate in RATES),
    )  # fmt: skip


def _ask(likeness: Likeness, strangers: np.ndarray) -> tuple[GalleryAnswers, np.ndarray]:
    """All galleries' answers one after another, and which known clip each of them is of."""
    foreign = cosines(unit(strangers.astype(np.float32)), likeness.files)
    of_strangers, of_known, right, clips = [], [], [], []
    for gallery in galleries(likeness, MOST_GALLERIES):
        probes = np.flatnonzero(
            ~np.isin(likeness.own, gallery) & np.isin(likeness.people, likeness.known_twice)
        )
        found = likeness.values[np.ix_(probes, gallery)]
        nearest = likeness.people_of_files[gallery[found.argmax(axis=1)]]
        of_strangers.append(foreign[:, gallery].max(axis=1))
        of_known.append(found.max(axis=1))
        right.append(nearest == likeness.people[probes])
        clips.append(probes)
    strange, near, hits, clip = map(np.concatenate, (of_strangers, of_known, right, clips))
    return GalleryAnswers(strange, near, hits), clip


def _named(
    asked: GalleryAnswers, clips: np.ndarray, people: np.ndarray, rate: float, strangers: int
) -> Named:
    threshold = asked.threshold_at(rate)
    share = asked.true_accept_rate(threshold)
    interval = share_interval((asked.known >= threshold) & asked.right, people[clips])
    known = Estimate(share, *interval, len(np.unique(clips)))
    return Named(rate, threshold, known, strangers)
