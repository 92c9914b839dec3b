"""A record as a person reads it."""

from collections.abc import Sequence

from edge_benchmarks.judge.cells import (
    LATENCY,
    NOT_MEASURED,
    amount,
    megabytes,
    milliseconds,
    value,
)
from edge_benchmarks.record import record as rec
from edge_benchmarks.record.record import Measurement, PartRecord, Record, TaskFigure
from edge_benchmarks.run.measurement import doubts, ratio
from edge_benchmarks.show.scenario_tables import insight_tables, scenario_tables
from edge_common.console import text_table


def report(record: Record) -> str:
    """All tables of a record, for a terminal."""
    sections = [
        str(record.predicted or ""),
        _heading(record),
        _parts(record),
        _latency(record.streamed),
        _percentiles(record.streamed),
        _facts(record),
        _accuracy(record),
    ]
    if len(record.measurements) > 1:
        sections += [costs_compared(record), answers_compared(record)]
    sections += [*scenario_tables(record.scenarios), *insight_tables(record), _figures(record)]
    sections.append("\n".join(f"warning: {text}" for text in doubts(record)))
    return "\n\n".join(filter(None, sections))


def _heading(record: Record) -> str:
    bundle, setup, machine = record.bundle, record.setup, record.machine
    board = "" if machine.board == "generic" else f"{machine.board}, "
    frames = setup.frames
    played = f", playing {record.predicted.title}" if record.predicted else ""
    return (
        f"{bundle.name}: {bundle.streaming}, window of {bundle.window} "
        f"(sha256 {bundle.sha256[:12]})\n"
        f"{setup.engine}, on {board}{machine.cpu}, {machine.cores} cores{played}\n"
        f"frames: {frames.count} of {frames.source}, {frames.width} x {frames.height}"
    )


def _parts(record: Record) -> str:
    bundle = record.bundle
    rows = [[p.role, p.precision, *_costs(p), megabytes(p.size_bytes)] for p in bundle.parts]
    whole = [
        amount(_total([p.parameters for p in bundle.parts])),
        amount(_total([p.multiply_adds for p in bundle.parts])),
        megabytes(bundle.size_bytes),
    ]
    header = ["part", "precision", "parameters", "multiply-adds", "size"]
    return text_table(header, [*rows, ["whole file", "", *whole]])


def _costs(part: PartRecord) -> list[str]:
    return [amount(part.parameters), amount(part.multiply_adds)]


def _total(figures: Sequence[int | None]) -> int | None:
    return None if None in figures else sum(figures)


def _latency(streamed: Measurement) -> str:
    rows = [[stage, *milliseconds(s)] for stage, s in streamed.stages_ms.items()]
    rows.append(["whole push", *milliseconds(streamed.total_ms)])
    rows.append(["processor time of it", *milliseconds(streamed.cpu_ms)])
    rows += [[f"runtime alone: {p}", *milliseconds(s)] for p, s in streamed.invokes_ms.items()]
    rows.append(["added by edge-run", *milliseconds(streamed.overhead_ms)])
    return text_table([f"ms a frame (n = {streamed.total_ms.n})", *LATENCY], rows)


def _percentiles(streamed: Measurement) -> str:
    rows = [
        (name, f"{found.value:.3f}", _bounds(found.interval))
        for name, found in streamed.percentiles.items()
    ]
    if not rows:
        return ""
    return text_table(("whole push, ms", "", "95 % interval"), rows)


