"""The latency model: four physical terms, their sizes and each board's own deviation fitted.

    log ms = log(sum of exp(size_k) x least_ms_k) + deviation_board + noise

Sizes, deviations and noise are normal with the prior spreads below; the most probable values are
found by Gauss-Newton steps and their uncertainty by Laplace's approximation (MacKay, Information
Theory, Inference, and Learning Algorithms, chapter 27). A board that was measured takes its own
deviation along; one that never was has it as part of its interval.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_devices.prediction.cores import ESTIMATE_SPREAD, TERMS, Processor, Work, least_ms

CONFIDENCE = 0.9
_Z = 1.645  # the normal quantile that leaves 5 % on each side
# how many times its least a term takes: the median expected before any measurement, and the
# spread of its logarithm
_PRIOR_SIZES = np.log([1.5, 2.0, 1.0, 1.0])
_PRIOR_SPREAD = np.array([0.5, 0.7, 0.7, 0.7])
_BOARD_SPREAD = 0.15  # of the logarithm of a board's deviation
_OWN_SCALE_SPREAD = 10.0  # ... of one whose network is another
_NOISE = 0.10  # of the logarithm of one published figure
_STEPS = 50


@dataclass(frozen=True)
class Observation:
    """A latency that somebody measured.

    group: what shares a deviation from the model: a board, or one network on it.  own_scale: the
    network differs from the one whose work this is, so that only ratios within the group count.
    """

    work: Work
    processor: Processor
    threads: int
    ms: float
    group: str
    own_scale: bool = False


@dataclass(frozen=True)
class Latency:
    """Predicted milliseconds: the median and the ends of the 90 % interval.

    by_term: what of the median goes where, in milliseconds, in the order of TERMS.
    """

    ms: float
    low_ms: float
    high_ms: float
    by_term: tuple[float, ...] = (0.0,) * len(TERMS)

    def __str__(self) -> str:
        return f"{_short(self.ms)} ms, {_short(self.low_ms)} to {_short(self.high_ms)}"


def _short(ms: float) -> str:
    return f"{ms:.0f}" if ms >= 20 else f"{ms:.1f}" if ms >= 2 else f"{ms:.2f}"


@dataclass(frozen=True)
class LatencyModel:
    """groups: those with a deviation of their own.  mean, covariance: of sizes and deviations."""

    groups: tuple[str, ...]
    mean: np.ndarray
    covariance: np.ndarray

    def predict(self, work: Work, processor: Processor, threads: int = 1) -> Latency:
        """Predict one invocation."""
        parts = np.exp(self.mean[: len(TERMS)]) * least_ms(work, processor, threads)
        total = parts.sum()
        gradient = np.zeros(len(self.mean))
        gradient[: len(TERMS)] = parts / total
        variance = _variance(work)
        middle = math.log(total)
        if processor.board in self.groups:
            at = len(TERMS) + self.groups.index(processor.board)
            gradient[at], middle = 1.0, middle + self.mean[at]
        else:
            variance += _BOARD_SPREAD**2
        spread = _Z * math.sqrt(variance + gradient @ self.covariance @ gradient)
        scale = math.exp(middle) / total
        return Latency(
            math.exp(middle),
            math.exp(middle - spread),
            math.exp(middle + spread),
            tuple(float(ms * scale) for ms in parts),
        )


def fit(observations: Sequence[Observation]) -> LatencyModel:
    """The most probable model of what was measured; without any, the prior."""
    groups = tuple(sorted({each.group for each in observations}))
    start = np.concatenate([_PRIOR_SIZES, np.zeros(len(groups))])
    scaled = {each.group for each in observations if each.own_scale}
    spreads = [_OWN_SCALE_SPREAD if group in scaled else _BOARD_SPREAD for group in groups]
    precision = np.diag(1 / np.concatenate([_PRIOR_SPREAD, spreads]) ** 2)
    if not observations:
        return LatencyModel(groups, start, np.linalg.inv(precision))
    least = np.array([least_ms(o.work, o.processor, o.threads) for o in observations])
    logarithms = np.log([each.ms for each in observations])
    weights = 1 / np.array([_variance(each.work) for each in observations])
    at = len(TERMS) + np.array([groups.index(each.group) for each in observations])
    evaluate = functools.partial(_evaluate, least, at)
    mean = start
    for _ in range(_STEPS):
        predicted, slopes = evaluate(mean)
        curvature = slopes.T @ (weights[:, None] * slopes) + precision
        push = slopes.T @ (weights * (logarithms - predicted)) - precision @ (mean - start)
        mean = mean + np.linalg.solve(curvature, push)
    return LatencyModel(groups, mean, np.linalg.inv(curvature))


def _variance(work: Work) -> float:
    """Of the logarithm of a figure: its own noise, and what its work is not known to."""
    return _NOISE**2 + (0.0 if work.counted else ESTIMATE_SPREAD**2)


def _evaluate(least: np.ndarray, at: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of each predicted latency (N,), and its slopes (N, parameters)."""
    parts = least * np.exp(mean[: len(TERMS)])
    total = parts.sum(axis=1)
    slopes = np.zeros((len(least), len(mean)))
    slopes[:, : len(TERMS)] = parts / total[:, None]
    slopes[np.arange(len(least)), at] = 1.0
    return np.log(total) + mean[at], slopes
