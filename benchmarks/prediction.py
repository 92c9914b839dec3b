"""A bundle on boards that are not here: instructions counted under qemu, and what they predict.

Milliseconds a frame on one board after the other, and whether the bundle fits in its memory.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from edge.bundle import Bundle, plain_tflite
from edge.stream import StreamOptions, golden_inputs
from edge.tflite.operators import counted_work, estimated_work
from edge_benchmarks.measure import conditions, processes
from edge_common import BuildFailed, DeviceError, EngineError, RunFailed, Unavailable, console
from edge_devices.detection.detect import Detected, detect
from edge_devices.emulation.counting import ARCHITECTURE, Counts, InstructionCounter, counter
from edge_devices.prediction import CONFIDENCE, Latency, cores, fitted, measured
from edge_devices.profiles import Profile, profile_named, profiles, shipped_profiles

Instructions = dict[str, dict[str, Counts]]  # by board, then by the parts' roles


def instructions_per_frame(counts: Mapping[str, Counts], invocations: Mapping[str, float]) -> float:
    """Instructions of all parts for one decided frame. invocations: of each part for it."""
    return sum(each.instructions * invocations.get(role, 1.0) for role, each in counts.items())


ALL = "all"


def boards_named(names: str) -> tuple[Profile, ...]:
    """The boards of `pi-4,pi-5`; of `all` those that can be counted for.

    Raises DeviceError for a name that there is not.
    """
    if names == ALL:
        return tuple(filter(_can_be_counted, profiles().values()))
    board_names = (name.strip() for name in names.split(","))
    boards = tuple(profile_named(name) for name in dict.fromkeys(filter(None, board_names)))
    if not boards:
        raise DeviceError(f"--device '{names}' names no board: `edge-devices list` shows them")
    return boards


def _can_be_counted(profile: Profile) -> bool:
    return bool(profile.cpu.qemu_cpu) and profile.cpu.architecture == ARCHITECTURE


def counters(
    boards: Sequence[Profile], progress: console.Progress
) -> tuple[InstructionCounter, ...]:
    """Make ready to count. Raises EngineError if this machine cannot."""
    try:
        return tuple(counter(board, progress.say) for board in boards)
    except (Unavailable, BuildFailed) as error:
        raise EngineError(f"instructions cannot be counted here: {error}") from error


def count_parts(
    bundle: Bundle, counters: Sequence[InstructionCounter], progress: console.Progress
) -> Instructions:
    """Instructions of one inference of each part on each board; a few seconds for each.

    Raises EngineError if a part does not run there.
    """
    parts = bundle.manifest.parts
    pairs = [(counter, part) for counter in counters for part in parts]
    with (
        progress.count("counting instructions, parts on boards", len(pairs)) as on_each,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        results = pool.map(lambda pair: pair[0].count(bundle.members[pair[1].file]), pairs)
        instructions: Instructions = {}
        try:
            for (counter, part), counts in zip(pairs, results):
                instructions.setdefault(counter.board.profile.name, {})[part.role] = counts
                on_each()
        except RunFailed as error:
            raise EngineError(str(error)) from error
    return instructions


_FOR_A_DETECTOR = "face"  # which looks at what it finds
_SYSTEM_BYTES = 250 << 20  # what a headless system, its page cache and a shell from afar want

# board, part's role -> instructions of one inference; None: not counted, estimate them
Count = Callable[[Profile, str], int | None]


@dataclass(frozen=True)
class BoardForecast:
    """All figures are predicted.

    parts_ms: of one inference of each part.  frame: of all of them, one each; the ends of the
    interval are the sums of theirs.  slowest_part: its role.  bound_by: the model's term in which
    most of the frame's time goes.  counted: instructions were counted, not estimated.
    figures: how many published or measured latencies of this very board the model knows.
    fits_mib: the smallest memory version that edge-run fits in; None: it fits in none.
    not_predicted: why there are no figures.
    """

    board: str
    title: str
    threads: int
    parts_ms: dict[str, Latency]
    frame: Latency | None = None
    slowest_part: str = ""
    bound_by: str = ""
    counted: bool = False
    figures: int = 0
    fits_mib: int | None = None
    not_predicted: str = ""

    @property
    def frames_per_second(self) -> float:
        return 1e3 / self.frame.ms if self.frame else 0.0


@dataclass(frozen=True)
class Forecast:
    """confidence: of the intervals.  peak_rss_bytes: of edge-run with this bundle, measured here."""

    bundle: str
    peak_rss_bytes: int
    boards: tuple[BoardForecast, ...]
    confidence: float = CONFIDENCE
    predicted: bool = True


def forecast(
    bundle: Bundle,
    boards: Sequence[Profile],
    threads: int,
    peak_rss_bytes: int,
    count: Count,
) -> Forecast:
    """Predict for each board; one that the model knows nothing of says why."""
    forecasts = tuple(_board(bundle, board, threads, peak_rss_bytes, count) for board in boards)
    return Forecast(bundle.manifest.name, peak_rss_bytes, forecasts)


def part_work(bundle: Bundle, profile: Profile, count: Count) -> dict[str, cores.Work]:
    """Each part's work on a board's cores. Raises DeviceError if nothing is known of them."""
    kernels, work = cores.processor_of(profile).core.kernels, {}
    for part in bundle.manifest.parts:
        model, instructions = bundle.members[part.file], count(profile, part.role)
        work[part.role] = (
            estimated_work(model, kernels)
            if instructions is None
            else counted_work(model, instructions)
        )
    return work


def _board(
    bundle: Bundle, profile: Profile, threads: int, peak_rss_bytes: int, count: Count
) -> BoardForecast:
    threads = min(threads, profile.cpu.cores)
    fits_mib = _smallest_fit(profile, peak_rss_bytes)
    try:
        work = part_work(bundle, profile, count)
    except DeviceError as error:
        reason = str(error)
        return BoardForecast(
            profile.name, profile.title, threads, {}, fits_mib=fits_mib, not_predicted=reason
        )
    parts = {role: fitted.predicted(each, profile, threads) for role, each in work.items()}
    frame = _sum(parts)
    return BoardForecast(
        board=profile.name,
        title=profile.title,
        threads=threads,
        parts_ms=parts,
        frame=frame,
        slowest_part=max(parts, key=lambda role: parts[role].ms),
        bound_by=max(zip(frame.by_term, cores.TERMS))[1],
        counted=all(each.counted for each in work.values()),
        figures=fitted.observed_boards()[profile.name],
        fits_mib=fits_mib,
    )


def _sum(parts: Mapping[str, Latency]) -> Latency:
    """Of one inference each. What a board deviates by, it does in all parts: the ends add up."""
    each = list(parts.values())
    return Latency(
        sum(latency.ms for latency in each),
        sum(latency.low_ms for latency in each),
        sum(latency.high_ms for latency in each),
        tuple(map(sum, zip(*(latency.by_term for latency in each)))),
    )


def _smallest_fit(profile: Profile, peak_rss_bytes: int) -> int | None:
    sizes = (
        size
        for size in sorted(profile.memory.size_mib)
        if size * 2**20 >= peak_rss_bytes + _SYSTEM_BYTES
    )
    return next(sizes, None)


def work_here(bundle: Bundle, detected: Detected | None = None) -> dict[str, cores.Work]:
    """Each part's work, by its role; nothing on a board that the latency model does not know."""
    detected = detected or detect()
    if not detected.is_known:
        return {}
    try:
        return part_work(bundle, detected.profile, lambda profile, role: None)
    except (DeviceError, EngineError):  # no LiteRT, no schema to read operators with
        return {}


