"""A bundle on one board after the other: milliseconds a frame, and whether it fits in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from devices.errors import DeviceError
from devices.prediction.cores import processor_of
from devices.prediction.fitted import observed_boards, predicted
from devices.prediction.model import CONFIDENCE, Latency
from devices.prediction.terms import TERMS
from devices.prediction.work import Work
from devices.profile import Profile
from edge.bundle import Bundle
from edge.work import counted_work, estimated_work

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
    bundle: Bundle, boards: Sequence[Profile], threads: int, peak_rss_bytes: int, count: Count
) -> Forecast:
    """Predict for each board; one that the model knows nothing of says why."""
    found = tuple(_board(bundle, board, threads, peak_rss_bytes, count) for board in boards)
    return Forecast(bundle.manifest.name, peak_rss_bytes, found)


def part_work(bundle: Bundle, profile: Profile, count: Count) -> dict[str, Work]:
    """Each part's work on a board's cores. Raises DeviceError where nothing is known of them."""
    kernels, found = processor_of(profile).core.kernels, {}
    for part in bundle.manifest.parts:
        model, instructions = bundle.members[part.file], count(profile, part.role)
        found[part.role] = (
            estimated_work(model, kernels)
            if instructions is None
            else counted_work(model, instructions)
        )
    return found


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
    parts = {role: predicted(each, profile, threads) for role, each in work.items()}
    frame = _sum(parts)
    return BoardForecast(
        board=profile.name,
        title=profile.title,
        threads=threads,
        parts_ms=parts,
        frame=frame,
        slowest_part=max(parts, key=lambda role: parts[role].ms),
        bound_by=max(zip(frame.by_term, TERMS))[1],
        counted=all(each.counted for each in work.values()),
        figures=observed_boards()[profile.name],
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
