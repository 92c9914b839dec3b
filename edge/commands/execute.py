"""What `edge-run` does once its options are read."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge import loop, registry, sinks, sources
from edge.bundle import Bundle
from edge.commands import feeds, scene_options, source_options
from edge.commands.plain import PlainOptions
from edge.engine import AUTO, EngineOptions, by_part, default_timeout_s, report_hang
from edge.status import StatusLine
from edge.stream import FrameSampler, Network, Region, StreamOptions
from edge.summary import RunSummary, SourceSummary
from edge_common import EdgeError, SelfTestFailed, console, encode

if TYPE_CHECKING:
    from edge.check.self_test import SelfTest
    from edge.events.alert import Alert
    from edge.people.recogniser import Recogniser

_STDOUT = "-"
DRIFT_S = 300.0


@dataclass(frozen=True)
class RunOptions:
    """The options of `edge-run`, as its help describes them.

    Raises click.UsageError if they contradict each other, SinkError or SourceError if nothing is
    called as they say, and EdgeError if an output would destroy an input or another output.
    """

    bundle: str
    source: source_options.SourceOptions = field(default_factory=source_options.SourceOptions)
    save: str | None = None
    jsonl: str | None = None
    keep: str | None = None
    show: bool = False
    sink: tuple[str, ...] = ()
    strict: bool = False
    frames: int | None = None
    hop: int = 1
    rate: float | None = None
    region: str = "full"
    no_gate: bool = False
    people: scene_options.PeopleOptions = field(default_factory=scene_options.PeopleOptions)
    gallery: Path | None = None
    threshold: float | None = None
    drift: float | None = None
    drift_answers: float = 0.0
    vectors: bool = False
    engine: EngineOptions = field(default_factory=EngineOptions)
    device: str = ""
    invoke_timeout: float | None = None
    self_test: bool = False
    plain: PlainOptions = field(default_factory=PlainOptions)
    as_json: bool = False
    quiet: bool = False
    alerts: "tuple[Alert, ...]" = ()
    names: Mapping[str, str] = field(default_factory=dict)
    check: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and self.gallery is None:
            raise click.UsageError("--threshold goes with --gallery FILE")
        if self.people and self.region != "full":
            raise click.UsageError(
                "--region goes without --detector, which looks at each person; --mask leaves out "
                "parts of the frame"
            )
        if self.people:
            self.people.areas  # noqa: B018  # raises if one is none
        if not self.self_test:
            if not self.source and sources.is_footage(self.bundle):
                raise click.UsageError(
                    f"{self.bundle} is no bundle but a source: edge-run --source {self.bundle}"
                )
            self.source.endpoints  # noqa: B018  # raises if there is no such source
        self.plain.refuse_for(self.bundle)
        inputs = [] if self.self_test else [each.target for each in self.source.endpoints]
        outputs = [e for each in self.outputs for e in dict.fromkeys(each.for_each(len(inputs)))]
        files = [self.bundle, *self.people.files, self.plain.labels, self.gallery]
        _refuse_overwriting([*files, *inputs], outputs)

    @cached_property
    def outputs(self) -> tuple[registry.Endpoint, ...]:
        """Those of --sink, and those that --save, --show, --jsonl and --keep are short for."""
        kinds = sinks.registry()
        requests = [kinds.find(text) for text in self.sink]
        if self.save:
            requests.append(kinds.named("video", self.save))
        if self.show:
            requests.append(kinds.named("window"))
        if self.jsonl:
            requests.append(kinds.named("jsonl", self.jsonl))
        if self.keep:
            requests.append(kinds.named("keeper", self.keep))
        return tuple(requests)

    @property
    def writes_to_stdout(self) -> bool:
        return any(request.target == _STDOUT for request in self.outputs)

    @property
    def frame_timeout_s(self) -> float:
        """How long a frame may take; 0: any time."""
        if self.invoke_timeout is None:
            return default_timeout_s(self.engine.delegate)
        return self.invoke_timeout

    @property
    def drift_s(self) -> float:
        """The time constant of what watches for drift, which is there with alerts; 0: nothing does."""
        if self.drift is None:
            return DRIFT_S if self.alerts else 0.0
        return self.drift

    @cached_property
    def stream(self) -> StreamOptions:
        # a run guards whole frames, and closes its outputs
        timeout_s = self.invoke_timeout if self.self_test else 0.0
        region = Region.parse(self.region)
        return StreamOptions(
            **vars(self.engine),
            device=self.device,
            timeout_s=timeout_s,
            region=region,
            hop=self.hop,
            gate=not self.no_gate,
            window_pixels=any(output.kind.windows for output in self.outputs),
            image_statistics=self.drift_s > 0,
        )


def _refuse_overwriting(
    inputs: Sequence[str | Path | None], outputs: Sequence[registry.Endpoint]
) -> None:
    """Raise EdgeError if an output would destroy an input or another output."""
    occupied = {Path(name).resolve() for name in inputs if name and name != _STDOUT}
    for request in outputs:
        # what is no path, such as a window or a topic, may stand once a kind
        name, is_path = request.target or request.kind.name, request.kind.target == "PATH"
        place = Path(name).resolve() if is_path else Path(request.kind.name, name)
        if place in occupied:
            raise EdgeError(f"{name} is given twice: give every output a name of its own")
        occupied.add(place)


def execute(options: RunOptions) -> None:
    """Load, open, run, and print the summary however the run ends."""
    bundle = options.plain.open(options.bundle, options.engine.runtime)
    zones = [zone.name for zone in options.people.areas[0]] if options.alerts else []
    for alert in options.alerts:
        alert.fit(bundle.manifest.tasks, zones, has_people=bool(options.people))
    _note_missing_clips(options)
    if options.check:
        console.echo("\n".join(_plan(bundle, options)))
        return
    if options.self_test:
        _report_self_test(bundle, options)
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
                report_hang(options.frame_timeout_s, options.engine.delegate)

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


def _status(summary: RunSummary, options: RunOptions) -> StatusLine | None:
    """What shows how the run goes on; None if nobody wants it or JSON lines stand there."""
    if options.quiet or (options.writes_to_stdout and sys.stdout.isatty()):
        return None
    return StatusLine(summary, options.frames)


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
    if options.engine.delegate != AUTO:
        console.echo("\n".join(by_part(result.delegation)))
