"""What `edge-run` does once its options are read."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge import engine, loop, sources, status
from edge.bundle import Bundle
from edge.commands import feeds
from edge.commands.run_options import RunOptions as RunOptions
from edge.privacy import sensitive
from edge.stream import FrameSampler, Network
from edge.summary import RunSummary, SourceSummary
from edge_common import SelfTestFailed, console, encode

if TYPE_CHECKING:
    from edge.check.self_test import SelfTest
    from edge.people.recogniser import Recogniser


def execute(options: RunOptions) -> None:
    """Load, open, run, and print the summary however the run ends."""
    opened_bundle = options.plain.open(options.bundle, options.engine.runtime)
    bundle, withheld = sensitive.permitted(opened_bundle, options.allow_sensitive, options.alerts)
    zones = [zone.name for zone in options.people.areas[0]] if options.alerts else []
    for alert in options.alerts:
        alert.fit(bundle.manifest.tasks, zones, has_people=bool(options.people))
    _note_missing_clips(options)
    if withheld and not options.self_test:
        console.note(sensitive.note_of(withheld))
    if options.check:
        console.echo("\n".join(_plan(bundle, options)))
        return
    if options.self_test:
        _report_self_test(opened_bundle, options)
        return
    with ExitStack() as stack:
        naming = _recogniser(bundle, options)
        stack.enter_context(options.stream.confined())
        network = Network(bundle, options.stream)
        detector = options.people.load(options.stream) if options.people else None
        opened = feeds.open_sources(network, options, stack)
        summary = _summary(network, opened, options)
        opened_feeds = feeds.open_feeds(network, detector, naming, summary, options)

        def print_summary() -> None:
            summary.delegation, summary.predicted = network.delegation, network.predicted
            if detector:
                summary.delegation |= detector.delegation
                if summary.predicted and detector.predicted:
                    summary.predicted |= detector.predicted
            summary.calls_saved = network.calls_saved
            text = json.dumps(summary.to_json()) if options.as_json else str(summary)
            console.echo(text, err=options.writes_to_stdout)

        # the summary is printed last, also after an interruption or a lost source
        stack.callback(print_summary)
        if line := _status(summary, options):
            stack.enter_context(line.start())

        def on_hang() -> None:
            try:
                print_summary()
            finally:  # also if nobody reads our stdout
                engine.report_hang(options.frame_timeout_s, options.engine.delegate)

        limits = loop.RunLimits(options.frames, options.frame_timeout_s, on_hang)
        loop.run(opened_feeds, summary, limits)


def _note_missing_clips(options: RunOptions) -> None:
    asking = [str(alert) for alert in options.alerts if not isinstance(alert.clip, bool)]
    if asking and not any(endpoint.kind.name == "clips" for endpoint in options.outputs):
        console.note(
            f"alert '{asking[0]}' asks for a clip, and no output records one: add --sink clips:FOLDER"
        )


def _plan(bundle: Bundle, options: RunOptions) -> Iterator[str]:
    """What would run, a line each; nothing of it is opened."""
    tasks = ", ".join(task.name for task in bundle.manifest.tasks)
    yield f"bundle: {bundle.manifest.name} ({tasks})"
    if options.people:
        yield f"detector: {options.people.detector}"
    for uri, endpoint in zip(options.source.uris, options.source.endpoints):
        name = options.names.get(uri)
        yield f"source: {f'{name}, ' if name else ''}{endpoint}"
    yield from (f"zone: {zone}" for zone in options.people.areas[0])
    yield from (f"output: {endpoint}" for endpoint in options.outputs)
    yield from (f"alert: {alert} ({alert.severity})" for alert in options.alerts)


def _recogniser(bundle: Bundle, options: RunOptions) -> "Recogniser | None":
    if options.gallery is None:
        return None
    from edge.people.recogniser import open_recogniser

    return open_recogniser(bundle, options.gallery, options.threshold)


def _summary(network: Network, opened: Sequence[sources.Source], options: RunOptions) -> RunSummary:
    manifest, runtime = network.bundle.manifest, network.head.runtime
    counts = [SourceSummary(source) for source in opened]
    scene = options.people.summary(manifest, counts, options.rate) if options.people else None
    return RunSummary(
        manifest.name,
        counts,
        f"{runtime.name} {runtime.version}",
        options.engine.delegate.label,
        window=manifest.window,
        # a scene takes all frames, and samples them for each person
        trained_rate_hz=0.0 if scene else options.rate or manifest.frame_rate_hz,
        rate_hz=0.0 if scene else FrameSampler.of(manifest, options.rate).rate_hz,
        scene=scene,
    )


def _status(summary: RunSummary, options: RunOptions) -> status.StatusLine | None:
    """What shows how the run goes on; None if nobody wants it or JSON lines stand there."""
    if options.quiet or (options.writes_to_stdout and sys.stdout.isatty()):
        return None
    return status.StatusLine(summary, options.frames)


def _report_self_test(bundle: Bundle, options: RunOptions) -> None:
    """A line for each bundle. Raises SelfTestFailed when all were tested."""
    from edge.check import self_test as checks

    bundles, errors, results = [bundle], list[str](), list[checks.SelfTest]()
    if options.people:
        bundles.append(options.people.open(options.stream))
    for each in bundles:
        name = f"{each.manifest.name}: " if options.people else ""
        try:
            result = checks.self_test(each, options.stream)
        except SelfTestFailed as error:
            errors.append(f"{name}{error}")
            continue
        results.append(result)
        if not options.as_json:
            _print_self_test(name, each, result, options)
    if errors:
        raise SelfTestFailed("; ".join(errors))
    if options.as_json:
        detector = {"detector": encode(results[1])} if options.people else {}
        console.echo(json.dumps({**encode(results[0]), **detector}))


def _print_self_test(name: str, bundle: Bundle, result: "SelfTest", options: RunOptions) -> None:
    how = "bit for bit" if result.exact else f"within {result.largest_difference:.4f} of the range"
    results = "boxes" if bundle.manifest.detection else "decisions"
    console.echo(f"{name}self-test passed: {result.decisions} {results} as expected, {how}")
    if options.engine.delegate != engine.AUTO:
        console.echo("\n".join(engine.by_part(result.delegation)))
