"""Another network in a run's place: put beside the one that is heard, heard, kept, or taken out again."""

from dataclasses import replace
from typing import TYPE_CHECKING

from edge import sinks, stream
from edge.updates.bounds import Before, percentile
from edge.updates.trial import KEPT, StreamPair, Trial

if TYPE_CHECKING:
    from edge.bundle import Bundle
    from edge.commands.one_run import OneRun, RunRequest

_NEWEST = 1024  # ages of frames that count
_TOLERANCE = 0.1  # of the range of numbers that were answered


class Swap:
    """All of it in the loop's thread, between two frames.

    new: what runs from then on.  network: of its bundle.
    """

    def __init__(self, run: "OneRun", new: "RunRequest", network: stream.Network) -> None:
        self._run, self._new, self._network = run, new, network
        self._old_network, self._is_shown = run.engines.network, False
        self._is_out = True  # it is in once begun
        tolerance = {
            task: _TOLERANCE * (each.highest - each.lowest)
            for task, each in run.summary.answers.values.items()
        }
        self.trial = Trial(new.bundle.manifest.tasks, tolerance, self._has_time)

    def begin(self) -> None:
        """Both take the frames from now on, and the old one is heard."""
        self._is_out = False
        for feed in self._run.feeds:
            feed.exchange(self._paired)

    def to_new(self) -> None:
        """The new one is heard from the next frame on, unless it has failed meanwhile."""
        self.trial.begin_probation()
        if not self.trial.problem:
            self._show(self._new.bundle)
            self._is_shown = True

    def keep(self) -> None:
        """The old one is forgotten."""
        self.trial.phase = KEPT
        for feed in self._run.feeds:
            feed.exchange(lambda pair: pair.new, self._network)
        self._run.take_bundle(_request_of(self._run, self._new), self._network)

    def back(self) -> None:
        """The new one is forgotten; twice does nothing more."""
        if self._is_out:
            return
        self._is_out = True
        self.trial.fail("it was taken out")
        for feed in self._run.feeds:
            feed.exchange(lambda pair: pair.old_again(), self._old_network)
        if self._is_shown:
            self._show(self._run.request.bundle)

    def _has_time(self, seconds: float) -> bool:
        """Whether no source of the run loses frames if the newest one takes so much longer."""
        return all(feed.source.has_time(seconds) for feed in self._run.feeds)

    def _paired(self, old: stream.Stream) -> StreamPair:
        return StreamPair(old, old.beside(self._network), self.trial)

    def _show(self, bundle: "Bundle") -> None:
        manifest, summary = bundle.manifest, self._run.summary
        who = sinks.BundleInfo(manifest.name, bundle.sha256, manifest.tasks)
        summary.window = manifest.window
        for feed in self._run.feeds:
            feed.show_bundle(who)
        for watch in summary.drift or ():
            if bundle.reference:
                watch.compare_with(bundle.reference)


def before_of(run: "OneRun", budget_ms: float) -> Before:
    """Without events, which are counted until the end.  budget_ms: of a frame."""
    latency = run.summary.latency
    ages_ms = latency.newest("frame age", _NEWEST) if "frame age" in latency.stages else ()
    return Before(percentile(list(ages_ms), 90), budget_ms)


def events_of(run: "OneRun") -> int:
    """How many began by now."""
    return sum(alert["started"] for alert in run.summary.events.to_json().values())


def _request_of(run: "OneRun", new: "RunRequest") -> "RunRequest":
    """The run's own, whose inputs may be others by now, of the new bundle."""
    options = replace(run.request.options, slot=new.options.slot)
    return replace(run.request, options=options, bundle=new.bundle, opened={})
