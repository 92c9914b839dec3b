"""How long candidates take on this machine, and what they answer to windows."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.engine.engine import Engine
from edge_convert.calibration import NetworkInput
from edge_convert.precision.parts import ConvertedPart, encode_windows

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


CHUNK = 8  # windows whose features are held at a time


def outputs_by_last_part(
    first: ConvertedPart,
    lasts: Sequence[ConvertedPart],
    windows: NetworkInput,
    on_window: Callable[[], None] = lambda: None,
) -> list[dict[str, np.ndarray]]:
    """What each of `lasts` behind `first` answers: {task: (N, k)} float32 for each.

    Where `lasts` is empty, `first` is the only part and answers itself.
    """
    rows: list[list[Mapping[str, np.ndarray]]] = [[] for _ in lasts or [first]]
    for start in range(0, len(windows), CHUNK):
        chunk = windows[start : start + CHUNK]
        if lasts:
            features = encode_windows(first, chunk)
            for found, last in zip(rows, lasts):
                found.append(last.over(features))
        else:
            rows[0].append(first.over({first.part.inputs[0].name: chunk}))
        for _ in chunk:
            on_window()
    return [{task: _flat([part[task] for part in parts]) for task in parts[0]} for parts in rows]


def _flat(answers: Sequence[np.ndarray]) -> np.ndarray:
    joined = np.concatenate(answers)
    return joined.reshape(len(joined), -1)
