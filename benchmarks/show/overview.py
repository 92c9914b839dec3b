"""What stands at the top of the page: all records, one a row."""

from collections.abc import Mapping

from edge_benchmarks.judge.cells import NOT_MEASURED, amount, total
from edge_benchmarks.record.record import Record
from edge_benchmarks.run.measurement import verdict_of
from edge_benchmarks.scenarios.cold import edge_run_peak_bytes
from edge_benchmarks.show.cells import (
    accuracy,
    latency,
    machine_labels,
    machine_name,
    memory,
    number,
)
from edge_benchmarks.statistics.intervals import SHARES
from edge_common.document import Section, Table

NO_VERDICT = "no verdict"


def overview(records: Mapping[str, Record]) -> list[Section]:
    """What was measured on what, whether it can be trusted, and all figures at a glance."""
    return [_verdicts(records), _summary(records), _measured(records)]


def _verdicts(records: Mapping[str, Record]) -> Section:
    text = []
    if len(set(machine_labels(list(records.values())))) > 1:
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
                amount(total([part.parameters for part in parts])),
                amount(total([part.multiply_adds for part in parts])),
                f"{record.bundle.size_bytes / 1e6:.2f} MB",
            )
        )
    return Table(header, rows, words=2)


def _speeds(records: Mapping[str, Record]) -> Table:
    rows = []
    for label, record in records.items():
        total_ms = record.streamed.total_ms
        per_second = number(1e3 / total_ms.mean) if total_ms else NOT_MEASURED
        cells = latency(total_ms, record.streamed.percentiles)
        rows.append((label, *cells, per_second, str(total_ms.n) if total_ms else ""))
    header = ("a frame, ms", *SHARES, "frames/s", "n")
    return Table(header, rows, words=1)


def _costs(records: Mapping[str, Record]) -> Table:
    rows = []
    for label, record in records.items():
        own, energy = record.memory, record.energy
        rows.append(
            (
                label,
                memory(edge_run_peak_bytes(record)),
                memory(own.peak_rss_bytes if own else None),
                memory(own.pss_bytes if own else None),
                f"{number(energy.per_frame_mj, 'mJ')} ({energy.covers})"
                if energy
                else NOT_MEASURED,
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
                    accuracy(figure),
                    f"{figure.n:,}" if has_value else "",
                )
            )
        if not record.streamed.accuracy:
            rows.append((label, "", "", "", NOT_MEASURED, ""))
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
        "machine": machine_name(machine),
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
