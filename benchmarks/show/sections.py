"""The whole report as sections: what concerns all records, then each record by itself."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from edge_benchmarks import cells
from edge_benchmarks.record import Record
from edge_benchmarks.run.measurement import verdict_of
from edge_benchmarks.scenarios import catalogue, cold, pipeline
from edge_benchmarks.show import inside, latency
from edge_benchmarks.show.plots import comparison, shapes
from edge_benchmarks.statistics.intervals import SHARES
from edge_common.document import Section, Table


def sections(records: Sequence[Record]) -> list[Section]:
    """In the order of reading."""
    labelled = dict(zip(cells.record_labels(records), records))
    result = [*overview(labelled), *_compared(labelled)]
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
    return Section(label, (origin, f"**{verdict(record)}**"))


def _compared(labelled: Mapping[str, Record]) -> Iterator[Section]:
    """What is better seen than read: in Markdown as tables."""
    by_task = comparison.spots(labelled)
    if by_task:
        yield Section(
            "Accuracy against latency",
            tables=[_answers(labelled)],
            svg=lambda: comparison.accuracy_against_latency(by_task),
            caption="Upright whiskers: 95 % intervals of the answers. To the side: from the "
            "median frame to the one in a hundred.",
        )
    bars = _stage_means(labelled)
    if bars:
        yield Section(
            "Where a frame's time goes",
            tables=[_stages(bars)],
            svg=lambda: shapes.stacked_bars(bars),
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
        result = pipeline.Pipeline.result_of(record)
        if result and result.samples.total_ms:
            series = result.samples.stages_ms
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
        for task_spots in comparison.spots(labelled).values()
        for spot in task_spots
    ]
    return Table(("record", "way", "task", "value", "p50, ms", "p99, ms"), rows, words=3)


def _stages(bars: Mapping[str, Mapping[str, float]]) -> Table:
    names = shapes.parts_of(bars)
    rows = [
        (
            label,
            *(cells.number(parts[name]) if name in parts else "" for name in names),
            cells.number(sum(parts.values())),
        )
        for label, parts in bars.items()
    ]
    return Table(("a frame, mean, ms", *names, "together"), rows, words=1)


NO_VERDICT = "no verdict"


def overview(records: Mapping[str, Record]) -> list[Section]:
    """What was measured on what, whether it can be trusted, and all figures at a glance."""
    return [_verdicts(records), _summary(records), _measured(records)]


def _verdicts(records: Mapping[str, Record]) -> Section:
    text = []
    if len(set(cells.machine_labels(list(records.values())))) > 1:
        text.append(
            "**The records are of different machines.** Their latencies tell which machine is "
            "faster; they do not tell which bundle is."
        )
    rows = [row for label, record in records.items() for row in _reasons(label, record)]
    return Section("Verdict", text, [Table(("record", "verdict"), rows)])


def verdict(record: Record) -> str:
    """Whether the streamed figures can be trusted, in a word or two."""
    result = verdict_of(record.streamed, record.timer)
    word = NO_VERDICT if result is None else "stable" if result.stable else "unstable"
    if record.predicted:
        word = f"predicted for {record.predicted.board}, {word}"
    return word if record.complete else f"interrupted, {word}"


def _reasons(label: str, record: Record) -> list[tuple[str, str]]:
    """The verdict, and a row below it for each reason."""
    result = verdict_of(record.streamed, record.timer)
    reasons = list(result.reasons) if result else []
    if result is None and record.streamed.not_measured:
        reasons = [record.streamed.not_measured]
    because = " because" if reasons else ""
    return [(label, f"**{verdict(record)}**{because}"), *(("", reason) for reason in reasons)]


def _summary(records: Mapping[str, Record]) -> Section:
    tables = (_networks(records), _speeds(records), _costs(records), _accuracies(records))
    return Section(
        "Summary",
        (
            "Streamed, one frame after the other, milliseconds from pixels to decision; in "
            "brackets 95 % intervals, but where the frames are too few, or too alike, to bound it. "
            "Frames a second: 1000 over the mean. Memory of edge-run: a fresh process; of bench: the "
            "one that measured, with whatever it compared.",
        ),
        tables,
    )


def _networks(records: Mapping[str, Record]) -> Table:
    header = ("record", "precision", "window", "parameters", "multiply-adds", "size")
    rows = []
    for label, record in records.items():
        parts = record.bundle.parts
        rows.append(
            (
                label,
                ", ".join(f"{part.role} {part.precision}" for part in parts),
                str(record.bundle.window),
                cells.amount(cells.total([part.parameters for part in parts])),
                cells.amount(cells.total([part.multiply_adds for part in parts])),
                f"{record.bundle.size_bytes / 1e6:.2f} MB",
            )
        )
    return Table(header, rows, words=2)


def _speeds(records: Mapping[str, Record]) -> Table:
    rows = []
    for label, record in records.items():
        total_ms = record.streamed.total_ms
        per_second = cells.number(1e3 / total_ms.mean) if total_ms else cells.NOT_MEASURED
        percentiles = cells.latency(total_ms, record.streamed.percentiles)
        rows.append((label, *percentiles, per_second, str(total_ms.n) if total_ms else ""))
    header = ("a frame, ms", *SHARES, "frames/s", "n")
    return Table(header, rows, words=1)


def _costs(records: Mapping[str, Record]) -> Table:
    rows = []
    for label, record in records.items():
        own, energy = record.memory, record.energy
        rows.append(
            (
                label,
                cells.memory(cold.edge_run_peak_bytes(record)),
                cells.memory(own.peak_rss_bytes if own else None),
                cells.memory(own.pss_bytes if own else None),
                f"{cells.number(energy.per_frame_mj, 'mJ')} ({energy.covers})"
                if energy
                else cells.NOT_MEASURED,
            )
        )
    header = (
        "memory and energy", "edge-run, peak RSS", "bench, peak RSS", "bench, PSS", "energy a frame",
    )  # fmt: skip
    return Table(header, rows, words=1)


def _accuracies(records: Mapping[str, Record]) -> Table:
    rows = []
    for label, record in records.items():
        for figure in record.streamed.accuracy:
            has_value = figure.value is not None
            rows.append(
                (
                    label,
                    figure.task,
                    figure.metric.replace("_", " "),
                    record.data if has_value else "",
                    cells.accuracy(figure),
                    f"{figure.n:,}" if has_value else "",
                )
            )
        if not record.streamed.accuracy:
            rows.append((label, "", "", "", cells.NOT_MEASURED, ""))
    return Table(("answers", "task", "metric", "data", "streamed", "n"), rows, words=4)


def _measured(records: Mapping[str, Record]) -> Section:
    """Records side by side: what each was measured on, and how."""
    facts = [_facts(record) for record in records.values()]
    names = [name for name in facts[0] if any(each[name] for each in facts)]
    rows = [(name, *(each[name] or "not told" for each in facts)) for name in names]
    return Section("What was measured", tables=(Table(("", *records), rows),))


def _facts(record: Record) -> dict[str, str]:
    machine, setup, bundle = record.machine, record.setup, record.bundle
    frames = setup.frames
    clocks = sorted({khz / 1e3 for khz in machine.max_khz})
    return {
        "complete": "yes" if record.complete else "**no, interrupted**",
        "measured at": record.created_at,
        "bundle sha256": bundle.sha256[:16],
        "streaming": f"{bundle.streaming}, window of {bundle.window}",
        "engine": setup.engine,
        "latency": f"**{record.predicted}**" if record.predicted else "",
        "operators": "; ".join(
            f"{role}: {delegation}" for role, delegation in record.delegation.items()
        ),
        "without the delegate": "; ".join(record.left_out),
        "frames": f"{frames.count} of {frames.source}, {frames.width} x {frames.height}",
        "at least": f"{setup.min_frames} frames, {setup.min_seconds:g} s, {setup.rounds} rounds, "
        f"after {setup.warmup_frames} to warm up",
        "machine": cells.machine_name(machine),
        "processor": f"{machine.cpu}, {machine.architecture}, {machine.cores} cores"
        + (f", {machine.usable_cores:g} usable" if machine.usable_cores else ""),
        "highest clocks": ", ".join(f"{mhz:.0f} MHz" for mhz in clocks),
        "governor": machine.governor or "",
        "SIMD": " ".join(machine.features),
        "virtual machine": {True: "yes", False: "no", None: ""}[machine.hypervisor],
        "memory": f"{machine.memory_bytes / 1e9:.1f} GB",
        "system": ", ".join(filter(None, (machine.os, f"kernel {machine.kernel}", machine.libc))),
        "edge-run": f"{record.edge_run}, Python {machine.python}",
        "project revision": record.revision,
    }
