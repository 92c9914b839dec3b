"""The measured figures of docs/results.md, written from records.

`python -m examples.results_figures docs/results.md RECORD.json ...` replaces what stands between the
two marks, so that no figure there is typed by hand.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edge.tasks import is_share
from edge_benchmarks.cells import amount, megabytes
from edge_benchmarks.record import Measurement, Record, read_record
from edge_benchmarks.run.measurement import ratio
from edge_benchmarks.scenarios import camera, cold
from examples.document_figures import markdown_table, replace_marked

BEGIN, END = "<!-- figures: make bench -->", "<!-- end of figures -->"


def section(records: Sequence[Record]) -> str:
    """Markdown: the machine, and for each record its table and what else was found."""
    machine, setup = records[0].machine, records[0].setup
    threads = f"{setup.threads} thread" + "s" * (setup.threads > 1)
    intro = (
        f"{machine.cpu}, {machine.cores} cores, {setup.runtime} {setup.runtime_version}, {threads}; "
        f"measured {records[0].created_at[:10]} at revision {records[0].revision or 'unknown'}. "
        "Milliseconds a frame, with 95 % intervals in brackets."
    )
    return "\n\n".join([intro, *(_one(record) for record in records)])


def _one(record: Record) -> str:
    parts = record.bundle.parts
    work = sum(part.multiply_adds or 0 for part in parts)
    title = (
        f"**{record.bundle.name}** (window of {record.bundle.window}, "
        f"{amount(sum(part.parameters or 0 for part in parts))} parameters, {amount(work)} "
        f"multiply-adds a frame, {megabytes(record.bundle.size_bytes)})"
    )
    facts = "\n".join(f"* {fact}" for fact in _facts(record))
    return f"{title}\n\n{_table(record)}\n\n{facts}"


def _table(record: Record) -> str:
    tasks = [f for f in record.streamed.accuracy if f.value is not None]
    header = ["way", "p50", "p99", "against streamed", *(f"{f.task} (n = {f.n})" for f in tasks)]
    rows = [_row(record, m, [f.task for f in tasks]) for m in record.measurements if m.total_ms]
    return markdown_table(header, rows)


def _row(record: Record, measurement: Measurement, tasks: Sequence[str]) -> list[str]:
    values = {f.task: f for f in measurement.accuracy if f.value is not None}
    return [
        measurement.name,
        _percentile(measurement, "p50"),
        _percentile(measurement, "p99"),
        f"{ratio(measurement, record.streamed):.2f} x",
        *(_accuracy(values.get(task)) for task in tasks),
    ]


def _percentile(measurement: Measurement, name: str) -> str:
    estimate = measurement.percentiles[name]
    if estimate.interval is None:
        return f"{estimate.value:.2f}"
    low, high = estimate.interval
    return f"{estimate.value:.2f} [{low:.2f}, {high:.2f}]"


def _accuracy(figure) -> str:
    if figure is None:
        return "as streamed"
    if not is_share(figure.metric):
        return f"{figure.value:.3f} {figure.unit}".strip()
    low, high = figure.interval
    return f"{100 * figure.value:.2f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _facts(record: Record) -> Iterator[str]:
    yield f"verdict: {record.streamed.verdict}"
    if record.process_floors_ms:
        floors = record.process_floors_ms
        yield f"shortest frame of {len(floors)} fresh processes: {min(floors):.3f} ms"
    if record.streaming:
        achieved = (
            f"{record.streaming.achieved:.1f} x" if record.streaming.achieved else "not measured"
        )
        yield (
            f"keeping features gains {achieved} over running both parts again for the window "
            f"(at most {record.streaming.ceiling:.1f} x is possible)"
        )
    if record.streamed.overhead_ms:
        yield f"edge-run adds {record.streamed.overhead_ms.p50:.2f} ms a frame to the runtime"
    live, starts = camera.Camera.result_of(record), cold.Cold.result_of(record)
    if live and live.age_ms:
        p50, p99 = np.percentile(live.age_ms, [50, 99])
        invalid = f"; not valid: {live.invalid_because}" if live.invalid_because else ""
        yield (
            f"camera at {live.rate_hz:g} Hz: frame age {p50:.1f} ms p50, {p99:.1f} p99, "
            f"{live.dropped} of {live.taken + live.dropped} frames dropped{invalid}"
        )
    if starts and starts.first_decision_s:
        yield f"process start to first decision: {np.median(starts.first_decision_s):.2f} s"
    if record.cold_start:
        yield f"peak memory of edge-run: {record.cold_start.peak_rss_bytes / 1e6:.0f} MB"
    for role, point in record.roofline.items():
        yield (
            f"{role}: {point.share_of_peak:.0%} of the {point.precision} peak measured here, "
            f"{point.intensity:.1f} operations a byte"
        )
    for engine in record.engines:
        if engine.invoke_ms:
            own = record.streamed.invokes_ms[engine.part].p50
            yield (
                f"the same {engine.part} in {engine.engine} {engine.version.partition('-')[0]}: "
                f"{engine.invoke_ms.p50:.2f} ms p50, {engine.invoke_ms.p50 / own:.1f} x"
            )
    if record.cross_check:
        yield f"our clock over {record.cross_check.reference}'s: {record.cross_check.ratio:.3f}"


def rewrite(document: Path, records: Sequence[Record]) -> None:
    """Put the section between the marks. Raises ConfigError if they are missing."""
    replace_marked(document, BEGIN, END, section(records))


if __name__ == "__main__":
    rewrite(Path(sys.argv[1]), [read_record(path) for path in sys.argv[2:]])
