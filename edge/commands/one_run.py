"""One run by one request: what it loads and opens, what shows how it goes, and its summary."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edge import engine, loop, sources, status, stream
from edge.commands import feeds
from edge.commands.run_options import RunOptions as RunOptions
from edge.summary import RunSummary, SourceSummary
from edge_common import EdgeError, SourceError, SourceLost, console, named_numbers

if TYPE_CHECKING:
    from edge.bundle import Bundle
    from edge.detector import Detector
    from edge.people.recogniser import Recogniser
    from edge.web.page import Page


@dataclass(frozen=True)
class RunRequest:
    """What is to run: options that contradict nothing, and the bundle that they name.

    opened: those of its sources that are open already, by their place in the options.
    file_times: as RunOptions has them, when it was read.
    """

    options: RunOptions
    bundle: "Bundle"
    opened: dict[int, sources.Source] = field(default_factory=dict, compare=False)
    file_times: tuple[int, ...] = field(default=(), compare=False)

    def is_alike_but_for_inputs(self, running: "RunRequest") -> bool:
        """Whether nothing else has to be opened, loaded or read for it."""
        return (
            self.bundle.sha256 == running.bundle.sha256
            and self.file_times == running.file_times
            and replace(self.options, inputs=running.options.inputs) == running.options
        )

    def open_ahead(self, running: "RunRequest") -> None:
        """Open what is new, while another run goes on, and see that the rest can be opened.

        Raises EdgeError.
        """
        manifest, before = self.bundle.manifest, running.options
        if self.bundle.is_foreign and self.bundle.sha256 != running.bundle.sha256:
            from edge.check import self_test

            self_test.require_elsewhere(self.bundle, self.options.stream)
        if self.options.gallery != before.gallery:
            _recogniser(self.bundle, self.options)
        for output in self.options.outputs:
            if output not in before.outputs:
                output.check_target()
        self.opened.update(feeds.open_ahead(manifest, self.options, running.options))

    def close(self) -> None:
        """Whatever no run has taken."""
        while self.opened:
            self.opened.popitem()[1].close()


@dataclass(frozen=True)
class Engines:
    """What a request's bundles are loaded into.  key: requests with the same one may share them."""

    network: stream.Network
    detector: "Detector | None"
    key: object

    @classmethod
    def load(cls, request: RunRequest) -> "Engines":
        """Raises EdgeError."""
        options = request.options
        detector = options.people.load(options.stream, options.opener) if options.people else None
        return cls(stream.Network(request.bundle, options.stream), detector, cls.key_of(request))

    @staticmethod
    def key_of(request: RunRequest) -> object:
        """Differs if anything that is loaded may."""
        options = request.options
        # the cores and the memory of an emulated board hold for one run, files may have changed
        if options.device or os.path.exists(options.people.detector):
            return request
        allowed = options.allow_sensitive
        loaded = replace(options.stream, inputs=())  # which each stream has for itself
        return request.bundle.sha256, allowed, loaded, options.people.detector


