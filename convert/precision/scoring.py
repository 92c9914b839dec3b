"""Running candidates over windows: each first part once, its features through every last part."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from convert.calibration import NetworkInput
from convert.precision.parts import ConvertedPart, encode_windows

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
