"""The report as a file, in the form that its name asks for.

CSV is for programs: one row a record and way of running it; the column names are a promise.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge_benchmarks.cells import machine_labels, record_labels, total
from edge_benchmarks.record import Measurement, Record
from edge_benchmarks.scenarios import base, catalogue, cold
from edge_benchmarks.show.sections import sections
from edge_benchmarks.statistics.intervals import SHARES
from edge_common import ConfigError, SinkError, can_be_written, console, document, write_whole


def csv_text(records: Sequence[Record]) -> str:
    """RFC 4180 with a header; what was not measured is empty."""
    rows = list(_rows(records))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns)
    writer.writeheader()
    writer.writerows({name: _as_text(cell) for name, cell in row.items()} for row in rows)
    return stream.getvalue()


def _as_text(cell: base.Cell) -> base.Cell:
    return console.no_formula(cell) if isinstance(cell, str) else cell


def _rows(records: Sequence[Record]) -> Iterator[dict[str, base.Cell]]:
    labels, machines = record_labels(records), machine_labels(records)
    for label, machine, record in zip(labels, machines, records):
        for way in record.measurements:
            names = {"record": label, "way": way.name, "machine": machine}
            own = record if way is record.streamed else None
            row = names | _run(record) | _way(way) | _streamed_only(own) | _tasks(way)
            yield row | (_scenarios(own) if own else {})


def _run(record: Record) -> dict[str, base.Cell]:
    """What holds for every way of a record."""
    bundle, setup, machine = record.bundle, record.setup, record.machine
    return {
        "created_at": record.created_at,
        "complete": record.complete,
        "edge_run": record.edge_run,
        "revision": record.revision,
        "bundle": bundle.name,
        "bundle_sha256": bundle.sha256,
        "bundle_bytes": bundle.size_bytes,
        "window_frames": bundle.window,
        "precisions": " ".join(f"{part.role}={part.precision}" for part in bundle.parts),
        "parameters": total([part.parameters for part in bundle.parts]),
        "multiply_adds": total([part.multiply_adds for part in bundle.parts]),
        "runtime": setup.runtime,
        "runtime_version": setup.runtime_version,
        "threads": setup.threads,
        "delegate": setup.delegate,
        "predicted_for": record.predicted.board if record.predicted else "",
        "delegate_left_out": "; ".join(record.left_out),
        "operators": " ".join(_operators(record)),
        "board": machine.board,
        "cpu": machine.cpu,
        "architecture": machine.architecture,
        "cores": machine.cores,
        "governor": machine.governor,
        "kernel": machine.kernel,
        "data": record.data,
    }


def _operators(record: Record) -> Iterator[str]:
    """`encoder:XNNPACK=61`, with a + for each blank in a name."""
    for role, delegation in record.delegation.items():
        for engine in delegation.operators:
            yield f"{role}:{engine.replace(' ', '+')}={delegation.taken(engine)}"


def _way(way: Measurement) -> dict[str, base.Cell]:
    total_ms, cpu = way.total_ms, way.cpu_ms
    row: dict[str, base.Cell] = {
        "not_measured": way.not_measured,
        "verdict": way.verdict,
        "model_bytes": way.size_bytes,
        "n_frames": total_ms.n if total_ms else None,
        "mean_ms": total_ms.mean if total_ms else None,
        "min_ms": total_ms.min if total_ms else None,
        "max_ms": total_ms.max if total_ms else None,
        "cpu_p50_ms": cpu.p50 if cpu else None,
        "frames_per_s": 1e3 / total_ms.mean if total_ms else None,
        "outlier_share": way.outliers.share if way.outliers else None,
    }
    for name in SHARES:
        row |= _percentile(way, name)
    return row


def _percentile(way: Measurement, name: str) -> dict[str, base.Cell]:
    column, estimate = name.replace(".", "_"), way.percentiles.get(name)
    value = estimate.value if estimate else getattr(way.total_ms, column, None)
    low, high = estimate.interval if estimate and estimate.interval else (None, None)
    return {f"{column}_ms": value, f"{column}_low_ms": low, f"{column}_high_ms": high}


def _streamed_only(record: Record | None) -> dict[str, base.Cell]:
    """What is known of the bundle's own way alone."""
    memory = record.memory if record else None
    energy = record.energy if record else None
    stages = record.streamed.stages_ms if record else {}
    return {
        "edge_run_peak_rss_bytes": cold.edge_run_peak_bytes(record) if record else None,
        "peak_rss_bytes": memory.peak_rss_bytes if memory else None,
        "pss_bytes": memory.pss_bytes if memory else None,
        "energy_mj_per_frame": energy.per_frame_mj if energy else None,
        "energy_covers": energy.covers if energy else None,
        **{f"stage_{name}_p50_ms": summary.p50 for name, summary in stages.items()},
    }


def _scenarios(record: Record) -> dict[str, base.Cell]:
    """Behind all other columns: what the scenarios that were run add."""
    results = [(each, each.result_of(record)) for each in catalogue.SCENARIOS]
    columns = (each.columns(result) for each, result in results if result is not None)
    return {name: cell for each in columns for name, cell in each.items()}


def _tasks(way: Measurement) -> dict[str, base.Cell]:
    row: dict[str, base.Cell] = {}
    for figure in way.accuracy:
        low, high = figure.interval or (None, None)
        column = f"{figure.task}_{figure.metric}" + (f"_{figure.unit}" if figure.unit else "")
        has_value = figure.value is not None
        row |= {
            column: figure.value,
            f"{column}_low": low,
            f"{column}_high": high,
            f"{figure.task}_n": figure.n if has_value else None,
        }
    return row


TITLE = "Benchmark report"


def _page(records: Sequence[Record]) -> str:
    return document.page(TITLE, sections(records))


def _markdown(records: Sequence[Record]) -> str:
    return document.markdown(TITLE, sections(records))


FORMS: dict[str, Callable[[Sequence[Record]], str]] = {
    ".html": _page,
    ".md": _markdown,
    ".csv": csv_text,
}


def check_output(path: Path) -> None:
    """Raise SinkError if no report can be written under this name."""
    if path.suffix not in FORMS:
        raise SinkError(f"{path} is no name for a report: it ends in {', '.join(FORMS)}")
    if not can_be_written(path):
        raise SinkError(f"{path} cannot be written: its folder is missing or read-only")


def write_report(path: Path, records: Sequence[Record]) -> None:
    """Write under the name only when whole.

    Raises SinkError if it cannot, ConfigError if figures of a record, edited by
    hand, contradict each other.
    """
    check_output(path)
    text = _text(path, records)
    write_whole(path, text.encode())


def _text(path: Path, records: Sequence[Record]) -> str:
    try:
        return FORMS[path.suffix](records)
    except (ArithmeticError, LookupError, StopIteration, ValueError) as error:
        raise ConfigError(
            f"a record holds figures that no measurement gives ({error}): measure again"
        ) from error
