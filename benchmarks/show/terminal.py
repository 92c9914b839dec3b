"""One record on a terminal: three digits behind the point, and 80 columns but for names.

What was looked into and the scenarios are the sections of a page. The rest stands in sections
of its own: a page puts many records side by side, each figure with its interval.
"""

from collections.abc import Iterator, Sequence

from edge_benchmarks.cells import (
    GENERIC_BOARD,
    LATENCY,
    NOT_MEASURED,
    amount,
    megabytes,
    milliseconds,
    total,
    value,
)
from edge_benchmarks.record import SPLIT_RERUN, Measurement, PartRecord, Record, TaskFigure
from edge_benchmarks.run.measurement import ratio, verdict_of, warnings_of
from edge_benchmarks.show import inside, sections
from edge_common.document import Section, Table, terminal


def report(record: Record) -> str:
    """All of a record, for a terminal."""
    return terminal(list(_sections(record)))


def _sections(record: Record) -> Iterator[Section]:
    yield _text(str(record.predicted or ""))
    yield _heading(record)
    yield _parts(record)
    yield _latency(record.streamed)
    yield _percentiles(record.streamed)
    yield Section("", digest=[*_key_facts(record), *_cold_start(record)])
    yield _accuracy(record)
    if len(record.measurements) > 1:
        yield costs_compared(record)
        yield answers_compared(record)
    yield from sections.scenario_sections(record)
    yield from inside.inside_sections(record)
    yield _text(*_trust(record))
    yield _text(*(f"warning: {warning}" for warning in warnings_of(record)))


def _text(*lines: str) -> Section:
    return Section("", lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *notes: str) -> Section:
    return Section("", tables=[Table(header, rows, words=1)], notes=notes)


def _heading(record: Record) -> Section:
    bundle, setup, machine = record.bundle, record.setup, record.machine
    board = "" if machine.board == GENERIC_BOARD else f"{machine.board}, "
    frames = setup.frames
    emulated = f", emulating {record.predicted.title}" if record.predicted else ""
    return _text(
        f"{bundle.name}: {bundle.streaming}, window of {bundle.window} "
        f"(sha256 {bundle.sha256[:12]})",
        f"{setup.engine}, on {board}{machine.cpu}, {machine.cores} cores{emulated}",
        f"frames: {frames.count} of {frames.source}, {frames.width} x {frames.height}",
    )


def _parts(record: Record) -> Section:
    bundle = record.bundle
    rows = [[p.role, p.precision, *_costs(p), megabytes(p.size_bytes)] for p in bundle.parts]
    whole = [
        amount(total([p.parameters for p in bundle.parts])),
        amount(total([p.multiply_adds for p in bundle.parts])),
        megabytes(bundle.size_bytes),
    ]
    header = ["part", "precision", "parameters", "multiply-adds", "size"]
    return _table(header, [*rows, ["whole file", "", *whole]])


def _costs(part: PartRecord) -> list[str]:
    return [amount(part.parameters), amount(part.multiply_adds)]


def _latency(streamed: Measurement) -> Section:
    rows = [[stage, *milliseconds(s)] for stage, s in streamed.stages_ms.items()]
    rows.append(["whole push", *milliseconds(streamed.total_ms)])
    rows.append(["processor time of it", *milliseconds(streamed.cpu_ms)])
    rows += [[f"runtime alone: {p}", *milliseconds(s)] for p, s in streamed.invokes_ms.items()]
    rows.append(["added by edge-run", *milliseconds(streamed.overhead_ms)])
    n = streamed.total_ms.n if streamed.total_ms else 0
    return _table([f"ms a frame (n = {n})", *LATENCY], rows)


def _percentiles(streamed: Measurement) -> Section:
    rows = [
        (name, f"{estimate.value:.3f}", _bounds(estimate.interval))
        for name, estimate in streamed.percentiles.items()
    ]
    return _table(("whole push, ms", "", "95 % interval"), rows) if rows else _text()


