"""Sections on one record's latencies: all ways, the stages, the time line."""

from collections.abc import Iterator

from edge_benchmarks.cells import (
    NOT_MEASURED,
    accuracy,
    key_figures,
    latency,
    memory,
    number,
    percent,
)
from edge_benchmarks.record import Measurement, Record
from edge_benchmarks.run.measurement import ratio, warnings_of
from edge_benchmarks.show.plots.record import distributions, telemetry_series, time_line
from edge_benchmarks.statistics import Summary, intervals
from edge_common.document import Section, Table

_STAGE_LATENCY = ("p50", "p90", "p99", "mean")


def latency_sections(record: Record) -> Iterator[Section]:
    """Those that the record holds figures for."""
    yield _latency(record)
    if len(record.streamed.frames_ms) > 1:
        yield _time_line(record)
    if _answered(record):
        yield _answers(record)


def _latency(record: Record) -> Section:
    notes = [
        f"{way.name}: {NOT_MEASURED} ({way.not_measured})."
        for way in record.measurements
        if way.not_measured
    ]
    doubtful = [f"**Doubtful:** {warning}." for warning in warnings_of(record)]
    tables = [_ways(record), *([_stages(record.streamed)] if record.streamed.stages_ms else [])]
    timed = any(way.frames_ms for way in record.measurements)
    return Section(
        "Latency",
        [*_gain(record), *_floors(record), *doubtful, *notes],
        tables,
        svg=(lambda: distributions(record.measurements)) if timed else "",
        caption="Left: how often a frame took how long. Right: how long the slowest frames took, "
        "up to the one in 10, in 100, in 1000.",
        level=3,
    )


def _gain(record: Record) -> list[str]:
    gain = record.streaming
    if gain is None:
        return []
    achieved = "" if gain.achieved is None else f"; {gain.achieved:.2f} times was measured"
    if gain.achieved is not None and gain.achieved > gain.ceiling:
        achieved += " (what is above the most is noise)"
    return [
        f"Keeping features can make a frame at most {gain.ceiling:.2f} times as fast as running "
        f"both parts over the whole window{achieved}."
    ]


def _floors(record: Record) -> list[str]:
    floors = record.process_floors_ms
    if not floors:
        return []
    return [
        f"The shortest frame of each of {len(floors)} fresh processes, which comparisons rest on: "
        f"{number(min(floors), 'ms')} in the best, {number(max(floors), 'ms')} in the worst."
    ]


def _ways(record: Record) -> Table:
    header = (
        "a frame, ms",
        *intervals.SHARES,
        "mean",
        "x streamed",
        "cpu p50",
        "outliers",
        "size",
        "n",
    )
    rows = [_way(record, way, way.total_ms) for way in record.measurements if way.total_ms]
    return Table(header, rows, words=1)


def _way(record: Record, way: Measurement, total_ms: Summary) -> list[str]:
    times = ratio(way, record.streamed)
    return [
        way.name,
        *latency(total_ms, way.percentiles),
        number(total_ms.mean),
        "" if times is None else f"{times:.2f}",
        number(way.cpu_ms.p50 if way.cpu_ms else None),
        percent(way.outliers.share if way.outliers else None),
        memory(way.size_bytes),
        str(total_ms.n),
    ]


def _stages(streamed: Measurement) -> Table:
    rows = {
        **streamed.stages_ms,
        **{f"the runtime alone: {part}": s for part, s in streamed.invokes_ms.items()},
    }
    if streamed.overhead_ms:
        rows["added by edge-run"] = streamed.overhead_ms
    cells = [
        (name, *(number(getattr(summary, figure)) for figure in _STAGE_LATENCY))
        for name, summary in rows.items()
    ]
    return Table(("stage, ms", *_STAGE_LATENCY), cells, words=1)


def _time_line(record: Record) -> Section:
    series = telemetry_series(record.telemetry)
    text = [] if series else ["Temperature, clocks and power: not told by this machine."]
    throttled = [sample for sample in record.telemetry if sample.throttled_now]
    if throttled:
        text.append(f"**Throttled in {len(throttled)} of {len(record.telemetry)} samples.**")
    rows = [
        (label, number(min(values)), number(max(values)), number(values[-1]))
        for label, (_, values) in series.items()
    ]
    header = ("while timing", "least", "most", "at the end")
    return Section(
        "Time line", text, [Table(header, rows, words=1)] if rows else [],
        svg=lambda: time_line(record),
        caption="Streamed frames, whose rounds took turns with those of the other ways.",
        level=3,
    )  # fmt: skip


def _answered(record: Record) -> list[Measurement]:
    """The ways besides streaming that were asked for answers, with streaming."""
    ways = [
        m
        for m in record.measurements
        if m.agreement or any(f.value is not None for f in m.accuracy)
    ]
    return ways if len(ways) > 1 else []


def _answers(record: Record) -> Section:
    rows = [
        (way.name, figure.task, accuracy(figure), _agreement(way, figure.task))
        for way in _answered(record)
        for figure in way.accuracy
    ]
    header = ("way", "task", f"right ({record.data})", "as the float network")
    return Section("Answers of each way", tables=[Table(header, rows, words=2)], level=3)


def _agreement(way: Measurement, task: str) -> str:
    return percent(way.agreement[task]) if task in way.agreement else ""


def harness_section(record: Record) -> Iterator[Section]:
    """What measuring costs, and how fine the clock is."""
    timer, rows = record.timer, list[tuple[str, str]]()
    if timer:
        rows.append(("smallest step of the clock", number(timer.resolution_ns, "ns")))
        rows.append(("a reading of the clock", number(timer.cost_ns, "ns")))
    text = [f"{str(record.overhead).capitalize()}."] if record.overhead else []
    if rows or text:
        yield Section("Harness", text, [key_figures(rows)] if rows else [], level=3)
