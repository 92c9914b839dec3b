"""A new file of figures against its baseline, each a record or the facts of a bundle."""

import json
import math
from pathlib import Path

from edge_benchmarks.judge import checks, compare, facts, records
from edge_benchmarks.record import Record, from_json
from edge_common import ConfigError

Figures = Record | facts.Facts


def read_figures(path: Path) -> Figures:
    """Read a record or facts. Raises ConfigError if it cannot be read, or is neither."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}): give a record or facts of edge-bench"
        ) from error
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict) and "facts_schema" in fields:
        return facts.facts_from_fields(fields, str(path))
    return _whole(from_json(text, str(path)), path)


def read_baseline(path: Path) -> Figures:
    """As `read_figures`; one that is not there yet is an error that says how to make it."""
    if not path.exists():
        raise ConfigError(
            f"there is no baseline {path}: make it with edge-bench facts BUNDLE -o {path}, "
            f"or for gating time with edge-bench BUNDLE -o {path}"
        )
    return read_figures(path)


def _whole(record: Record, path: Path) -> Record:
    records.check_measured(str(path), record)
    if not record.complete:
        raise ConfigError(f"the record {path} was interrupted: measure it again")
    return record


def run_checks(
    files: tuple[str, str],
    baseline: Figures,
    new: Figures,
    allowances: checks.Allowances,
    across: records.Across = records.ALIKE,
) -> list[checks.Check]:
    """The checks of all figures; without the clock's if one of the files holds no times.

    files: baseline's and new one's name, for messages. Raises ConfigError if they are
    of different networks, or of machines or settings that differ against the user's will.
    """
    results = []
    if isinstance(baseline, Record) and isinstance(new, Record) and not allowances.deterministic:
        records.tolerated_differences(baseline, new, across)
        results.append(check_frame_time(files, baseline, new, allowances.slower))
    before, after = (
        f if isinstance(f, facts.Facts) else facts.facts_of(f) for f in (baseline, new)
    )
    if before.bundle.name != after.bundle.name:
        raise ConfigError(
            f"{files[0]} is of {before.bundle.name} and {files[1]} of {after.bundle.name}: "
            "give a baseline of the same network"
        )
    instructions = checks.check_instructions(before, after, allowances.more_instructions)
    return [*results, *checks.check_facts(before, after, allowances), *instructions]


FIGURE = "frame time"


def check_frame_time(
    files: tuple[str, str], baseline: Record, new: Record, allowance: float
) -> checks.Check:
    """allowance: by which share a frame may take longer."""
    comparison, allowed = records.compare_times(files, baseline, new), f"+{100 * allowance:g} %"
    if not isinstance(comparison, compare.Comparison):
        return checks.Check(FIGURE, "", "", "", allowed, checks.INCONCLUSIVE, comparison)
    low, high = comparison.interval
    change = f"{_percent(comparison.ratio)} ({_percent(low)} to {_percent(high)})"
    before, after = (f"{min(record.process_floors_ms):.3f} ms" for record in (baseline, new))
    return checks.Check(
        FIGURE, before, after, change, allowed, *slowdown_outcome(comparison, allowance)
    )


def slowdown_outcome(comparison: compare.Comparison, allowance: float) -> tuple[str, str]:
    """Outcome and its reason.

    Fails if a slow-down is certain (95 %) and its estimate above the allowance: a
    certain one whose estimate is within is allowed, though its interval reaches further.
    Inconclusive if the interval holds both no slow-down and one that is not allowed.
    """
    low, high = comparison.interval
    if not all(map(math.isfinite, (low, high, comparison.ratio))):
        return checks.INCONCLUSIVE, "the times give no interval: measure both again"
    if low > 1:
        if comparison.ratio > 1 + allowance:
            return checks.FAIL, "slower at 95 %, by more than is allowed"
        return checks.PASS, "slower at 95 %, by no more than is allowed"
    if high > 1 + allowance:
        return checks.INCONCLUSIVE, (
            "the interval holds both no difference and more than is allowed: "
            "measure both again with more --processes, on a quieter machine"
        )
    return checks.PASS, ""


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