def _bounds(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "frames too few or too alike"
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def _figures(record: Record) -> str:
    """How far the figures can be trusted, and whether they are all there."""
    lines = []
    if record.streamed.verdict == "stable":  # else the warnings say why not
        lines.append("verdict: stable")
    if record.overhead:
        lines.append(str(record.overhead))
    if record.process_floors_ms:
        floors = record.process_floors_ms
        lines.append(
            f"shortest frame of {len(floors)} fresh processes: {min(floors):.3f} ms "
            f"(each its own: up to {max(floors):.3f})"
        )
    lines += [f"FAILED: {failure}" for failure in record.failures]
    if not record.complete:
        lines.append("PARTIAL: the run was interrupted")
    return "\n".join(lines)


def _facts(record: Record) -> str:
    rows = [
        (f"{part} invocations a frame", f"{count:g}")
        for part, count in record.streamed.invocations.items()
    ]
    if record.streaming:
        gain = f"at most {record.streaming.ceiling:.2f} x over re-running both parts"
        if record.streaming.achieved is not None:
            gain += f", achieved {record.streaming.achieved:.2f} x"
        rows.append(("gain of streaming", gain))
    rows += [(f"operators of {role}", str(found)) for role, found in record.delegation.items()]
    rows += _cold_start(record)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {text}" for name, text in rows)


def _cold_start(record: Record) -> list[tuple[str, str]]:
    cold = record.cold_start
    if cold is None:
        return [("cold start", NOT_MEASURED)]
    seconds = cold.first_result_s
    fresh = f"{seconds.p50:.2f} s from process start to the first frame's result"
    if seconds.n > 1:
        fresh += f" ({seconds.min:.2f} to {seconds.max:.2f}, {seconds.n} starts)"
    peak = f"{cold.peak_rss_bytes / 1e6:.0f} MB over {cold.frames} frames"
    return [("cold start", fresh), ("peak memory", peak)]


def _accuracy(record: Record) -> str:
    figures = record.streamed.accuracy
    if not figures and not record.complete:
        return f"accuracy: {NOT_MEASURED} (interrupted)"
    if all(figure.value is None for figure in figures):
        why = f"{record.data} holds no labels" if record.data else "give --data LABELLED.npz"
        return f"accuracy: {NOT_MEASURED} ({why})"
    rows = [[f.task, f.metric, value(f), _interval(f), f.n or ""] for f in figures]
    return text_table([f"task ({record.data})", "metric", "value", "95 % interval", "n"], rows)


def _interval(figure: TaskFigure) -> str:
    if figure.interval is None:
        return ""
    return "{:.4f} to {:.4f}".format(*figure.interval)


def costs_compared(record: Record) -> str:
    """Latency of each way; the reason where there is none."""
    header = ["a frame takes, ms", *LATENCY, "cpu p50", "x streamed", "size"]
    rows = [_cost_row(record, found) for found in record.measurements]
    reasons = dict.fromkeys(m.not_measured for m in record.measurements if m.not_measured)
    notes = [f"{_unmeasured(record, reason)}: {NOT_MEASURED} ({reason})" for reason in reasons]
    return "\n".join([text_table(header, rows), *notes])


def _unmeasured(record: Record, reason: str) -> str:
    return ", ".join(m.name for m in record.measurements if m.not_measured == reason)


def _cost_row(record: Record, found: Measurement) -> list[str]:
    if found.not_measured:
        return [found.name, NOT_MEASURED, "", "", "", "", ""]
    times = ratio(found, record.streamed)
    return [
        found.name,
        *milliseconds(found.total_ms),
        "" if found.cpu_ms is None else f"{found.cpu_ms.p50:.3f}",
        "" if times is None else f"{times:.2f}",
        "" if found.size_bytes is None else megabytes(found.size_bytes),
    ]


def answers_compared(record: Record) -> str:
    """How right each way is, and how often it decides as the float network."""
    scored = [f.task for f in record.streamed.accuracy if f.value is not None]
    agreeing = list(dict.fromkeys(task for m in record.measurements for task in m.agreement))
    answered = [m for m in record.measurements if m.agreement or _values(m)]
    if len(answered) < 2:
        return ""
    header = [f"answers ({record.data})", *scored, *(f"{t} as Keras" for t in agreeing)]
    rows = [
        [
            m.name,
            *(_values(m).get(task, "") for task in scored),
            *(f"{m.agreement[task]:.4f}" if task in m.agreement else "" for task in agreeing),
        ]
        for m in answered
    ]
    notes = [
        f"{rec.SPLIT_RERUN} runs the same two parts as streamed, so it gives the same answers",
        "as Keras: share of labels equal to those of Keras predict; of numbers, 1 - mean "
        "difference / spread",
    ]
    return "\n".join([text_table(header, rows), *notes])


def _values(found: Measurement) -> dict[str, str]:
    return {f.task: value(f) for f in found.accuracy if f.value is not None}
