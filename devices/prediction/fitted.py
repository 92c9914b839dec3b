"""The model as it stands: fitted to all published figures and to what was measured since."""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge_devices.prediction import cores, measured, model
from edge_devices.profiles import Profile


@functools.cache
def _observations() -> tuple[model.Observation, ...]:
    return (*(anchor.observation for anchor in measured.published()), *measured.measured()[0])


@functools.cache
def latency_model() -> model.LatencyModel:
    """Fitted once a process, in a few milliseconds."""
    return model.fit(_observations())


def observed_boards() -> Counter[str]:
    """How many latencies of each board the model was fitted to."""
    return Counter(each.processor.board for each in _observations() if not each.own_scale)


def predicted(work: cores.Work, profile: Profile, threads: int = 1) -> model.Latency:
    """Predict one invocation on a board; raise DeviceError if nothing is known of its cores."""
    processor = cores.processor_of(profile)
    return latency_model().predict(work, processor, min(threads, processor.cores))


@dataclass(frozen=True)
class LeftOut:
    """A published figure, and what a model fitted without it says."""

    anchor: measured.Anchor
    latency: model.Latency

    @property
    def error(self) -> float:
        """Predicted over published, less 1."""
        return self.latency.ms / self.anchor.observation.ms - 1

    @property
    def is_covered(self) -> bool:
        """Whether the 90 % interval holds the published figure."""
        return self.latency.low_ms <= self.anchor.observation.ms <= self.latency.high_ms


@dataclass(frozen=True)
class Errors:
    """Absolute relative errors over several figures, and how many their intervals cover."""

    count: int
    median: float
    worst: float
    covered: int


def by_figure(anchors: Sequence[measured.Anchor]) -> list[LeftOut]:
    """Leave out each figure by itself."""
    return _left_out(anchors, lambda first, other: first is other)


def by_board(anchors: Sequence[measured.Anchor]) -> list[LeftOut]:
    """Leave out all figures of the same processor, as for a board that nobody has measured yet."""
    return _left_out(anchors, lambda first, other: _silicon(first) == _silicon(other))


def errors(left_out: Sequence[LeftOut]) -> Errors:
    """In short."""
    sizes = [abs(each.error) for each in left_out]
    return Errors(
        len(sizes), float(np.median(sizes)), max(sizes), sum(each.is_covered for each in left_out)
    )


def _left_out(
    anchors: Sequence[measured.Anchor],
    alike: Callable[[model.Observation, model.Observation], bool],
) -> list[LeftOut]:
    """Figures whose network is another (`own_scale`) are never predicted, only learnt from."""
    errors = []
    for anchor in anchors:
        observation = anchor.observation
        if not observation.own_scale:
            training = [a.observation for a in anchors if not alike(a.observation, observation)]
            latency = model.fit(training).predict(
                observation.work, observation.processor, observation.threads
            )
            errors.append(LeftOut(anchor, latency))
    return errors


def _silicon(observation: model.Observation) -> tuple[object, float]:
    return observation.processor.core, observation.processor.clock_ghz
