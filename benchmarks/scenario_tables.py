"""What the scenarios found, as a person reads it."""

from collections.abc import Iterator

import numpy as np

from benchmarks.record import Scenarios
from benchmarks.scenarios.camera import Camera
from benchmarks.scenarios.cold import Cold
from benchmarks.scenarios.soak import Soak
from benchmarks.statistics import summarise

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