def run_forecasts(
    name: str, boards: str, threads: Sequence[int], count: bool, progress: console.Progress
) -> list[Forecast]:
    """Predict a bundle on boards by their names, for each number of threads.

    A detector's memory is that of finding people for a shipped network.
    Raises DeviceError for a board that there is not, EngineError if nothing can be counted.
    """
    targets = tuple(profiles().values()) if boards == ALL else boards_named(boards)
    bundle = plain_tflite.open_any(name)
    for unused in measured.measured()[1]:
        progress.say(f"warning: {unused.reason}")
    counts = _counter(bundle, targets, progress) if count else _estimated
    progress.say("measuring memory")
    frames = conditions.frames_of(bundle)
    looked, detector = (_FOR_A_DETECTOR, name) if bundle.manifest.detection else (name, "")
    count_frames = bundle.manifest.window + 1
    options = StreamOptions(gate=False).with_inputs(golden_inputs(bundle))
    once = processes.cold_start(
        processes.Starts(looked, options, frames, count_frames, detector=detector)
    )
    return [forecast(bundle, targets, each, once.peak_rss_bytes, counts) for each in threads]


def _estimated(profile: Profile, role: str) -> None:
    return None


def _counter(bundle: Bundle, boards: tuple[Profile, ...], progress: console.Progress) -> Count:
    """Count once for each kind of kernels: boards with the same execute the same instructions."""
    kinds = set(filter(None, map(_kernels, boards)))
    emulated = {board.cpu.qemu_cpu: board for board in shipped_profiles()}
    by_kernels = {kernels: emulated[kernels] for kernels in sorted(kinds)}
    counts = count_parts(bundle, counters(tuple(by_kernels.values()), progress), progress)
    return lambda board, role: counts[by_kernels[_kernels(board)].name][role].instructions


def _kernels(board: Profile) -> str:
    """Empty if nothing can be predicted for the board."""
    try:
        return cores.processor_of(board).core.kernels
    except DeviceError:
        return ""
