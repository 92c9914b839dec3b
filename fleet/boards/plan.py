"""What a roll-out would do: the waves, and which boards must not get the bundle, predicted from profiles."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata

from edge_benchmarks.prediction import BoardForecast, Forecast
from edge_common import console
from edge_devices.profiles import profile_named
from edge_fleet.boards.inventory import BoardLimits, Inventory
from edge_fleet.boards.waves import WaveEnd, split

# of a bundle on a board: the one that runs, the one before, and the one on its way
SLOTS = 3
_MIB, _MB = 1 << 20, 1e6
_BASE = "edge-run"


@dataclass(frozen=True)
class BundleNeeds:
    """What it takes on any board.

    frame_ms: how long a frame may take at the rate that it was trained at; None: it does not say one.
    program_bytes: of edge-run and what it imports, installed, as it is on this machine.
    """

    name: str
    sha256: str
    size_bytes: int
    frame_ms: float | None = None
    program_bytes: int = 0

    @property
    def disk_bytes(self) -> int:
        return SLOTS * self.size_bytes + self.program_bytes


@dataclass(frozen=True)
class KindVerdict:
    """What is predicted for all boards of one kind and limits.  refusals: why they must not get it.

    doubts: what may be wrong, which holds nobody back.
    """

    device: str
    limits: BoardLimits
    boards: tuple[str, ...]
    forecast: BoardForecast | None = None
    refusals: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class RollOutPlan:
    """waves: names of boards.  problems: a line of each board that is left out, whyever."""

    needs: BundleNeeds
    peak_rss_bytes: int
    kinds: Sequence[KindVerdict]
    waves: Sequence[tuple[str, ...]]
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def boards(self) -> int:
        return sum(map(len, self.waves))


def make(
    inventory: Inventory, needs: BundleNeeds, forecast: Forecast | None, ends: Sequence[WaveEnd]
) -> RollOutPlan:
    """forecast: of all kinds of boards in the inventory; None: nothing of them is known."""
    by_device = {each.board: each for each in forecast.boards} if forecast else {}
    rss_bytes = forecast.peak_rss_bytes if forecast else 0
    groups: dict[tuple[str, BoardLimits], list[str]] = {}
    for board in inventory.boards.values():
        groups.setdefault((board.device, board.limits), []).append(board.name)
    kinds = [
        _verdict(device, limits, names, by_device.get(device), needs, rss_bytes)
        for (device, limits), names in groups.items()
    ]
    problems = dict(inventory.problems)
    for kind in kinds:
        problems |= dict.fromkeys(kind.boards, "; ".join(kind.refusals)) if kind.refusals else {}
    boards = {n: b.device for n, b in inventory.boards.items() if n not in problems}
    return RollOutPlan(needs, rss_bytes, kinds, split(boards, ends, needs.sha256), problems)


def _verdict(
    device: str,
    limits: BoardLimits,
    names: Sequence[str],
    forecast: BoardForecast | None,
    needs: BundleNeeds,
    rss_bytes: int,
) -> KindVerdict:
    refusals = [*_disk(needs, limits), *_memory(forecast, limits, rss_bytes)]
    doubts = list[str]()
    if forecast is None:
        doubts.append("not predicted: no group or edge_device says which board it is")
    elif forecast.frame is None:
        doubts.append(f"not predicted: {forecast.not_predicted}")
    else:
        budget_ms = limits.edge_latency_ms or needs.frame_ms
        if budget_ms is None:
            doubts.append("no budget: the bundle says no frame rate; give edge_latency_ms")
        elif not forecast.frame.ms <= budget_ms:
            refusals.append(f"{forecast.frame.ms:.1f} ms a frame of {budget_ms:.1f} ms")
        elif not forecast.frame.high_ms <= budget_ms:
            doubts.append(f"up to {forecast.frame.high_ms:.1f} ms a frame of {budget_ms:.1f} ms")
    return KindVerdict(device, limits, tuple(names), forecast, tuple(refusals), tuple(doubts))


def _disk(needs: BundleNeeds, limits: BoardLimits) -> Iterator[str]:
    if not needs.disk_bytes <= limits.edge_disk_mb * _MB:
        yield f"disk: {_mb(needs.disk_bytes)} of {limits.edge_disk_mb:.0f} MB (edge_disk_mb)"


def _memory(forecast: BoardForecast | None, limits: BoardLimits, rss_bytes: int) -> Iterator[str]:
    if not rss_bytes <= limits.edge_memory_mb * _MIB:
        yield f"memory: {_mb(rss_bytes)} of {limits.edge_memory_mb:.0f} MiB (edge_memory_mb)"
    if forecast is None:
        return
    if forecast.fits_mib is None:
        yield f"memory: {_mb(rss_bytes)} and a system fit into no {forecast.title}"
        return
    board_mib, origin = limits.edge_board_memory_mib, "it has"
    if board_mib is None:
        board_mib = min(profile_named(forecast.board).memory.size_mib)
        origin = "some have (edge_board_memory_mib says how much each has)"
    if not board_mib >= forecast.fits_mib:
        yield f"memory: a board of {forecast.fits_mib} MiB is needed, {board_mib:.0f} {origin}"


def _mb(size: float) -> str:
    return f"{size / _MB:.0f} MB"


_REQUIREMENT = re.compile(r"\s*([\w.-]+)\s*(?:\[([\w\s,.-]*)\])?")
_OF_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")


def installed_bytes(extras: Collection[str]) -> int:
    """Of edge-run with extras and all that they require, as installed here; 0 of what is not here."""
    waiting, requests = [(_BASE, frozenset(extras))], set[tuple[str, frozenset[str]]]()
    sizes: dict[str, int] = {}
    while waiting:
        request = name, _ = waiting.pop()
        if request in requests:
            continue
        requests.add(request)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of another system, or an extra that is not here
            continue
        if name not in sizes:
            sizes[name] = sum(map(_file_bytes, distribution.files or ()))
        waiting += _requirements(distribution.requires or (), request[1])
    return sum(sizes.values())


def _requirements(
    lines: Sequence[str], extras: Collection[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    for line in lines:
        match, of_extra = _REQUIREMENT.match(line), _OF_EXTRA.search(line)
        if match and (of_extra is None or of_extra[1] in extras):
            inner = frozenset(filter(None, re.split(r"[\s,]+", match[2] or "")))
            yield re.sub(r"[-_.]+", "-", match[1]).lower(), inner


def _file_bytes(path: metadata.PackagePath) -> int:
    try:
        return path.locate().stat().st_size  # type: ignore[attr-defined]  # a Path, as it says
    except OSError:
        return 0


_HEADER = ("board", "boards", "ms a frame", "90 % interval", "budget", "memory", "disk", "verdict")


def plan_text(plan: RollOutPlan) -> str:
    """For a terminal: a row a kind of board, then the waves, then a line a board that is left out."""
    rows = [_row(kind, plan) for kind in plan.kinds]
    lines = [f"{plan.needs.name} {plan.needs.sha256[:12]}: predicted, not measured"]
    lines += [console.text_table(_HEADER, rows, left_columns=(0, 7)), ""]
    lines += [f"{kind.device or '?'}: {doubt}" for kind in plan.kinds for doubt in kind.doubts]
    done = 0
    for number, wave in enumerate(plan.waves, 1):
        done += len(wave)
        names = ", ".join(wave[:_NAMES]) + (" ..." if len(wave) > _NAMES else "")
        lines.append(f"wave {number}: {len(wave)} boards, {done} of {plan.boards} then: {names}")
    lines += ["", problem_table(plan.problems)] if plan.problems else []
    return "\n".join(lines)


_NAMES = 5


def _row(kind: KindVerdict, plan: RollOutPlan) -> list[str]:
    frame = kind.forecast.frame if kind.forecast else None
    budget_ms = kind.limits.edge_latency_ms or plan.needs.frame_ms
    return [
        kind.device or "?",
        str(len(kind.boards)),
        f"{frame.ms:.1f}" if frame else "",
        f"{frame.low_ms:.1f} to {frame.high_ms:.1f}" if frame else "",
        f"{budget_ms:.1f}" if budget_ms else "",
        f"{plan.peak_rss_bytes / _MIB:.0f} of {kind.limits.edge_memory_mb:.0f} MiB",
        f"{plan.needs.disk_bytes / _MB:.0f} of {kind.limits.edge_disk_mb:.0f} MB",
        f"must not: {'; '.join(kind.refusals)}" if kind.refusals else "may",
    ]


def problem_table(problems: Mapping[str, str]) -> str:
    """One line a board, those of the same problem behind each other."""
    rows = sorted(problems.items(), key=lambda pair: (pair[1], pair[0]))
    return console.text_table(("board", "problem"), rows, left_columns=(0, 1))
