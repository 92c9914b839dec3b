"""`/metrics`: what Prometheus asks for, read from the run's summary when it is asked for."""

import math
import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, exposition as text, metrics_core

from edge import summary as summaries
from edge.web import hub as hubs, state
from edge_common import __version__

_NEWEST = 4096  # latencies that quantiles are of
_STAGES = {"push, all of it": "push"}  # names of the summary that make no label
Metric = metrics_core.Metric


def exposition(hub: hubs.Hub, accept: str) -> tuple[bytes, str]:
    """The text, and its media type, of the kind that is accepted."""
    registry = CollectorRegistry()
    registry.register(RunCollector(hub))
    ProcessCollector(registry=registry)
    encode, media_type = text.choose_encoder(accept)
    return encode(registry), media_type


class RunCollector:
    """Names after Prometheus' conventions: base units, and `_total` for what only grows."""

    def __init__(self, hub: hubs.Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        hub, run = self._hub, self._hub.run
        yield _metric("gauge", "up", "Whether frames are handled.", not state.problem(run))
        viewers = "Who looks at the page just now."
        yield _metric("gauge", "page_viewers", viewers, hub.viewers)
        refusals = [({"reason": reason}, n) for reason, n in hub.refusals.counts.copy().items()]
        yield _metric("counter", "page_refusals", "Requests and viewers refused.", *refusals)
        problem = "Whether the newest settings do not hold."
        yield _metric("gauge", "settings_problem", problem, bool(hub.page.problem))
        problem = "Whether the newest update of the bundle failed."
        yield _metric("gauge", "update_problem", problem, bool(hub.page.update_problem))
        if run is not None:
            yield from _of_run(run)
            yield from _of_sources(run)
            yield from _of_latency(run.summary)
            yield from _of_events(run.summary)
            yield from _of_outputs(run.summary)


def _metric(kind: str, name: str, help: str, *samples: Any) -> Metric:
    """Samples: ({label: value}, number), or a number alone."""
    metric = Metric(f"edge_run_{name}", help, kind)
    suffix = "_total" if kind == "counter" else ""
    for sample in samples:
        labels, value = sample if isinstance(sample, tuple) else ({}, sample)
        metric.add_sample(f"edge_run_{name}{suffix}", labels, float(value))
    return metric


def _of_run(run: state.PageRun) -> Iterator[Metric]:
    summary = run.summary
    labels = {
        "version": __version__, "bundle": summary.bundle, "runtime": summary.runtime,
        "delegate": summary.delegate,
    }  # fmt: skip
    yield _metric("gauge", "info", "What runs; always 1.", (labels, 1))
    uptime = time.monotonic() - run.began_at
    yield _metric("gauge", "uptime_seconds", "Since this run began.", uptime)
    if run.temperature_c is not None:
        yield _metric("gauge", "temperature_celsius", "Of the processor.", run.temperature_c)
    if summary.first_decision_s is not None:
        first = "From the start of the process to the first decision."
        yield _metric("gauge", "first_decision_seconds", first, summary.first_decision_s)


def _of_sources(run: state.PageRun) -> Iterator[Metric]:
    counts, watches = run.summary.sources, run.watches
    names = [{"source": each.source.name} for each in counts]
    gaps = [each.source.gaps for each in counts]

    def each(kind: str, name: str, help: str, values: Any) -> Metric:
        return _metric(kind, name, help, *((n, v) for n, v in zip(names, values) if v is not None))

    yield each("counter", "frames", "Frames that came.", [c.frames for c in counts])
    yield each("counter", "frames_sampled", "Frames for the network.", [c.sampled for c in counts])
    dropped = [c.source.dropped for c in counts]
    yield each("counter", "frames_dropped", "Frames overtaken by newer ones.", dropped)
    unreadable = [c.source.skipped for c in counts]
    yield each("counter", "frames_unreadable", "Images that could not be read.", unreadable)
    yield each("counter", "decisions", "What was decided.", [c.decisions for c in counts])
    now = time.monotonic()
    ages = [None if math.isnan(w.taken_at) else now - w.taken_at for w in watches]
    yield each("gauge", "frame_age_seconds", "Since the newest frame.", ages)
    silent = [c.source.gap_s() for c in counts]
    yield each("gauge", "gap_seconds", "So long a gap is by now; 0: frames come.", silent)
    stalls = [None if g is None else g.stalls for g in gaps]
    yield each("counter", "stalls", "Times it went silent with its connection open.", stalls)
    reconnects = [None if g is None else g.reconnects for g in gaps]
    yield each("counter", "reconnects", "Times it came back.", reconnects)
    longest = [None if g is None else g.longest_s for g in gaps]
    yield each("gauge", "longest_gap_seconds", "The longest gap so far.", longest)
    yield each("gauge", "source_ended", "Whether it gives no more.", [c.ended for c in counts])
    people = [w.view.presence.count if w.view else None for w in watches]
    yield each("gauge", "people", "How many are there.", people)


def _of_latency(summary: summaries.RunSummary) -> Iterator[Metric]:
    """Quantiles of late, and how many there were in all."""
    metric = Metric("edge_run_latency_seconds", "Of a frame, by stage.", "summary")
    for stage in summary.latency.stages:
        sample = summary.latency.newest(stage, _NEWEST)
        labels = {"stage": _STAGES.get(stage, stage)}
        if not len(sample):
            continue
        for name, ms in summaries.percentiles(sample).items():
            quantile = {"quantile": str(summaries.QUANTILES[name])}
            metric.add_sample("edge_run_latency_seconds", labels | quantile, ms / 1e3)
        count = summary.latency.count(stage)
        metric.add_sample("edge_run_latency_seconds_count", labels, count)
    yield metric


def _of_events(summary: summaries.RunSummary) -> Iterator[Metric]:
    alerts = summary.events.to_json().items()
    started = [({"alert": name}, counts["started"]) for name, counts in alerts]
    yield _metric("counter", "events", "Events begun, by their alerts.", *started)
    active = [({"alert": name}, counts["active"]) for name, counts in alerts]
    yield _metric("gauge", "events_active", "Events that go on.", *active)
    answers = [
        ({"task": task, "label": label}, count)
        for task, labels in summary.answers.labels.copy().items()
        for label, count in labels.copy().items()
    ]
    yield _metric("counter", "answers", "Answers, by their labels.", *answers)


def _of_outputs(summary: summaries.RunSummary) -> Iterator[Metric]:
    outputs = [({"output": each.name}, each) for each in summary.outputs]
    for name, help in (
        ("delivered", "What was handed on."),
        ("dropped", "Frames that it was too slow for."),
        ("dropped_events", "Events that it lost."),
        ("failures", "Times it began to fail."),
    ):
        samples = [(labels, getattr(each, name)) for labels, each in outputs]
        yield _metric("counter", f"output_{name}", help, *samples)
    waiting = [(labels, each.waiting) for labels, each in outputs]
    yield _metric("gauge", "output_waiting", "Messages that wait on disk.", *waiting)
    failing = [(labels, bool(each.problem)) for labels, each in outputs]
    yield _metric("gauge", "output_failing", "Whether it fails just now.", *failing)
