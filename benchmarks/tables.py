"""A record as a person reads it."""

from collections.abc import Sequence

from benchmarks.cells import LATENCY, NOT_MEASURED, amount, megabytes, milliseconds, value
from benchmarks.comparison_tables import answers_compared, costs_compared
from benchmarks.doubts import doubts
from benchmarks.insight_tables import insight_tables
from benchmarks.record import Measurement, PartRecord, Record, TaskFigure
from benchmarks.scenario_tables import scenario_tables
from edge.text_table import text_table


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
