"""`edge-run replay`: recorded decisions, judged by other alerts."""

from pathlib import Path

from edge import bundle, shipped, sinks, stream
from edge.commands.settings import Settings
from edge.events import replay
from edge.events.alert import AlertError
from edge.sinks import jsonl
from edge_common import ConfigError, console


def replay_file(decisions: Path, settings: Settings, target: str) -> None:
    """Write the events to `target`, JSON lines; - is stdout. Raises EdgeError."""
    if not settings.alerts:
        raise ConfigError(f"{settings.path}: has no [[alert]] to judge by")
    opened = bundle.open_bundle(settings.defaults.get("bundle", shipped.DEFAULT_BUNDLE))
    manifest = opened.manifest
    zones = [text.partition("=")[0] for text in settings.defaults.get("zone", ())]
    lines = list(replay.read_lines(decisions))
    for alert in settings.alerts:
        alert.fit(manifest.tasks, zones, has_people=any(line.track for line in lines))
        alert.fit_sources({line.source for line in lines})
    _demand_tasks({name for line in lines for name in line.tasks}, settings, decisions)
    if replay.lacks_probabilities(lines, settings.alerts, manifest.tasks):
        console.note(
            f"{decisions} holds the probability of the best label alone, others count as 0: "
            "record with --sink jsonl:FILE:probabilities=1 for the same events as a run's"
        )
    who = sinks.BundleInfo(manifest.name, opened.sha256, manifest.tasks)
    with jsonl.open_sink(target, sinks.RunInfo((), bundle=who)) as sink:
        for event in replay.replay(lines, settings.alerts, who):
            sink.take_event(event, stream.Frame(replay.NO_PIXELS, event.newest.frame))


def _demand_tasks(names: set[str], settings: Settings, decisions: Path) -> None:
    for alert in settings.alerts:
        if alert.task is not None and alert.task not in names:
            raise AlertError(alert, "task", f"{decisions} holds no answers of task '{alert.task}'")
