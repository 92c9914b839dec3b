"""A new file of figures against its baseline, each a record or the facts of a bundle."""

import json
from pathlib import Path

from benchmarks.comparison.comparable import check_measured, tolerated_differences
from benchmarks.facts.facts import Facts, facts_of
from benchmarks.facts.facts_file import facts_from_fields
from benchmarks.gate.check import Allowances, Check
from benchmarks.gate.deterministic import check_facts
from benchmarks.gate.frame_time import check_frame_time
from benchmarks.gate.instructions import check_instructions
from benchmarks.record import Record
from benchmarks.record_file import from_json
from edge.errors import ConfigError

Figures = Record | Facts


def read_figures(path: Path) -> Figures:
    """Read a record or facts. Raises ConfigError where it cannot be read, or is neither."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}): give a record or facts of edge-bench"
        ) from error
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if isinstance(fields, dict) and "facts_schema" in fields:
        return facts_from_fields(fields, str(path))
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
    check_measured(str(path), record)
    if not record.complete:
        raise ConfigError(f"the record {path} was interrupted: measure it again")
    return record


def judged(
    files: tuple[str, str],
    baseline: Figures,
    new: Figures,
    allowances: Allowances,
    *,
    deterministic: bool = False,
    across_machines: bool = False,
    across_settings: bool = False,
) -> list[Check]:
    """The checks of all figures; without the clock's where one of the files holds no times.

    files: baseline's and new one's name, for messages. Raises ConfigError where they are
    of different networks, or of machines or settings that differ against the user's will.
    """
    checks = []
    if isinstance(baseline, Record) and isinstance(new, Record) and not deterministic:
        tolerated_differences(baseline, new, across_machines, across_settings)
        checks.append(check_frame_time(files, baseline, new, allowances.slower))
    before, after = (f if isinstance(f, Facts) else facts_of(f) for f in (baseline, new))
    if before.bundle.name != after.bundle.name:
        raise ConfigError(
            f"{files[0]} is of {before.bundle.name} and {files[1]} of {after.bundle.name}: "
            "give a baseline of the same network"
        )
    counted = check_instructions(before, after, allowances.more_instructions)
    return [*checks, *check_facts(before, after, allowances), *counted]
