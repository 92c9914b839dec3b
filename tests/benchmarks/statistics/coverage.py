"""How often 95 % intervals of percentiles hold the truth: `python -m tests.benchmarks.statistics.coverage`.

Slow; `test_percentile.py` runs a small part of it.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from edge_benchmarks.statistics.intervals import SHARES, percentile_interval

Draw = Callable[[np.random.Generator, int], np.ndarray]
Interval = Callable[[np.ndarray, float, np.random.Generator], "tuple[float, float] | None"]

_RESAMPLES = 300
_TRUTH_SIZE = 10_000_000


@dataclass(frozen=True)
class Coverage:
    """held: in how many of `given` intervals the truth lay; `trials` samples were drawn."""

    held: int
    given: int
    trials: int

    @property
    def share(self) -> float:
        return self.held / self.given if self.given else float("nan")


def lognormal(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.exp(0.2 * rng.standard_normal(n))


def gamma(rng: np.random.Generator, n: int) -> np.ndarray:
    return 1.0 + 0.1 * rng.gamma(2.0, size=n)


def shifted_exponential(rng: np.random.Generator, n: int) -> np.ndarray:
    """A floor, an exponential above it, and 2 % of outliers far above both."""
    outliers = rng.random(n) < 0.02
    return 1.0 + 0.05 * rng.exponential(size=n) + outliers * rng.exponential(4.0, n)


def bimodal(rng: np.random.Generator, n: int) -> np.ndarray:
    """Three frames of four at one speed, the fourth at another."""
    slow = rng.random(n) < 0.25
    return np.where(slow, 1.4, 1.0) * np.exp(0.03 * rng.standard_normal(n))


def autoregressive(phi: float) -> Draw:
    """A lognormal whose logarithm remembers the share `phi` of the frame before."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        noise = rng.standard_normal(n)
        noise[1:] *= np.sqrt(1 - phi * phi)
        # blocks by powers of phi: y[t] = noise[t] + phi y[t-1], a doubling at a time
        length = 1
        while length < n and phi**length > 1e-17:
            shifted = noise[:-length].copy()
            noise[length:] += phi**length * shifted
            length *= 2
        return np.exp(0.2 * noise)

    return draw


DISTRIBUTIONS: dict[str, Draw] = {
    "lognormal": lognormal,
    "gamma": gamma,
    "shifted exponential": shifted_exponential,
    "bimodal": bimodal,
    "AR(1), phi 0.5": autoregressive(0.5),
    "AR(1), phi 0.8": autoregressive(0.8),
    "AR(1), phi 0.95": autoregressive(0.95),
}


@cache
def true_quantile(name: str, share: float) -> float:
    """Of a sample so large that its own error does not matter."""
    marginal = lognormal if name.startswith("AR") else DISTRIBUTIONS[name]
    return float(np.quantile(marginal(np.random.default_rng(99), _TRUTH_SIZE), share))


def order_statistics(
    sample: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[float, float] | None:
    """What the harness reports."""
    return percentile_interval(sample, share)


def block_bootstrap(
    sample: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Percentile interval over circular blocks of n^(1/2) values (Politis and Romano, 1992)."""
    n = len(sample)
    length = round(n**0.5)
    starts = rng.integers(0, n, (_RESAMPLES, -(-n // length)))
    places = (starts[..., None] + np.arange(length)) % n
    found = np.quantile(sample[places.reshape(_RESAMPLES, -1)[:, :n]], share, axis=1)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


METHODS: dict[str, Interval] = {
    "order statistics": order_statistics,
    "block bootstrap": block_bootstrap,
}


def coverage(
    name: str, n: int, share: float, trials: int, interval: Interval = order_statistics
) -> Coverage:
    """Over `trials` seeded samples of `n` values of the named distribution."""
    rng = np.random.default_rng(7)
    truth = true_quantile(name, share)
    found = [interval(DISTRIBUTIONS[name](rng, n), share, rng) for _ in range(trials)]
    given = [pair for pair in found if pair is not None]
    return Coverage(sum(low <= truth <= high for low, high in given), len(given), trials)


def table(method: str, sizes: tuple[int, ...], trials: int) -> Iterator[str]:
    """Markdown: the coverage in per cent, and in brackets how many samples had an interval."""
    yield f"{method} | n | " + " | ".join(SHARES)
    yield "--- | ---" + " | ---" * len(SHARES)
    for name in DISTRIBUTIONS:
        for n in sizes:
            cells = (_cell(coverage(name, n, s, trials, METHODS[method])) for s in SHARES.values())
            yield f"{name} | {n} | " + " | ".join(cells)


def _cell(found: Coverage) -> str:
    if found.given < found.trials / 20:
        return "none"
    given = "" if found.given == found.trials else f" ({found.given / found.trials:.0%})"
    return f"{found.share:.1%}{given}"


def main(trials: int = 2000) -> None:
    tables = (
        table("order statistics", (300, 1000, 10_000), trials),
        table("block bootstrap", (1000,), trials // 4),  # slow, and only there to compare with
    )
    for lines in tables:
        for line in lines:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
