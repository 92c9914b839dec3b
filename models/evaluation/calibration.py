"""Whether a probability is the share that is right: a temperature is found, and tried elsewhere."""

from dataclasses import dataclass

import numpy as np

from edge.tasks.confidence import logarithms, tempered

BINS = 15
MOST = 20.0  # temperature, and what 1 is divided by at most
_STEPS = 40  # halvings
_CHANCE = 3.84  # of chi-squared, one degree of freedom: exceeded once in twenty times


@dataclass(frozen=True)
class Reliability:
    """Clips in `BINS` bins of equally many, ordered by the probability of their answer.

    Attributes:
        confidence, accuracy: mean probability and share of right answers of each bin.
        counts: clips in each.
        loss: mean negative logarithm of the truth's probability.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray
    loss: float

    @property
    def error(self) -> float:
        """The expected calibration error (M. P. Naeini et al., 2015), of bins of equal mass."""
        off = np.abs(self.confidence - self.accuracy)
        return float((off * self.counts).sum() / self.counts.sum())


@dataclass(frozen=True)
class TemperatureTrial:
    """The temperature of a task and what it does to clips that it was not found on.

    Attributes:
        fitted_on: validation clips.  reason: why the temperature is 1 and not fitted; or empty.
        before, after: of the test clips, with temperature 1 and with this one.
    """

    temperature: float
    fitted_on: int
    reason: str
    before: Reliability
    after: Reliability


@dataclass(frozen=True)
class ClassifiedClips:
    """Probabilities (n, k) of a part's clips, true classes (n,), and which clips are alike (n,)."""

    probabilities: np.ndarray
    truth: np.ndarray
    sources: np.ndarray


def calibrate(validation: ClassifiedClips | None, test: ClassifiedClips) -> TemperatureTrial:
    """Find a temperature and measure it.

    validation: None without clips that training did not learn from; then there is no temperature.
    """
    temperature, reason = 1.0, "no clips are left that training did not learn from"
    if validation is not None:
        temperature, reason = _fit(validation)
    before, after = (
        reliability(tempered(test.probabilities, t), test.truth) for t in (1.0, temperature)
    )
    count = len(validation.truth) if validation and not reason else 0
    return TemperatureTrial(temperature, count, reason, before, after)


def _fit(clips: ClassifiedClips) -> tuple[float, str]:
    """A temperature, or why none: few errors give one at random, which would do harm.

    By the likelihood ratio (S. S. Wilks, 1938), with as many examples as there are files.
    """
    probabilities, truth = clips.probabilities, clips.truth
    if (probabilities.argmax(1) == truth).all():
        return 1.0, f"all {len(truth)} validation clips are right, which says nothing of errors"
    temperature = round(temperature_of(probabilities, truth), 4)
    as_it_is, at_best = (
        reliability(tempered(probabilities, t), truth).loss for t in (1.0, temperature)
    )
    files = len(np.unique(clips.sources))
    if not 2 * files * (as_it_is - at_best) > _CHANCE:
        return 1.0, f"{files} validation files do not tell {temperature:g} from 1"
    return temperature, ""


def temperature_of(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature with the lowest negative log-likelihood, from 1 / `MOST` to `MOST`.

    C. Guo et al., 2017. The loss is convex in 1 / T: its slope changes sign once.

    Args:
        probabilities: (n, k).  truth: (n,) classes.
    """
    log_p = logarithms(probabilities.astype(np.float64))
    of_truth = log_p[np.arange(len(truth)), truth].mean()
    low, high = 1 / MOST, MOST  # of 1 / T
    for _ in range(_STEPS):
        middle = np.sqrt(low * high)
        expected = (tempered(probabilities, 1 / middle) * log_p).sum(1).mean()
        low, high = (low, middle) if expected > of_truth else (middle, high)
    return float(1 / np.sqrt(low * high))


def reliability(probabilities: np.ndarray, truth: np.ndarray) -> Reliability:
    """Of probabilities (n, k) and true classes (n,)."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(order, min(BINS, len(order)))
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return Reliability(
        np.array([confidence[each].mean() for each in bins]),
        np.array([right[each].mean() for each in bins]),
        np.array([len(each) for each in bins]),
        float(-logarithms(of_truth).mean()),
    )
