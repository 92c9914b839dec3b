"""When a classification answers `unknown`: from which score on, and how well that tells strangers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge.tasks import UnknownRule
from edge.tasks.confidence import FAMILIARITY, is_unknown
from edge_models.evaluation import intervals
from edge_models.evaluation.calibration import ClassifiedClips
from edge_models.evaluation.similarity import roc_area

METHOD = "max-probability"  # the better of `FAMILIARITY` on people that no training saw


@dataclass(frozen=True)
class UnknownTrial:
    """The rule of a task, and what it does to clips that it was not found on.

    Attributes:
        rule: None if validation clips are too few for this share.
        share: of known windows, that may be refused.
        fitted_on: validation clips.
        known: refused test clips.  answered: right ones of those that are not.
        strangers: refused clips of impostors; None if there are none.
        areas: by method, the area under the ROC of test clips against those of impostors.
    """

    rule: UnknownRule | None
    share: float
    fitted_on: int
    known: intervals.Estimate
    answered: intervals.Estimate
    strangers: intervals.Estimate | None
    areas: Mapping[str, float]


def refuse(
    share: float,
    validation: ClassifiedClips | None,
    test: ClassifiedClips,
    impostors: ClassifiedClips | None,
) -> UnknownTrial:
    """Find a rule on validation clips, and try it.

    share: of known windows, that may be refused.
    """
    rule = None if validation is None else rule_of(validation.probabilities, share)
    refused = is_unknown(rule, test.probabilities)
    right = (test.probabilities.argmax(1) == test.truth)[~refused]
    return UnknownTrial(
        rule,
        share,
        len(validation.truth) if validation else 0,
        _share(refused, test.sources),
        _share(right, test.sources[~refused]),
        _share(is_unknown(rule, impostors.probabilities), impostors.sources) if impostors else None,
        {
            name: roc_area(score(test.probabilities), score(impostors.probabilities))
            for name, score in FAMILIARITY.items()
        }
        if impostors
        else {},
    )


def rule_of(probabilities: np.ndarray, share: float) -> UnknownRule | None:
    """From which score on a window is known, so that at most `share` of known ones are not.

    Split conformal prediction (V. Vovk et al., 2005): of n + 1 scores of one kind, each is as
    likely as any other to be among the lowest. None if n is too small.
    """
    scores = np.sort(FAMILIARITY[METHOD](probabilities.astype(np.float64)))
    rank = int(share * (len(scores) + 1))
    return UnknownRule(METHOD, float(scores[rank - 1])) if rank else None


def _share(values: np.ndarray, sources: np.ndarray) -> intervals.Estimate:
    if not len(values):
        return intervals.Estimate(float("nan"), float("nan"), float("nan"), 0)
    interval = intervals.share_interval(values, sources)
    return intervals.Estimate(float(values.mean()), *interval, len(values))
