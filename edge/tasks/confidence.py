"""How far a classification is to be trusted: its temperature, and what is unlike all it learnt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

UNKNOWN = "unknown"  # the label of what is refused
_LEAST = np.float32(1e-37)  # float32 knows smaller ones, which kernels take for 0


@dataclass(frozen=True)
class UnknownRule:
    """When a window is unlike anything learnt: if it scores below `threshold`.

    by: a name in `FAMILIARITY`.
    """

    by: str
    threshold: float


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (..., k) of the same logits divided by `temperature`.

    Temperature scaling (C. Guo et al., On Calibration of Modern Neural Networks, 2017): the
    softmax of z / T is p ** (1 / T), normalised, so no logits are needed.
    """
    log_p = logarithms(probabilities)
    with np.errstate(over="ignore"):  # of the coldest only the best is left
        powers = np.exp((log_p - log_p.max(-1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def energy(probabilities: np.ndarray) -> np.ndarray:
    """The negative free energy of centred logits, from probabilities (..., k) alone: (...).

    W. Liu et al. (Energy-based Out-of-distribution Detection, 2020) take the log-sum-exp of the
    logits, which a softmax hides. That of logits whose mean is 0 it does not: it is the mean of
    -log p; and training by cross-entropy never moves the mean, as its gradient sums to 0.
    """
    return np.asarray(-logarithms(probabilities).mean(-1))


def max_probability(probabilities: np.ndarray) -> np.ndarray:
    """(...) of (..., k): D. Hendrycks and K. Gimpel, 2017."""
    return np.asarray(probabilities.max(-1))


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Natural ones, finite also where a kernel gave 0."""
    return np.asarray(np.log(np.maximum(probabilities, _LEAST)))


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) (...), finite also of 0 and 1."""
    p = np.clip(np.asarray(probabilities, np.float64), _LEAST, 1 - 2.0**-24)
    return np.asarray(np.log(p) - np.log1p(-p))


# how familiar a window looks, the higher the more
FAMILIARITY: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "energy": energy,
    "max-probability": max_probability,
}


def is_unknown(rule: UnknownRule | None, probabilities: np.ndarray) -> np.ndarray:
    """Whether each of probabilities (..., k), as the network gives them, is refused: bool (...)."""
    if rule is None:
        return np.zeros(probabilities.shape[:-1], bool)
    return np.asarray(FAMILIARITY[rule.by](probabilities) < rule.threshold)
