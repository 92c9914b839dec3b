"""Which picture belongs to which section, by the section's title."""

from collections.abc import Mapping

import numpy as np

from edge_benchmarks.record.record import Record
from edge_benchmarks.show.plots import comparison
from edge_benchmarks.show.plots import latency as latencies
from edge_benchmarks.show.plots import machine as machines
from edge_benchmarks.show.plots import scenarios as runs
from edge_benchmarks.show.plots.time_line import stages, time_line
from edge_benchmarks.show.report import latency, machine, scenarios, summary


def pictures_of_all(records: Mapping[str, Record]) -> dict[str, str]:
    """Those over all records."""
    found = {}
    spots = comparison.spots(records)
    if spots:
        found[summary.ANSWERS] = comparison.accuracy_against_latency(spots)
    bars = stage_means(records)
    if bars:
        found[summary.STAGES] = stages(bars)
    return found


def stage_means(records: Mapping[str, Record]) -> dict[str, dict[str, float]]:
    """Milliseconds of each stage, mean, and what is left of the frame, for each record."""
    bars = {}
    for label, record in records.items():
        streamed = record.streamed
        if streamed.total_ms and streamed.stages_ms:
            parts = {stage: found.mean for stage, found in streamed.stages_ms.items()}
            rest = max(streamed.total_ms.mean - sum(parts.values()), 0.0)
            bars[label] = {**parts, "between the stages": rest}
        pipeline = record.scenarios.pipeline
        if pipeline and pipeline.samples.total_ms:
            series = pipeline.samples.stages_ms
            bars[f"{label}, pipeline"] = {s: float(np.mean(ms)) for s, ms in series.items()}
    return bars


def pictures_of(record: Record) -> dict[str, str]:
    """Those of one record."""
    found = {}
    if any(way.frames_ms for way in record.measurements):
        found[latency.DISTRIBUTIONS] = latencies.distributions(record.measurements)
    if len(record.streamed.frames_ms) > 1:
        found[latency.TIME_LINE] = time_line(record)
    if record.roof and record.roofline:
        found[machine.ROOFLINE] = machines.roofline(record.roof, record.roofline)
    if record.profiles:
        kinds = {role: profile.kinds for role, profile in record.profiles.items()}
        found[machine.PROFILE] = machines.kinds(kinds)
    if record.cross_check:
        check = record.cross_check
        found[machine.CROSS_CHECK] = latencies.cross_check(
            check.ours_ms, check.theirs_ms, check.reference
        )
    return found | _of_scenarios(record)


def _of_scenarios(record: Record) -> dict[str, str]:
    asked, found = record.scenarios, {}
    if asked.camera and len(asked.camera.age_ms) > 1:
        found[scenarios.CAMERA] = runs.camera(asked.camera)
    if asked.offline and len(asked.offline.batches) > 1:
        found[scenarios.OFFLINE] = runs.offline(asked.offline)
    if asked.capacity and any(tried.slowest_ms for tried in asked.capacity.tried):
        found[scenarios.CAPACITY] = runs.capacity(asked.capacity)
    if asked.cold and asked.cold.steps_s:
        steps = {step: float(np.median(s)) for step, s in asked.cold.steps_s.items()}
        found[scenarios.COLD] = stages({"first decision": steps}, "s", "fresh process, median, s")
    if asked.soak and any(interval.latency_ms for interval in asked.soak.intervals):
        found[scenarios.SOAK] = runs.soak(asked.soak)
    return found
