"""The head's precision: the first rung that decides as the float head does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convert.parts import ConvertedPart, describe
from convert.tflite import Conversion, Workshop
from convert.verify import agreement, refuse_degenerate
from edge.errors import EngineError, ModelError
from edge.manifest import Task

# int8 is no rung: a recurrent head gathers its rounding errors over the window
LADDER = ("dynamic_range", "float16", "float32")
MIN_AGREEMENT = 0.99


@dataclass(frozen=True)
class Rung:
    """One precision that was tried: its lowest agreement over the tasks, or why it failed."""

    precision: str
    agreement: float | None
    size_bytes: int = 0
    failure: str = ""


@dataclass(frozen=True)
class Climb:
    """The head that was chosen, the float head, and what was tried on the way."""

    head: ConvertedPart
    float_head: ConvertedPart
    rungs: tuple[Rung, ...]


class HeadLadder:
    """Converts the saved head `head` in several precisions, at once where that needs no data."""

    def __init__(self, shop: Workshop, source: object, tasks: Sequence[Task], wanted: str) -> None:
        self._shop, self._source, self._tasks = shop, source, tasks
        self._precisions = LADDER if wanted == "auto" else (wanted,)
        self._forced = wanted != "auto"
        first = self._precisions[0]
        # the reference first: a child that crashes at the second has still given the first
        early = {"float32": None} if _needs_data(first) else {"float32": None, first: None}
        self._jobs = shop.start_all("head", early)

    def climb(self, features: Mapping[str, np.ndarray]) -> Climb:
        """Choose by agreement on features {name: (N, T, ...)} of the *quantised* encoder.

        Raises ModelError where no precision gives a head that works.
        """
        float_head = describe("head", "float32", self._jobs["float32"].result(), self._source)
        reference = float_head.over(features)
        for task, outputs in reference.items():
            refuse_degenerate(f"task '{task}' in float", outputs)
        rungs: list[Rung] = []
        for precision in self._precisions:
            head, rung = self._try(precision, features, reference)
            rungs.append(rung)
            if head and (self._forced or rung.agreement >= MIN_AGREEMENT):
                return Climb(head, float_head, tuple(rungs))
        reasons = "; ".join(f"{rung.precision}: {rung.failure}" for rung in rungs if rung.failure)
        raise ModelError(
            f"no precision gives a head that works ({reasons}): try --head-precision float32"
        )

    def _job(self, precision: str, features: Mapping[str, np.ndarray]) -> Conversion:
        if precision not in self._jobs:
            data = features if _needs_data(precision) else None
            self._jobs[precision] = self._shop.start("head", precision, data)
        return self._jobs[precision]

    def _try(
        self,
        precision: str,
        features: Mapping[str, np.ndarray],
        reference: Mapping[str, np.ndarray],
    ) -> tuple[ConvertedPart | None, Rung]:
        try:
            head = describe(
                "head", precision, self._job(precision, features).result(), self._source
            )
            found = head.over(features)
            for task, outputs in found.items():
                refuse_degenerate(f"task '{task}' in {precision}", outputs)
        except (ModelError, EngineError) as error:
            return None, Rung(precision, None, failure=str(error))
        kinds = {task.name: task.kind for task in self._tasks}
        lowest = min(agreement(reference[task], found[task], kinds[task]) for task in found)
        return head, Rung(precision, lowest, len(head.model))


def _needs_data(precision: str) -> bool:
    return precision in ("int8", "int16x8")
