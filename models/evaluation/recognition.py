"""Pairs of a clip and a file, and what other people (or files) would have made of their ROC."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.metrics import roc_curve

from edge_common.statistics import central_95
from edge_models.evaluation import intervals, similarity

RATES = (0.01, 0.001)  # of pairs of two people that are taken for one
FEWEST_PEOPLE = 8  # to draw people; below, files are drawn
_RESAMPLES = 400
_STEPS = 20_000  # of the cosine, from 1 to -1, that resamples tell apart
MOST_PAIRS = 150_000  # of one person, and of two; of more, so many are drawn


@dataclass(frozen=True)
class Resample:
    """What one resample gives: the ROC's area, and true accepts at `RATES`."""

    area: float
    accepts: dict[float, float]


@dataclass(frozen=True)
class Pairs:
    """Pairs of a clip and a file that is not its own; all arrays (pairs,).

    a, b: the groups (people or files) of both sides.
    """

    cosine: np.ndarray
    same: np.ndarray
    a: np.ndarray
    b: np.ndarray
    by_people: bool

    def resampled(self) -> list[Resample]:
        """The bootstrap: whole people (or files) drawn, a pair as often as both of its sides."""
        groups = int(max(self.a.max(), self.b.max())) + 1
        resamples = [self.drawn(times) for times in intervals.draws(groups, _RESAMPLES)]
        return [resample for resample in resamples if resample is not None]

    def drawn(self, times: np.ndarray) -> Resample | None:
        """With each group `times` (groups,) often; None if pairs of one kind are lacking."""
        weight = times[self.a] * np.where(self.a == self.b, 1, times[self.b])
        kinds = (self.same, ~self.same)
        genuine, impostor = (
            np.bincount(self._step[k], weight[k], _STEPS + 1).cumsum() for k in kinds
        )
        return _figures(genuine, impostor) if genuine[-1] and impostor[-1] else None

    @cached_property
    def _step(self) -> np.ndarray:
        """Which step down from a cosine of 1, int64 (pairs,): those of one are accepted together."""
        return np.rint((1 - self.cosine) / 2 * _STEPS).astype(np.int64)


def _figures(genuine: np.ndarray, impostor: np.ndarray) -> Resample:
    """Of the weights accepted down to each step, pairs of one person and of two.

    The area is the trapezoid rule's.
    """
    middle = (genuine + np.concatenate([[0], genuine[:-1]])) / 2
    area = np.diff(impostor, prepend=0) @ middle / (genuine[-1] * impostor[-1])
    accepts = {}
    for rate in RATES:
        allowed = np.searchsorted(impostor, rate * impostor[-1], "right")
        accepts[rate] = float(genuine[allowed - 1] / genuine[-1]) if allowed else 0.0
    return Resample(float(area), accepts)


def pairs_of(likeness: similarity.Similarities) -> Pairs:
    """All pairs of the part, or `MOST_PAIRS` of each kind."""
    clips, files = np.nonzero(likeness.own[:, None] != np.arange(len(likeness.people_of_files)))
    of_one_person = likeness.people[clips] == likeness.people_of_files[files]
    selection = np.concatenate(
        [_some(np.flatnonzero(of_one_person)), _some(np.flatnonzero(~of_one_person))]
    )
    clips, files = clips[selection], files[selection]
    group = groups_of(likeness)
    return Pairs(
        likeness.values[clips, files], of_one_person[selection], group[likeness.own[clips]], group[files],
        enough_people(likeness),
    )  # fmt: skip


def _some(pairs: np.ndarray) -> np.ndarray:
    """All of them, or as many as `MOST_PAIRS`, drawn at random."""
    if len(pairs) <= MOST_PAIRS:
        return pairs
    return np.random.default_rng(0).choice(pairs, MOST_PAIRS, replace=False)


def enough_people(likeness: similarity.Similarities) -> bool:
    """Whether an interval can be had by drawing people."""
    return len(np.unique(likeness.people_of_files)) >= FEWEST_PEOPLE


