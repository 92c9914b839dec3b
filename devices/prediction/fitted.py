"""The model as it stands: fitted to all published figures and to what was measured since."""

import functools
from collections import Counter

from devices.prediction.anchors import published
from devices.prediction.cores import processor_of
from devices.prediction.measured import measured
from devices.prediction.model import Latency, LatencyModel, Observation, fit
from devices.prediction.work import Work
from devices.profile import Profile


@functools.cache
def _observations() -> tuple[Observation, ...]:
    return (*(anchor.observation for anchor in published()), *measured()[0])


@functools.cache
def latency_model() -> LatencyModel:
    """Fitted once a process, in a few milliseconds."""
    return fit(_observations())


def observed_boards() -> Counter[str]:
    """How many latencies of each board the model was fitted to."""
    return Counter(each.processor.board for each in _observations() if not each.own_scale)


def predicted(work: Work, profile: Profile, threads: int = 1) -> Latency:
    """Predict one invocation on a board; raise DeviceError where nothing is known of its cores."""
    processor = processor_of(profile)
    return latency_model().predict(work, processor, min(threads, processor.cores))
