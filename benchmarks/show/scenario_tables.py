"""What the scenarios and the looks inside found, for a terminal."""

from collections.abc import Iterator

import numpy as np

from edge_benchmarks.record.record import EngineRecord, Record, Scenarios
from edge_benchmarks.scenarios.camera import Camera
from edge_benchmarks.scenarios.cold import Cold
from edge_benchmarks.scenarios.soak import Soak
from edge_benchmarks.show.facts import instructions_table
from edge_benchmarks.show.profile_table import profile_table
from edge_benchmarks.statistics import summarise
from edge_common.console import text_table

Row = tuple[str, str]


def scenario_tables(found: Scenarios) -> Iterator[str]:
    """One table with a line or more for each scenario that was run."""
    rows = [*_camera(found.camera), *_several(found), *_cold(found.cold), *_soak(found.soak)]
    if found.pipeline:
        taken = found.pipeline.samples
        stages = ", ".join(f"{n} {np.median(ms):.3f}" for n, ms in taken.stages_ms.items())
        rows.append(("pipeline, ms p50", f"{stages}; all of it {np.median(taken.total_ms):.3f}"))
    if rows:
        width = max(len(name) for name, _ in rows)
        yield "\n".join(f"{name.ljust(width)}  {text}" for name, text in rows)


def _camera(found: Camera | None) -> Iterator[Row]:
    if found is None or not found.age_ms:
        return
    age = summarise(found.age_ms)
    name = f"camera, {found.rate_hz:g} Hz"
    yield name, f"frame age {age.p50:.2f} ms p50, {age.p99:.2f} p99; {found.dropped} dropped"
    yield (
        "",
        (
            f"jitter {found.jitter_ms or 0:.2f} ms; {found.missed_share or 0:.1%} missed "
            f"their deadline of {found.deadline_ms:.1f} ms"
        ),
    )
    if found.invalid_because:
        yield "", f"INVALID: {found.invalid_because}"


def _several(found: Scenarios) -> Iterator[Row]:
    if found.offline and found.offline.frames_per_second:
        busy = f"{found.offline.busy_cores:.2f} cores busy"
        yield "offline", f"{found.offline.frames_per_second:.0f} frames/s, {busy}"
    several = found.multi_stream
    if several and several.p99_ms:
        yield (
            f"multi-stream, {several.streams}",
            f"{several.frames_per_second:.0f} frames/s together; "
            f"the last of a round after {several.p99_ms:.1f} ms p99",
        )
    if found.capacity:
        limit = " (no more were tried)" if found.capacity.streams == found.capacity.limit else ""
        yield (
            "capacity",
            f"{found.capacity.streams} streams at {found.capacity.rate_hz:g} Hz{limit}",
        )


def _cold(found: Cold | None) -> Iterator[Row]:
    if found is None or not found.first_decision_s:
        return
    steps = ", ".join(f"{name} {np.median(s):.2f}" for name, s in found.steps_s.items())
    yield "cold, s", f"{np.median(found.first_decision_s):.2f} to the first decision: {steps}"


def _soak(found: Soak | None) -> Iterator[Row]:
    if found is None or not found.intervals:
        return
    minutes = found.intervals[-1].until_s / 60
    yield f"soak, {minutes:.1f} min", f"{found.errors} errors; memory: {found.memory.verdict}"


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
