"""All ways of running one network, one a row."""

from benchmarks import record as rec
from benchmarks.cells import LATENCY, NOT_MEASURED, megabytes, milliseconds, value
from benchmarks.measurement import ratio
from benchmarks.record import Measurement, Record
from edge.text_table import text_table


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
