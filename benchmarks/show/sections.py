"""The whole report as sections: what concerns all records, then each record by itself."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from edge_benchmarks.record.record import Record
from edge_benchmarks.scenarios import catalogue
from edge_benchmarks.scenarios.pipeline import Pipeline
from edge_benchmarks.show import cells, inside, latency, overview
from edge_benchmarks.show.plots.comparison import accuracy_against_latency, spots
from edge_benchmarks.show.plots.shapes import parts_of, stacked_bars
from edge_common.document import Section, Table


def sections(records: Sequence[Record]) -> list[Section]:
    """In the order of reading."""
    labelled = dict(zip(cells.record_labels(records), records))
    result = [*overview.overview(labelled), *_compared(labelled)]
    for label, record in labelled.items():
        result += [_head(label, record), *_single(record)]
    return result


def _single(record: Record) -> Iterator[Section]:
    yield from latency.latency_sections(record)
    yield from inside.inside_sections(record)
    yield from scenario_sections(record)
    yield from latency.harness_section(record)


def scenario_sections(record: Record) -> list[Section]:
    """Of the scenarios that were run, in the order of the catalogue."""
    candidates = (scenario.section(record) for scenario in catalogue.SCENARIOS)
    return [section for section in candidates if section is not None]


def _head(label: str, record: Record) -> Section:
    """Where the sections of one record begin."""
    how = f"**{record.predicted}.** Emulated" if record.predicted else "Measured"
    origin = f"{how} {record.created_at} on {cells.machine_name(record.machine)}."
    return Section(label, (origin, f"**{overview.verdict(record)}**"))


def _compared(labelled: Mapping[str, Record]) -> Iterator[Section]:
    """What is better seen than read: in Markdown as tables."""
    by_task = spots(labelled)
    if by_task:
        yield Section(
            "Accuracy against latency",
            tables=[_answers(labelled)],
            svg=lambda: accuracy_against_latency(by_task),
            caption="Upright whiskers: 95 % intervals of the answers. To the side: from the "
            "median frame to the one in a hundred.",
        )
    bars = _stage_means(labelled)
    if bars:
        yield Section(
            "Where a frame's time goes", tables=[_stages(bars)], svg=lambda: stacked_bars(bars)
        )


def _stage_means(labelled: Mapping[str, Record]) -> dict[str, dict[str, float]]:
    """Milliseconds of each stage, mean, and the rest of the frame, for each record."""
    bars = {}
    for label, record in labelled.items():
        streamed = record.streamed
        if streamed.total_ms and streamed.stages_ms:
            parts = {stage: summary.mean for stage, summary in streamed.stages_ms.items()}
            between = max(streamed.total_ms.mean - sum(parts.values()), 0.0)
            bars[label] = {**parts, "between the stages": between}
        pipeline = Pipeline.result_of(record)
        if pipeline and pipeline.samples.total_ms:
            series = pipeline.samples.stages_ms
            bars[f"{label}, pipeline"] = {stage: fmean(ms) for stage, ms in series.items()}
    return bars


def _answers(labelled: Mapping[str, Record]) -> Table:
    rows = [
        (
            spot.record,
            spot.way,
            spot.figure.task,
            cells.accuracy(spot.figure),
            cells.number(spot.p50_ms),
            cells.number(spot.p99_ms),
        )
        for task_spots in spots(labelled).values()
        for spot in task_spots
    ]
    return Table(("record", "way", "task", "value", "p50, ms", "p99, ms"), rows, words=3)


def _stages(bars: Mapping[str, Mapping[str, float]]) -> Table:
    names = parts_of(bars)
    rows = [
        (
            label,
            *(cells.number(parts[name]) if name in parts else "" for name in names),
            cells.number(sum(parts.values())),
        )
        for label, parts in bars.items()
    ]
    return Table(("a frame, mean, ms", *names, "together"), rows, words=1)