class OneRun:
    """Opened by this, closed with the stack. Raises EdgeError.

    engines: of another run that asked for the same, or None.  request: what runs by now.
    earlier: the request whose place this takes: what is new in this one is not waited for.
    """

    def __init__(
        self,
        request: RunRequest,
        engines: Engines | None,
        stack: ExitStack,
        page: "Page | None" = None,
        earlier: RunRequest | None = None,
    ) -> None:
        self.options, self.request = request.options, request
        self._is_refused = self._makes_room = False
        options = self.options
        naming = _recogniser(request.bundle, options)
        stack.enter_context(options.stream.confined())
        self.engines = engines or Engines.load(request)
        if options.verifier:
            options.verifier.accept()
        network, detector = self.engines.network, self.engines.detector
        known = earlier.options.source.endpoints if earlier else options.source.endpoints
        self._opened = stack.enter_context(ExitStack())  # sources, in the order of the options
        opened = feeds.open_sources(network, options, self._opened, known, request.opened)
        self.summary = _summary(network, opened, options)
        self._watch_board(stack)
        self.feeds = feeds.open_feeds(network, detector, naming, self.summary, options, page)

    def _watch_board(self, stack: ExitStack) -> None:
        """Of live sources: of a recording all is decided, however hot it gets."""
        options = self.options
        is_live = any(counts.source.live for counts in self.summary.sources)
        if not is_live or options.device or options.throttle_at == 0:
            return
        from edge import throttling

        watch = throttling.BoardWatch(throttling.HeatPolicy(options.throttle_at))
        self.summary.board = watch.state
        stack.enter_context(watch.start())

    def go(
        self,
        stack: ExitStack,
        has_status_line: bool,
        end_reason: Callable[[], str] = lambda: "",
        on_turn: Callable[[], object] = lambda: None,
    ) -> None:
        """Until the sources end, or there is a reason to; the summary is printed with the stack's end.

        A run that makes room for another one prints none.
        """
        options = self.options

        def print_last() -> None:
            if not (end_reason() or self._is_refused or self._makes_room):
                self.print_summary()

        # the summary is printed last, also after an interruption or a lost source
        stack.callback(print_last)
        if has_status_line and not _is_quiet(options):
            line = status.StatusLine(self.summary, options.frames)
            stack.enter_context(line.start())

        def on_hang() -> None:
            try:
                self.print_summary()
            finally:  # also if nobody reads our stdout
                engine.report_hang(options.frame_timeout_s, options.engine.delegate)

        timeout_s = options.frame_timeout_s
        limits = loop.RunLimits(options.frames, timeout_s, on_hang, end_reason, on_turn)
        loop.run(self.feeds, self.summary, limits)

    def give(self, inputs: tuple[named_numbers.NamedNumbers, ...]) -> None:
        """They hold from the next frame on, in all feeds. Raises ConfigError if they do not fit."""
        for feed in self.feeds:
            feed.give(dict(inputs))
        self.options = replace(self.request.options, inputs=inputs)
        self.request = replace(self.request, options=self.options)

    def take_bundle(self, request: RunRequest, network: stream.Network) -> None:
        """It answers from now on, in all feeds.  network: of its bundle."""
        self.request, self.options = request, request.options
        self.engines = Engines(network, self.engines.detector, Engines.key_of(request))

    def make_room(self, following: RunRequest) -> None:
        """For the run behind this one: live sources that it has as well go on, with their connections."""
        self._makes_room = True
        following.opened.update(self._shared_sources(following))
        self._opened.pop_all()  # each that is not handed over is closed by itself
        for counts in self.summary.sources:
            if counts.source not in following.opened.values():
                self._opened.callback(counts.source.close)

    def _shared_sources(self, following: RunRequest) -> dict[int, sources.Source]:
        """By their place in the other run: those that give frames as that one needs them."""
        options, options_after = self.options, following.options
        needs = feeds.frame_needs(self.engines.network.bundle.manifest, options)
        needs_after = feeds.frame_needs(following.bundle.manifest, options_after)
        if needs != needs_after or options.device or options_after.device:
            return {}
        unclaimed = [
            (endpoint.without("wait"), counts.source)
            for endpoint, counts in zip(options.source.endpoints, self.summary.sources)
            if counts.source.live and not counts.ended
        ]
        shared = dict[int, sources.Source]()
        for number, endpoint in enumerate(options_after.source.endpoints):
            pairs = [pair for pair in unclaimed if pair[0] == endpoint.without("wait")]
            if pairs and number not in following.opened:
                shared[number] = pairs[0][1]
                unclaimed.remove(pairs[0])
        return shared

    def refused_frames(self, error: EdgeError) -> bool:
        """Whether this was told of a first frame, as of a zone outside of it: no summary is printed then."""
        is_lost = isinstance(error, (SourceError, SourceLost))
        self._is_refused = not is_lost and any(not each.frames for each in self.summary.sources)
        return self._is_refused

    def status_text(self) -> status.StatusText:
        """How it goes on, in a line each time."""
        return status.StatusText(self.summary, self.options.frames)

    def print_summary(self) -> None:
        summary, options = self.summary, self.options
        network, detector = self.engines.network, self.engines.detector
        summary.delegation, summary.predicted = network.delegation, network.predicted
        if detector:
            summary.delegation |= detector.delegation
            if summary.predicted and detector.predicted:
                summary.predicted |= detector.predicted
        summary.calls_saved = network.calls_saved
        text = json.dumps(summary.to_json()) if options.as_json else str(summary)
        console.echo(text, err=options.writes_to_stdout)


def _recogniser(bundle: "Bundle", options: RunOptions) -> "Recogniser | None":
    if options.gallery is None:
        return None
    from edge.people.recogniser import open_recogniser

    return open_recogniser(bundle, options.gallery, options.threshold)


def _summary(
    network: stream.Network, opened: Sequence[sources.Source], options: RunOptions
) -> RunSummary:
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
        rate_hz=0.0 if scene else stream.FrameSampler.of(manifest, options.rate).rate_hz,
        scene=scene,
    )


def _is_quiet(options: RunOptions) -> bool:
    """Whether nobody wants to see how the run goes on, or JSON lines stand there."""
    return options.quiet or (options.writes_to_stdout and sys.stdout.isatty())
