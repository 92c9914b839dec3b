"""`edge-bench predict`, once its options are read."""

from collections.abc import Sequence

from benchmarks.cold_start import cold_start
from benchmarks.frames import frames_of
from benchmarks.instructions.count import boards_named, count_parts, counters
from benchmarks.prediction.forecast import Count, Forecast, forecast
from devices.catalogue import profiles, shipped_profiles
from devices.errors import DeviceError
from devices.prediction.cores import processor_of
from devices.prediction.measured import measured
from devices.profile import Profile
from edge.bundle import Bundle
from edge.plain_tflite import open_any
from edge.progress import Progress
from edge.stream import EngineOptions

ALL = "all"


def run_forecasts(
    name: str, boards: str, threads: Sequence[int], count: bool, progress: Progress
) -> list[Forecast]:
    """Predict a bundle on boards by their names, for each number of threads.

    Raises DeviceError for a board that there is not, EngineError where nothing can be counted.
    """
    chosen = tuple(profiles().values()) if boards == ALL else boards_named(boards)
    bundle = open_any(name)
    for unused in measured()[1]:
        progress.say(f"warning: {unused.reason}")
    counts = _counter(bundle, chosen, progress) if count else _estimated
    progress.say("measuring memory")
    frames = frames_of(bundle)
    once = cold_start(name, EngineOptions(), frames, count=bundle.manifest.window + 1, repeats=1)
    return [forecast(bundle, chosen, each, once.peak_rss_bytes, counts) for each in threads]


def _estimated(profile: Profile, role: str) -> None:
    return None


def _counter(bundle: Bundle, boards: tuple[Profile, ...], progress: Progress) -> Count:
    """Count once for each kind of kernels: boards with the same execute the same instructions."""
    wanted = set(filter(None, map(_kernels, boards)))
    emulated = {board.cpu.qemu_cpu: board for board in shipped_profiles()}
    by_kernels = {kernels: emulated[kernels] for kernels in sorted(wanted)}
    found = count_parts(bundle, counters(tuple(by_kernels.values()), progress), progress)
    return lambda board, role: found[by_kernels[_kernels(board)].name][role].instructions


def _kernels(board: Profile) -> str:
    """Empty where nothing can be predicted for the board."""
    try:
        return processor_of(board).core.kernels
    except DeviceError:
        return ""