def _bounds(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "frames too few or too alike"
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def _trust(record: Record) -> Iterator[str]:
    """How far the figures can be trusted, and whether they are all there."""
    verdict = verdict_of(record.streamed, record.timer)
    if verdict and verdict.stable:  # else the warnings say why not
        yield f"verdict: {verdict}"
    if record.overhead:
        yield str(record.overhead)
    if floors := record.process_floors_ms:
        yield (
            f"shortest frame of {len(floors)} fresh processes: {min(floors):.3f} ms "
            f"(each its own: up to {max(floors):.3f})"
        )
    yield from (f"FAILED: {failure}" for failure in record.failures)
    if not record.complete:
        yield "PARTIAL: the run was interrupted"


def _key_facts(record: Record) -> Iterator[tuple[str, str]]:
    for part, count in record.streamed.invocations.items():
        yield f"{part} invocations a frame", f"{count:g}"
    if record.streaming:
        gain = f"at most {record.streaming.ceiling:.2f} x over re-running both parts"
        if record.streaming.achieved is not None:
            gain += f", achieved {record.streaming.achieved:.2f} x"
        yield "gain of streaming", gain
    for role, delegation in record.delegation.items():
        yield f"operators of {role}", str(delegation)


def _cold_start(record: Record) -> Iterator[tuple[str, str]]:
    cold = record.cold_start
    if cold is None:
        yield "cold start", NOT_MEASURED
        return
    seconds = cold.first_result_s
    fresh = f"{seconds.p50:.2f} s from process start to the first frame's result"
    if seconds.n > 1:
        fresh += f" ({seconds.min:.2f} to {seconds.max:.2f}, {seconds.n} starts)"
    yield "cold start", fresh
    yield "peak memory", f"{cold.peak_rss_bytes / 1e6:.0f} MB over {cold.frames} frames"


def _accuracy(record: Record) -> Section:
    figures = record.streamed.accuracy
    if not figures and not record.complete:
        return _text(f"accuracy: {NOT_MEASURED} (interrupted)")
    if all(figure.value is None for figure in figures):
        reason = f"{record.data} holds no labels" if record.data else "give --data LABELLED.npz"
        return _text(f"accuracy: {NOT_MEASURED} ({reason})")
    rows = [[f.task, f.metric, value(f), _interval(f), str(f.n or "")] for f in figures]
    return _table([f"task ({record.data})", "metric", "value", "95 % interval", "n"], rows)


def _interval(figure: TaskFigure) -> str:
    if figure.interval is None:
        return ""
    return "{:.4f} to {:.4f}".format(*figure.interval)


def costs_compared(record: Record) -> Section:
    """Latency of each way; the reason if there is none."""
    header = ["a frame takes, ms", *LATENCY, "cpu p50", "x streamed", "size"]
    rows = [_cost_row(record, way) for way in record.measurements]
    reasons = dict.fromkeys(m.not_measured for m in record.measurements if m.not_measured)
    notes = (f"{_unmeasured(record, reason)}: {NOT_MEASURED} ({reason})" for reason in reasons)
    return _table(header, rows, *notes)


def _unmeasured(record: Record, reason: str) -> str:
    return ", ".join(m.name for m in record.measurements if m.not_measured == reason)


def _cost_row(record: Record, way: Measurement) -> list[str]:
    if way.not_measured:
        return [way.name, NOT_MEASURED, "", "", "", "", ""]
    times = ratio(way, record.streamed)
    return [
        way.name,
        *milliseconds(way.total_ms),
        "" if way.cpu_ms is None else f"{way.cpu_ms.p50:.3f}",
        "" if times is None else f"{times:.2f}",
        "" if way.size_bytes is None else megabytes(way.size_bytes),
    ]


def answers_compared(record: Record) -> Section:
    """How right each way is, and how often it decides as the float network."""
    scored = [f.task for f in record.streamed.accuracy if f.value is not None]
    agreeing = list(dict.fromkeys(task for m in record.measurements for task in m.agreement))
    ways = [m for m in record.measurements if m.agreement or _values(m)]
    if len(ways) < 2:
        return _text()
    header = [f"answers ({record.data})", *scored, *(f"{t} as Keras" for t in agreeing)]
    rows = [
        [
            m.name,
            *(_values(m).get(task, "") for task in scored),
            *(f"{m.agreement[task]:.4f}" if task in m.agreement else "" for task in agreeing),
        ]
        for m in ways
    ]
    return _table(
        header,
        rows,
        f"{SPLIT_RERUN} runs the same two parts as streamed, so it gives the same answers",
        "as Keras: share of labels equal to those of Keras predict; of numbers, 1 - mean "
        "difference / spread",
    )


def _values(way: Measurement) -> dict[str, str]:
    return {f.task: value(f) for f in way.accuracy if f.value is not None}