def groups_of(likeness: similarity.Similarities) -> np.ndarray:
    """What the bootstrap draws, for each file: its person, or itself if people are few."""
    if not enough_people(likeness):
        return np.arange(len(likeness.people_of_files))
    return np.unique(likeness.people_of_files, return_inverse=True)[1]


MOST_GALLERIES = 20
_FEWEST_FALSE = 10  # pairs that a rate must stand for


@dataclass(frozen=True)
class TrueAccepts:
    """At the threshold where `rate` of the pairs of two people are accepted."""

    rate: float
    threshold: float
    accepted: intervals.Estimate


@dataclass(frozen=True)
class Recognition:
    """How well the people of one part are known again.

    Attributes:
        rank_1: share of clips whose most similar file of the gallery is of its person.
        area: under the ROC of pairs of a clip and a file.
        accepts: of those pairs of one person, if there are enough of two.
        same, different: cosines of the pairs of one person, and of two.
        false_rates, true_rates: the ROC.
        drawn: what the intervals' resamples draw, "people" or "files".
    """

    people: int
    files: int
    gallery_count: int
    rank_1: intervals.Estimate
    area: intervals.Estimate
    accepts: tuple[TrueAccepts, ...]
    same: np.ndarray
    different: np.ndarray
    false_rates: np.ndarray
    true_rates: np.ndarray
    drawn: str


def recognise(likeness: similarity.Similarities) -> Recognition | None:
    """Measure; None if fewer than two people have two files each."""
    if len(likeness.identifiable) < 2:
        return None
    gallery_list = similarity.galleries(likeness, MOST_GALLERIES)
    pairs = pairs_of(likeness)
    false_rates, true_rates, _ = roc_curve(pairs.same, pairs.cosine)
    same, different = pairs.cosine[pairs.same], pairs.cosine[~pairs.same]
    resamples = pairs.resampled()
    area_interval = central_95([resample.area for resample in resamples])
    people = len(np.unique(likeness.people_of_files))
    return Recognition(
        people, len(likeness.people_of_files), len(gallery_list), rank_1(likeness, gallery_list),
        intervals.Estimate(similarity.roc_area(same, different), *area_interval, len(pairs.same)),
        tuple(_accepts(same, different, rate, resamples) for rate in RATES
              if rate * len(different) >= _FEWEST_FALSE),
        same, different, false_rates, true_rates, "people" if pairs.by_people else "files",
    )  # fmt: skip


def rank_1(likeness: similarity.Similarities, gallery_list: list[np.ndarray]) -> intervals.Estimate:
    """Of each clip against each gallery without its own file, averaged; people are drawn."""
    right, probe_counts = np.zeros(len(likeness.own)), np.zeros(len(likeness.own))
    can_be = np.isin(likeness.people, likeness.identifiable)
    for gallery in gallery_list:
        probes = can_be & ~np.isin(likeness.own, gallery)
        nearest = gallery[likeness.values[:, gallery].argmax(axis=1)]
        right += probes & (likeness.people_of_files[nearest] == likeness.people)
        probe_counts += probes
    probed = probe_counts > 0
    share = right[probed] / probe_counts[probed]
    groups = groups_of(likeness)[likeness.own][probed]
    return intervals.Estimate(
        float(share.mean()), *intervals.share_interval(share, groups), int(probed.sum())
    )


def _accepts(
    same: np.ndarray, different: np.ndarray, rate: float, resamples: list[Resample]
) -> TrueAccepts:
    ordered = np.sort(different)[::-1]
    threshold = float(np.nextafter(ordered[int(rate * len(ordered))], np.inf))
    interval = central_95([resample.accepts[rate] for resample in resamples])
    return TrueAccepts(
        rate, threshold, intervals.Estimate(float(np.mean(same >= threshold)), *interval, len(same))
    )
