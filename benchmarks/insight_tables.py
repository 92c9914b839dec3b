"""Operators, roof, other engines and other timers, as a person reads them."""

from collections.abc import Iterator

from benchmarks.instructions.shown import instructions_table
from benchmarks.profile import profile_table
from benchmarks.record import EngineRecord, Record
from edge.text_table import text_table


def insight_tables(record: Record) -> Iterator[str]:
    """One table for each thing that was looked into."""
    for role, profile in record.profiles.items():
        yield f"{role}, operator by operator\n{profile_table(profile)}"
    if record.roofline:
        yield _roofline(record)
    if record.engines:
        header = (f"{record.engines[0].part} elsewhere", "ms p50", "SNR against LiteRT, dB")
        yield text_table(header, [_engine(found) for found in record.engines])
    if record.instructions:
        yield instructions_table(record.instructions, record.streamed.invocations)
    if found := record.cross_check:
        between = "{:.3f} to {:.3f}, ".format(*found.interval) if found.interval else ""
        verdict = "agrees" if found.agrees else "DISAGREES"
        yield (
            f"our clock {verdict} with {found.reference}: ratio {found.ratio:.3f} "
            f"({between}{len(found.ours_ms)} rounds in turn)"
        )


def _roofline(record: Record) -> str:
    header = ("roofline", "Gop/s", "of the peak", "operations a byte", "bound by")
    rows = [
        (
            f"{role} ({point.precision})",
            f"{point.gops:.0f}",
            f"{point.share_of_peak:.0%}",
            f"{point.intensity:.1f}",
            point.bound,
        )
        for role, point in record.roofline.items()
    ]
    peaks = ", ".join(
        f"{peak.precision} {peak.gops:.0f} Gop/s with {peak.threads} thread"
        + ("s" if peak.threads > 1 else "")
        for peak in record.roof.peaks
    )
    return f"{text_table(header, rows)}\nmeasured here: {peaks}"


def _engine(found: EngineRecord) -> tuple[str, str, str]:
    if found.invoke_ms is None:
        return found.engine, f"not measured: {found.not_measured}", ""
    snr = "equal" if found.snr_db is None else f"{found.snr_db:.1f}"
    return f"{found.engine} {found.version}", f"{found.invoke_ms.p50:.3f}", snr
