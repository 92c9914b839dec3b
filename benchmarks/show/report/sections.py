"""The whole report as sections: what concerns all records, then each record by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge_benchmarks.record.record import Record
from edge_benchmarks.show.plots.comparison import spots
from edge_benchmarks.show.plots.time_line import parts_of
from edge_benchmarks.show.report import summary
from edge_benchmarks.show.report.cells import accuracy, machine_name, number, record_labels
from edge_benchmarks.show.report.latency import harness_section, latency_sections
from edge_benchmarks.show.report.machine import machine_sections
from edge_benchmarks.show.report.pictures import pictures_of, pictures_of_all, stage_means
from edge_benchmarks.show.report.scenarios import scenario_sections
from edge_common.document import Section, Table


def sections(records: Sequence[Record], *, pictures: bool = False) -> list[Section]:
    """In the order of reading.

    pictures: draw them, which needs matplotlib; raises ModuleNotFoundError without it.
    """
    named = dict(zip(record_labels(records), records))
    found = [*summary.overview(named), *_compared(named)]
    found = _drawn(found, pictures_of_all(named) if pictures else {})
    for label, record in named.items():
        found.append(_head(label, record))
        found += _drawn(_single(record), pictures_of(record) if pictures else {})
    return found


def _drawn(found: Sequence[Section], pictures: Mapping[str, str]) -> list[Section]:
    return [replace(section, svg=pictures.get(section.title, "")) for section in found]


def _single(record: Record) -> list[Section]:
    return [
        *latency_sections(record),
        *machine_sections(record),
        *scenario_sections(record),
        *harness_section(record),
    ]


def _head(label: str, record: Record) -> Section:
    """Where the sections of one record begin."""
    how = f"**{record.predicted}.** Played" if record.predicted else "Measured"
    where = f"{how} {record.created_at} on {machine_name(record.machine)}."
    return Section(label, (where, f"**{summary.verdict(record)}**"))


def _compared(named: Mapping[str, Record]) -> list[Section]:
    """What is better seen than read: in Markdown as tables."""
    found = []
    if spots(named):
        found.append(
            Section(
                summary.ANSWERS,
                tables=[_answers(named)],
                caption="Upright whiskers: 95 % intervals of the answers. To the side: from the "
                "median frame to the one in a hundred.",
            )
        )
    bars = stage_means(named)
    if bars:
        found.append(Section(summary.STAGES, tables=[_stages(bars)]))
    return found


def _answers(named: Mapping[str, Record]) -> Table:
    rows = [
        (
            spot.record,
            spot.way,
            spot.figure.task,
            accuracy(spot.figure),
            number(spot.p50_ms),
            number(spot.p99_ms),
        )
        for found in spots(named).values()
        for spot in found
    ]
    return Table(("record", "way", "task", "value", "p50, ms", "p99, ms"), rows, words=3)


def _stages(bars: Mapping[str, Mapping[str, float]]) -> Table:
    names = parts_of(bars)
    rows = [
        (
            label,
            *(number(parts[name]) if name in parts else "" for name in names),
            number(sum(parts.values())),
        )
        for label, parts in bars.items()
    ]
    return Table(("a frame, mean, ms", *names, "together"), rows, words=1)
