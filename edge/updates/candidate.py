"""Whether another bundle may take the place of the one that runs: what it is, and how it does elsewhere."""

from typing import TYPE_CHECKING

from edge import stream
from edge.check import self_test
from edge.commands import feeds, fitting, scene_options
from edge.updates.bounds import latency_problem
from edge_common import ConfigError, console
from edge_devices.detection import memory

if TYPE_CHECKING:
    from edge.bundle import Manifest
    from edge.commands.one_run import OneRun, RunRequest

_ROOM = 1.25  # of what it took elsewhere, that has to be free here
ANOTHER = "it is another network: name it as `bundle` in the settings, and reload"


def require_alike(old: "RunRequest", new: "RunRequest") -> None:
    """Raise ConfigError if it cannot take the other's place between two frames."""
    before, after, options = old.bundle.manifest, new.bundle.manifest, new.options
    if problem := next(filter(None, _differences(before, after)), ""):
        raise ConfigError(f"{problem}: {ANOTHER}")
    if feeds.frame_needs(before, options) != feeds.frame_needs(after, options) or (
        options.people and before.input.size != after.input.size
    ):
        sizes = [" x ".join(map(str, each.input.size)) for each in (after, before)]
        raise ConfigError(f"it takes frames of {sizes[0]}, and {sizes[1]} runs: {ANOTHER}")
    rates = [stream.FrameSampler.of(each, options.rate).rate_hz for each in (after, before)]
    if rates[0] != rates[1]:
        raise ConfigError(
            f"it was trained at {rates[0]:g} frames/s, and gets {rates[1]:g}: {ANOTHER}"
        )
    if options.hop > 1 and (after.window - before.window) % options.hop:
        raise ConfigError(
            f"its window of {after.window} frames and that of {before.window} never end together, at "
            f"one decision in {options.hop} frames: {ANOTHER}"
        )
    if options.drift_s and old.bundle.reference and not new.bundle.reference:
        raise ConfigError("it holds no reference for drift, which is watched: convert it again")
    if options.device:
        raise ConfigError("an emulated board runs one network: update without --device")


def _differences(before: "Manifest", after: "Manifest") -> tuple[str, ...]:
    """What is not alike, in words; "" is."""
    tasks, tasks_before = (
        [(task.name, task.kind, task.labels, task.unit, task.grid) for task in each.tasks]
        for each in (after, before)
    )
    names = ", ".join(name for name, *_ in tasks)
    return (
        f"it is called '{after.name}', and '{before.name}' runs" * (after.name != before.name),
        f"it answers {names}, other than what runs, or with other labels" * (tasks != tasks_before),
        "it takes vectors or images, other than what runs"
        * (before.input.is_features != after.input.is_features),
        f"it takes {_inputs(after)} beside frames, and what runs takes {_inputs(before)}"
        * (_inputs(after) != _inputs(before)),
    )


def _inputs(manifest: "Manifest") -> str:
    """What is given beside frames, whose names, sizes and units settings are written for."""
    parts = sorted(f"{each.name} ({each.amount})" for each in manifest.inputs)
    return " and ".join(parts) or "nothing"


def require_able(new: "RunRequest", limit_ms: float) -> None:
    """Let it fit the settings, and replay its golden frames elsewhere; is there time and memory for it?

    limit_ms: milliseconds a frame, of one thing that is watched. Raises EdgeError.
    """
    fitting.require_fitting(new)
    if new.options.gallery is not None:
        from edge.people import recogniser

        recogniser.open_recogniser(new.bundle, new.options.gallery, new.options.threshold)
    if not new.bundle.golden:
        raise ConfigError("it holds no golden frames to be tried with: make it with edge-convert")
    replayed = self_test.require_elsewhere(new.bundle, new.options.stream)
    if problem := latency_problem(replayed.frame_ms, limit_ms):
        raise ConfigError(problem)
    available = memory.available_bytes()
    required = _ROOM * replayed.memory_bytes
    if available is not None and not required <= available:
        raise ConfigError(
            f"it needs {console.megabytes(round(required))} beside what runs, and "
            f"{console.megabytes(available)} are left: make it smaller, or give the service more"
        )


def limit_ms(run: "OneRun") -> float:
    """Milliseconds that a frame may take: what is given, or half of a frame's time.

    Infinite for recordings, which wait.
    """
    options, summary = run.request.options, run.summary
    if options.update and options.update.latency_ms is not None:
        return options.update.latency_ms
    budget_ms, _ = options.people.budget(summary.sources)
    if not summary.rate_hz:
        return budget_ms
    return max(
        budget_ms, 1e3 * scene_options.BUDGET_SHARE / (summary.rate_hz * len(summary.sources))
    )
