"""What stands at the end of a suite: a table of all runs, and one report of their records."""

import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.cells import LATENCY, milliseconds
from benchmarks.suite.running import PROGRAM, Outcome
from edge.text_table import text_table


def outcomes_table(outcomes: Sequence[Outcome]) -> str:
    """One run a row, and why those failed that did."""
    rows = []
    for found in outcomes:
        latency = found.record.streamed.total_ms if found.record else None
        rows.append([found.combination.title, found.outcome, *milliseconds(latency)])
    table = text_table(["run", "outcome", *(f"{name} ms" for name in LATENCY)], rows)
    failures = [f"{f.combination.title}: {f.reason}" for f in outcomes if f.reason]
    return "\n\n".join(filter(None, [table, "\n".join(failures)]))


def make_report(outcomes: Sequence[Outcome], output: Path) -> str:
    """Write `output` with `edge-bench report`; one line about how that went."""
    records = [str(found.path) for found in outcomes if found.path]
    if not records:
        return "no report: there is no record to report on"
    if find_spec("matplotlib") is None:
        return "no report: its plots need matplotlib: pip install 'edge-run[report]'"
    command = [*PROGRAM, "report", *records, "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        return f"no report: {lines[-1].removeprefix('Error: ')}"
    return f"report: {output}"
