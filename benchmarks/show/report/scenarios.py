"""Sections on the scenarios of one record, each only where it was run."""

from collections.abc import Iterator, Sequence

from edge_benchmarks.record.record import Record
from edge_benchmarks.scenarios.camera import Camera
from edge_benchmarks.scenarios.capacity import Capacity
from edge_benchmarks.scenarios.multi_stream import MultiStream
from edge_benchmarks.scenarios.offline import Offline
from edge_benchmarks.scenarios.pipeline import Pipeline
from edge_benchmarks.scenarios.soak import Soak
from edge_benchmarks.show.report.cells import (
    PERCENTILES,
    estimates,
    facts,
    megabytes,
    number,
    percent,
)
from edge_benchmarks.show.report.summary import edge_run_peak_bytes
from edge_benchmarks.statistics import percentile_estimates, summarise
from edge_common.document import Section, Table

CAMERA, OFFLINE, PIPELINE = "Camera", "Offline", "Pipeline"
MULTI_STREAM, CAPACITY = "Several streams", "Capacity"
COLD, SOAK = "Cold start", "Soak"


def scenario_sections(record: Record) -> Iterator[Section]:
    """In the order of MLPerf's LoadGen, then those beside it."""
    found = record.scenarios
    if found.camera:
        yield _camera(found.camera)
    if found.offline:
        yield _offline(found.offline)
    if found.multi_stream:
        yield _multi_stream(found.multi_stream)
    if found.capacity:
        yield _capacity(found.capacity)
    if found.cold or record.cold_start:
        yield _cold(record)
    if found.soak:
        yield _soak(found.soak)
    if found.pipeline:
        yield _pipeline(found.pipeline)


def _camera(found: Camera) -> Section:
    text = [f"Frames came {found.rate_hz:g} times a second, whoever was too slow for one."]
    if found.invalid_because:
        text.append(f"**Invalid:** {found.invalid_because}.")
    rows = [
        ("missed: decided on too late, or never", percent(found.missed_share)),
        ("deadline", number(found.deadline_ms, "ms")),
        ("frames taken", f"{found.taken:,}"),
        ("frames dropped", f"{found.dropped:,}"),
        ("jitter: standard deviation between decisions", number(found.jitter_ms, "ms")),
        ("frames that the generator was late with", percent(found.late_share)),
    ]
    series = {"frame age": found.age_ms, "network": found.latency_ms, **found.stages_ms}
    return Section(
        CAMERA,
        [*text, *_partial(found.complete)],
        [_spreads("ms", series), facts(rows)],
        caption="Age: from when the frame was due to its decision.",
        level=3,
    )


def _spreads(unit: str, series: dict[str, Sequence[float]]) -> Table:
    """Percentiles with intervals of each series that holds values."""
    rows = [
        (name, *estimates(percentile_estimates(values)), str(len(values)))
        for name, values in series.items()
        if values
    ]
    return Table((unit, *PERCENTILES, "n"), rows, words=1)


def _partial(complete: bool) -> list[str]:
    return [] if complete else ["**Interrupted:** this holds what was measured until then."]


def _offline(found: Offline) -> Section:
    rows = [
        ("frames a second", number(found.frames_per_second)),
        ("cores at work, mean", number(found.busy_cores)),
        ("batches", str(len(found.batches))),
        ("frames", f"{sum(batch.frames for batch in found.batches):,}"),
    ]
    text = ["All frames were there at once.", *_partial(found.complete)]
    return Section(OFFLINE, text, [facts(rows)], level=3)


def _multi_stream(found: MultiStream) -> Section:
    served = "one thread for each" if found.threads > 1 else "served in turn by one thread"
    rows = [
        ("frames a second, all streams together", number(found.frames_per_second)),
        ("rounds", f"{len(found.slowest_ms):,}"),
    ]
    text = [f"{found.streams} streams, {served}.", *_partial(found.complete)]
    series = _spreads("a frame of each stream, ms", {"slowest stream": found.slowest_ms})
    return Section(MULTI_STREAM, text, [series, facts(rows)], level=3)


def _capacity(found: Capacity) -> Section:
    fits = f"**{found.streams} streams** at {found.rate_hz:g} frames a second each"
    rows = [
        (
            str(tried.streams),
            number(tried.p99_ms),
            number(tried.frames_per_second),
            "yes" if tried.keeps(found.rate_hz) else "no",
        )
        for tried in found.tried
    ]
    header = ("streams tried", "p99 of a round, ms", "frames/s", "in time")
    text = [f"{fits} (at most {found.limit} were tried).", *_partial(found.complete)]
    return Section(CAPACITY, text, [Table(header, rows, words=1)], level=3)


def _cold(record: Record) -> Section:
    found, start, rows = record.scenarios.cold, record.cold_start, []
    if start:
        first = start.first_result_s
        rows.append(
            _starts("edge-run to its first result", first.p50, first.min, first.max, first.n)
        )
    if found and found.first_result_s and not start:
        rows.append(_of("edge-run to its first result", found.first_result_s))
    if found and found.first_decision_s:
        rows.append(_of("a like process to its first decision", found.first_decision_s))
        rows += [_of(f"of it: {step}", seconds) for step, seconds in found.steps_s.items()]
    header = ("fresh processes, s", "median", "least", "most", "n")
    text = [f"Peak memory of edge-run: {megabytes(edge_run_peak_bytes(record))}."]
    return Section(
        COLD, text + _partial(found is None or found.complete), [Table(header, rows, words=1)],
        level=3,
    )  # fmt: skip


def _of(name: str, seconds: Sequence[float]) -> tuple[str, ...]:
    short = summarise(seconds)
    return _starts(name, short.p50, short.min, short.max, short.n)


def _starts(name: str, median: float, least: float, most: float, n: int) -> tuple[str, ...]:
    return (name, number(median), number(least), number(most), str(n))


def _soak(found: Soak) -> Section:
    growth = found.memory
    grown = number(growth.kb_per_h, "kB an hour")
    if growth.interval:
        grown += f" ({number(growth.interval[0])} to {number(growth.interval[1])})"
    intervals = found.intervals
    rows = [
        ("lasted", number(intervals[-1].until_s if intervals else 0.0, "s")),
        ("frames", f"{sum(interval.frames for interval in intervals):,}"),
        ("errors of the engine", str(found.errors)),
        ("frames overtaken by newer ones", str(sum(i.missed for i in intervals))),
        ("memory grows by", grown),
        ("verdict on memory", growth.verdict),
    ]
    text = [f"**The engine failed:** {found.last_error}."] if found.last_error else []
    return Section(SOAK, [*text, *_partial(found.complete)], [facts(rows)], level=3)


def _pipeline(found: Pipeline) -> Section:
    samples = found.samples
    series = {"from capture to sink": samples.total_ms, **samples.stages_ms}
    text = ["edge-run's own loop over a recording.", *_partial(found.complete)]
    return Section(PIPELINE, text, [_spreads("a frame, ms", series)], level=3)
