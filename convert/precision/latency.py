"""How long candidates take on this machine, measured in turns so that noise hits all alike."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from convert.precision.parts import ConvertedPart
from edge.engine import Engine

ROUNDS = 7
_ROUND_NS = 20_000_000  # of one candidate
_MOST_INVOCATIONS = 20  # a round


def latencies_ms(
    parts: Sequence[ConvertedPart], clock: Callable[[], int] = time.perf_counter_ns
) -> list[float]:
    """Median time of one invocation of each part on LiteRT, one thread, in milliseconds."""
    engines = [Engine(part.model, name=part.part.file) for part in parts]
    taken: list[list[float]] = [[] for _ in engines]
    repeats = [_repeats(_invocation_ns(engine, clock)) for engine in engines]
    for _ in range(ROUNDS):
        for engine, times, count in zip(engines, taken, repeats):
            times.extend(_invocation_ns(engine, clock) for _ in range(count))
    return [float(np.median(times)) / 1e6 for times in taken]


def _invocation_ns(engine: Engine, clock: Callable[[], int]) -> int:
    started = clock()
    engine.invoke()
    return clock() - started


def _repeats(first_ns: int) -> int:
    return int(np.clip(_ROUND_NS // max(first_ns, 1), 1, _MOST_INVOCATIONS))
