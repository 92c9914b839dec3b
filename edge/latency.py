"""Latencies of the stages of a run, in bounded memory however long it lasts."""

from collections.abc import Mapping

import numpy as np

QUANTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


def percentiles(sample_ms: np.ndarray) -> dict[str, float]:
    """p50, p90 and p99 of a sample, in its unit (linear interpolation, Hyndman-Fan type 7)."""
    values = np.quantile(sample_ms, list(QUANTILES.values()))
    return {name: float(value) for name, value in zip(QUANTILES, values)}


class LatencyLog:
    """The newest `capacity` latencies of each stage, milliseconds."""

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._stages: dict[str, np.ndarray] = {}
        self._counts: dict[str, int] = {}

    def add(self, latencies_ms: Mapping[str, float]) -> None:
        """Record one latency for each named stage."""
        for stage, latency_ms in latencies_ms.items():
            if stage not in self._stages:
                self._stages[stage] = np.zeros(self._capacity, np.float32)
                self._counts[stage] = 0
            self._stages[stage][self._counts[stage] % self._capacity] = latency_ms
            self._counts[stage] += 1

    @property
    def stages(self) -> list[str]:
        return list(self._stages)

    def sample(self, stage: str) -> np.ndarray:
        """The kept latencies of a stage, milliseconds, in no particular order."""
        return self._stages[stage][: self._counts[stage]]

    def summary(self) -> dict[str, dict[str, float]]:
        """p50, p90, p99 of each stage, milliseconds."""
        return {stage: percentiles(self.sample(stage)) for stage in self._stages}
