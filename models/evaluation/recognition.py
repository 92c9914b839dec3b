"""Are people known again by likeness alone? Rank-1 and the ROC of pairs."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_curve

from .intervals import Estimate, share_interval
from .likeness import Likeness, galleries
from .pairs import RATES, Drawn, groups_of, pairs_of
from .people import roc_area

MOST_GALLERIES = 20
_FEWEST_FALSE = 10  # pairs that a rate must stand for


@dataclass(frozen=True)
class TrueAccepts:
    """At the threshold where `rate` of the pairs of two people are accepted."""

    rate: float
    threshold: float
    accepted: Estimate


@dataclass(frozen=True)
class Recognition:
    """How well the people of one part are known again.

    Attributes:
        rank_1: share of clips whose most similar file of the gallery is of its person.
        area: under the ROC of pairs of a clip and a file.
        accepts: of those pairs of one person, where there are enough of two.
        same, different: cosines of the pairs of one person, and of two.
        false_rates, true_rates: the ROC.
        drawn: what the intervals' resamples draw, "people" or "files".
    """

    people: int
    files: int
    gallery_count: int
    rank_1: Estimate
    area: Estimate
    accepts: tuple[TrueAccepts, ...]
    same: np.ndarray
    different: np.ndarray
    false_rates: np.ndarray
    true_rates: np.ndarray
    drawn: str


def recognise(likeness: Likeness) -> Recognition | None:
    """Measure; None where fewer than two people have two files each."""
    if len(likeness.known_twice) < 2:
        return None
    chosen = galleries(likeness, MOST_GALLERIES)
    pairs = pairs_of(likeness)
    false_rates, true_rates, _ = roc_curve(pairs.same, pairs.cosine)
    same, different = pairs.cosine[pairs.same], pairs.cosine[~pairs.same]
    drawn = pairs.resampled()
    people = len(np.unique(likeness.people_of_files))
    return Recognition(
        people, len(likeness.people_of_files), len(chosen), rank_1(likeness, chosen),
        Estimate(roc_area(same, different), *_interval([one.area for one in drawn]), len(pairs.same)),
        tuple(_accepts(same, different, rate, drawn) for rate in RATES
              if rate * len(different) >= _FEWEST_FALSE),
        same, different, false_rates, true_rates, "people" if pairs.by_people else "files",
    )  # fmt: skip


def rank_1(likeness: Likeness, chosen: list[np.ndarray]) -> Estimate:
    """Of each clip against each gallery without its own file, averaged; people are drawn."""
    right, asked = np.zeros(len(likeness.own)), np.zeros(len(likeness.own))
    can_be = np.isin(likeness.people, likeness.known_twice)
    for gallery in chosen:
        probes = can_be & ~np.isin(likeness.own, gallery)
        nearest = gallery[likeness.values[:, gallery].argmax(axis=1)]
        right += probes & (likeness.people_of_files[nearest] == likeness.people)
        asked += probes
    used = asked > 0
    share = right[used] / asked[used]
    groups = groups_of(likeness)[likeness.own][used]
    return Estimate(float(share.mean()), *share_interval(share, groups), int(used.sum()))


def _accepts(
    same: np.ndarray, different: np.ndarray, rate: float, drawn: list[Drawn]
) -> TrueAccepts:
    ordered = np.sort(different)[::-1]
    threshold = float(np.nextafter(ordered[int(rate * len(ordered))], np.inf))
    interval = _interval([one.accepts[rate] for one in drawn])
    return TrueAccepts(
        rate, threshold, Estimate(float(np.mean(same >= threshold)), *interval, len(same))
    )


def _interval(values: list[float]) -> tuple[float, float]:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
