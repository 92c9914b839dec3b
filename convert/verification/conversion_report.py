"""All that a conversion measured, and what of it the user should be warned of."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil

from edge.bundle import Accuracy, RuntimeTrial
from edge.emulated import ThrottledBoard
from edge.tasks import Task
from edge.tflite import flatbuffer
from edge_common import EngineError, ModelError
from edge_convert.network import TrainedNetwork
from edge_convert.precision import calibration, candidates, parts, recipes
from edge_convert.precision.jobs import ConversionJobs

_PERIOD_S, _RESTS = 0.2, 10  # between two looks, and times what one takes


class PeakMemory:
    """Watches the resident memory of a process, this one by default, and of its children.

    What they share since they were forked counts once, if the system tells: that takes it a hundredth
    of a second a gigabyte, and is asked only if without sharing there would be more than ever.
    """

    def __init__(self, pid: int | None = None) -> None:
        self.peak_bytes, self._process = 0, psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            began = time.perf_counter()
            if _memory(self._process, _resident) > self.peak_bytes:
                self.peak_bytes = max(self.peak_bytes, _memory(self._process, _proportional))
            pause_s = max(_PERIOD_S, _RESTS * (time.perf_counter() - began))
            if self._done.wait(pause_s):
                return


def _memory(process: psutil.Process, measure: Callable[[psutil.Process], int]) -> int:
    """Of it and its children."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for member in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += measure(member)
    return total


def _resident(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def _proportional(process: psutil.Process) -> int:
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", memory.rss))


MIN_AGREEMENT = 0.95


@dataclass(frozen=True)
class RuntimeRun:
    """A runtime's turn with the golden frames: how near its outputs came to LiteRT's.

    agreement: share of decisions that mean the same, by task.  difference: the largest.
    """

    trials: tuple[RuntimeTrial, ...]
    agreement: Mapping[str, float]
    difference: float = float("nan")


@dataclass(frozen=True)
class WholeWindowModel:
    """The uncut network as one int8 graph, or why there is none. seconds: to convert it."""

    size_bytes: int = 0
    operators: int = 0
    latency_ms: float = 0.0
    seconds: float = 0.0
    failure: str = ""


@dataclass
class ConversionReport:
    """Filled step by step; every field is a measurement, none a promise.

    board: whose predicted latency ranked the candidates; None: they were timed here.
    """

    max_drop: float = 0.0
    board: ThrottledBoard | None = None
    split_difference: float = float("nan")
    ring_difference: float = float("nan")
    carried: dict[str, float] = field(default_factory=dict)
    feature_snr_db: dict[str, float] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)
    agreement_clips: int = 0
    search: candidates.SearchResult | None = None
    search_clips: str = ""
    runs: tuple[RuntimeRun, ...] = ()
    accuracy: tuple[Accuracy, ...] = ()
    whole_window: WholeWindowModel | None = None
    operators: dict[str, dict[str, int]] = field(default_factory=dict)
    outside_xnnpack: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    output_warnings: tuple[str, ...] = ()

    @property
    def ranking(self) -> str:
        """By what candidates are ranked, in words; empty: by what was timed here."""
        if self.board is None or self.search is None:
            return ""
        chosen = "; ".join(
            f"{a.role} {self.board.latency(a.converted.model)}"
            for a in self.search.chosen.candidates
        )
        return (
            f"Latency is predicted for {self.board.profile.name}, one thread, not measured; of what is "
            f"chosen with 90 % intervals: {chosen}."
        )

    def ranked(
        self, ladder: Sequence[recipes.Recipe]
    ) -> tuple[
        Sequence[recipes.Recipe], Callable[[Sequence[parts.ConvertedPart]], list[float]] | None
    ]:
        """What of a ladder can be ranked, and the latencies if a board is asked for."""
        board = self.board
        if board is None:
            return ladder, None
        known = [recipe for recipe in ladder if recipe.precision != recipes.INT16X8]
        return known, lambda converted: [board.latency(part.model).ms for part in converted]

    def warnings(self) -> list[str]:
        """What the user has to know before relying on the bundle."""
        return [*self.output_warnings, *self._over_budget(), *self._disagreeing()]

    @property
    def carried_line(self) -> str:
        """How far answers with a carried state are from the window's; "" if nothing is carried."""
        shares = ", ".join(f"{task} {100 * share:.1f} %" for task, share in self.carried.items())
        return shares and (
            "with carried state, clips played one after the other without a gap, decisions mean what "
            f"the window's do: {shares}; the largest difference is {self.ring_difference:.2g}"
        )

    def _over_budget(self) -> list[str]:
        if self.search is None:
            return []
        return [
            f"'{d.task}' loses {d.points:.2f} (95 % interval {d.low:.2f} to {d.high:.2f}) where "
            f"{self.max_drop:g} were allowed; leave the precision to the search, or raise --max-drop"
            for d in self.search.chosen.drops
            if not d.points <= self.max_drop
        ]

    def _disagreeing(self) -> list[str]:
        worst = min(self.feature_snr_db.values(), default=float("inf"))
        return [
            f"'{task}' decides as in float for only {100 * share:.1f} % of {self.agreement_clips} "
            f"clips; the encoder's features keep {worst:.0f} dB. Give more and more varied "
            "calibration clips, and measure with --validation before you rely on it"
            for task, share in self.agreement.items()
            if not share >= MIN_AGREEMENT
        ]


def agreements(
    tasks: Sequence[Task], reference: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """How far outputs mean the same as the float network's, for each task."""
    return {t.name: candidates.agreement(t, reference[t.name], outputs[t.name]) for t in tasks}


_EXAMPLES = 16


def measure_whole_window(
    network: TrainedNetwork,
    jobs: ConversionJobs,
    values: np.ndarray,
    windows: calibration.NetworkInput,
) -> tuple[WholeWindowModel, dict[str, np.ndarray]]:
    """Convert the uncut network to int8, time it, and run it over `windows`.

    values: real input (N, T, H, W, C) that calibrates it.  Gives its outputs by task, or
    none if it fails, which the result then explains.
    """
    if len(network.parts) == 1:
        return WholeWindowModel(failure="the network is one part anyway"), {}
    if network.whole is None:
        return WholeWindowModel(
            failure="only Keras models are converted by hand for comparison"
        ), {}
    started = time.perf_counter()
    try:
        converted = jobs.to_int8_by_converter("whole", network.whole(), values[:_EXAMPLES]).result()
        seconds = time.perf_counter() - started
        part = parts.describe("whole", recipes.INT8, converted, 0)
        (outputs,) = parts.outputs_by_last_part(part, [], windows)
    except (ModelError, EngineError) as error:
        return WholeWindowModel(failure=str(error)), {}
    operators = sum(flatbuffer.cost(converted).ops.values())
    return WholeWindowModel(
        len(converted), operators, parts.latencies_ms([part])[0], seconds
    ), outputs
