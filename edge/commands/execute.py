"""What `edge-run` does once its options are read."""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import click

from edge import loop, registry, sinks, sources
from edge.bundle import Bundle
from edge.commands.plain import PlainOptions
from edge.commands.source_options import SourceOptions
from edge.engine import AUTO, EngineOptions, by_part, default_timeout_s, report_hang
from edge.input_spec import STRETCH
from edge.status import StatusLine
from edge.stream import FrameSampler, Naming, Network, Region, Stream, StreamOptions
from edge.summary import RunSummary, SourceSummary
from edge_common import EdgeError, SourceError, console, encode
from edge_devices.detection import memory

_STDOUT = "-"
_LEAST_OF_A_SOURCE = 16e6  # bytes of memory


@dataclass(frozen=True)
class RunOptions:
    """The options of `edge-run`, as its help describes them.

    Raises click.UsageError if they contradict each other, SinkError or SourceError if nothing is
    called as they say, and EdgeError if an output would destroy an input or another output.
    """

    bundle: str
    source: SourceOptions = field(default_factory=SourceOptions)
    save: str | None = None
    jsonl: str | None = None
    show: bool = False
    sink: tuple[str, ...] = ()
    frames: int | None = None
    hop: int = 1
    rate: float | None = None
    region: str = "full"
    gate: bool = True
    gallery: Path | None = None
    threshold: float | None = None
    vectors: bool = False
    engine: EngineOptions = field(default_factory=EngineOptions)
    device: str = ""
    invoke_timeout: float | None = None
    self_test: bool = False
    plain: PlainOptions = field(default_factory=PlainOptions)
    as_json: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and self.gallery is None:
            raise click.UsageError("--threshold goes with --gallery FILE")
        if not self.self_test:
            if not self.source and sources.is_footage(self.bundle):
                raise click.UsageError(
                    f"{self.bundle} is no bundle but a source: edge-run --source {self.bundle}"
                )
            self.source.endpoints  # noqa: B018  # those that there are
        self.plain.refuse_for(self.bundle)
        inputs = [] if self.self_test else [each.target for each in self.source.endpoints]
        outputs = [e for each in self.outputs for e in dict.fromkeys(each.for_each(len(inputs)))]
        _refuse_overwriting([self.bundle, *inputs, self.plain.labels, self.gallery], outputs)

    @cached_property
    def outputs(self) -> tuple[registry.Endpoint, ...]:
        """Those of --sink, and those that --save, --show and --jsonl are short for."""
        kinds = sinks.registry()
        requests = [kinds.find(text) for text in self.sink]
        if self.save:
            requests.append(kinds.named("video", self.save))
        if self.show:
            requests.append(kinds.named("window"))
        if self.jsonl:
            requests.append(kinds.named("jsonl", self.jsonl))
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
            gate=self.gate,
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
    if options.self_test:
        _report_self_test(bundle, options)
        return
    with ExitStack() as stack:
        naming = _recogniser(bundle, options)
        stack.enter_context(options.stream.confined())
        network = Network(bundle, options.stream)
        opened = _open_sources(network, options, stack)
        summary = _summary(network, opened, options)
        feeds = _feeds(network, naming, summary, options)

        def print_summary() -> None:
            summary.delegation, summary.predicted = network.delegation, network.predicted
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
        loop.run(feeds, summary, limits)


def _open_sources(network: Network, options: RunOptions, stack: ExitStack) -> list[sources.Source]:
    """All of them, with names that differ. Raises SourceError, also if they need too much memory."""
    needs, requests = _frame_needs(network, options), options.source.endpoints
    available, opened = memory.available_bytes(), []
    for number, request in enumerate(requests, 1):
        opened.append(stack.enter_context(sources.open_source(request, needs)))
        _check_memory(available, number, len(requests) - number)
    names = [source.name for source in opened]
    for number, source in enumerate(opened, 1):
        if names.count(source.name) > 1:
            source.rename(f"{source.name} ({number})")
    return opened


def _check_memory(available: int | None, opened: int, more: int) -> None:
    """Raise SourceError if so many more sources will not fit, as those that are opened did.

    available: bytes that were left before them.
    """
    unused = memory.available_bytes() if more else None
    if available is None or unused is None:
        return
    missing = more * max((available - unused) / opened, _LEAST_OF_A_SOURCE)
    if unused < missing:
        raise SourceError(
            f"{opened + more} sources need too much memory: {more} of them about {missing / 1e6:.0f} "
            f"MB, and {unused / 1e6:.0f} MB are left: give fewer, or smaller frames"
        )


def _frame_needs(network: Network, options: RunOptions) -> sources.FrameNeeds:
    """Whole frames only if an output shows them, or a region counts their pixels."""
    region, spec = options.stream.region, network.bundle.manifest.input
    if region.box or any(output.kind.frames for output in options.outputs):
        return sources.WHOLE
    is_square = region.kind == "square"
    size = (max(spec.size), max(spec.size)) if is_square else spec.size
    return sources.FrameNeeds(size, is_square or spec.resize.kind != STRETCH)


def _feeds(
    network: Network, naming: Naming | None, summary: RunSummary, options: RunOptions
) -> list[loop.Feed]:
    """A window and sinks for each source. Raises SinkError."""
    bundle, several = network.bundle, len(summary.sources) > 1
    tasks, spec = tuple(task.name for task in bundle.manifest.tasks), bundle.manifest.input
    region = options.stream.region.seen_by(spec.size, spec.resize)
    infos = [
        sinks.RunInfo(
            tasks,
            counts.source.rate_hz,
            options.vectors,
            region,
            counts.source.live,
            counts.source.name if several else None,
        )
        for counts in summary.sources
    ]
    feeds = []
    for counts, info, opened in zip(
        summary.sources, infos, sinks.open_sinks(options.outputs, infos)
    ):
        stream = Stream(bundle, options.stream, naming=naming, network=network, source=info.source)
        feeds.append(loop.Feed(counts, stream, opened, FrameSampler(summary.rate_hz), info.source))
    return feeds


def _recogniser(bundle: Bundle, options: RunOptions) -> Naming | None:
    if options.gallery is None:
        return None
    from edge.people.recogniser import open_recogniser

    return open_recogniser(bundle, options.gallery, options.threshold)


def _summary(network: Network, opened: Sequence[sources.Source], options: RunOptions) -> RunSummary:
    manifest, runtime = network.bundle.manifest, network.head.runtime
    return RunSummary(
        manifest.name,
        [SourceSummary(source) for source in opened],
        f"{runtime.name} {runtime.version}",
        options.engine.delegate.label,
        window=manifest.window,
        trained_rate_hz=options.rate or manifest.frame_rate_hz,
        rate_hz=FrameSampler.of(manifest, options.rate).rate_hz,
    )


def _status(summary: RunSummary, options: RunOptions) -> StatusLine | None:
    """What shows how the run goes on; None if nobody wants it or JSON lines stand there."""
    if options.quiet or (options.writes_to_stdout and sys.stdout.isatty()):
        return None
    return StatusLine(summary, options.frames)


def _report_self_test(bundle: Bundle, options: RunOptions) -> None:
    from edge.check.self_test import self_test

    result = self_test(bundle, options.stream)
    if options.as_json:
        console.echo(json.dumps(encode(result)))
        return
    how = "bit for bit" if result.exact else f"within {result.largest_difference:.4f} of the range"
    results = "boxes" if bundle.manifest.detection else "decisions"
    console.echo(f"self-test passed: {result.decisions} {results} as expected, {how}")
    if options.engine.delegate != AUTO:
        console.echo("\n".join(by_part(result.delegation)))
