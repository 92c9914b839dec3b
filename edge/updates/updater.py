"""What takes a bundle from hand to hand: copied, tried elsewhere, a shadow, on probation, kept or not."""

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge import shipped, stream
from edge.bundle import open_bundle
from edge.updates import bounds, candidate, changes, swap as swaps
from edge.updates.in_loop import Interrupted, LoopThread
from edge.updates.inbox import Inbox
from edge.updates.rules import UpdateRules
from edge.updates.slots import SLOTS, Slot, Slots, file_sha256
from edge_common import Closable, ConfigError, EdgeError, console

if TYPE_CHECKING:
    from edge.commands.one_run import OneRun, RunRequest
    from edge.commands.reload import Reload
    from edge.service.supervisor import Supervisor

_LOOK_S, _CLOSING_S = 1.0, 5.0  # between two looks into the inbox; of one that is on trial


@dataclass(frozen=True)
class _Job:
    """path: of the new bundle.  base: as SlotRecord has it.  identity, sha256: of the request."""

    path: Path
    base: str
    identity: str = ""
    sha256: str = ""


class Updater(Closable):
    """A thread that looks for bundles which are to run, and takes one after the other through all steps.

    What changes a run is done in the loop's thread, which calls `loop.on_turn`.
    open_candidate: verifies a bundle; raises EdgeError or click.ClickException.
    supervisor: is told.  clock: monotonic seconds.
    problem: why the newest update failed; "": it did not.  reload: is told what runs.
    Raises ConfigError if another process takes the updates of these settings.
    """

    def __init__(
        self,
        folder: Path,
        open_candidate: "Callable[[Path], RunRequest]",
        supervisor: "Supervisor | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.slots, self.inbox = folder, Slots(folder), Inbox(folder)
        self._open, self._supervisor, self.loop = open_candidate, supervisor, LoopThread(clock)
        self.problem = ""
        self.reload: Reload | None = None
        self._run: OneRun | None = None
        self._jobs = queue.SimpleQueue[_Job]()
        self._adopted: OneRun | None = None  # whose file was copied, if it is to be
        self._identity = ""  # of the newest request
        self._newest: changes.UpdateChange | None = None
        self._news: changes.UpdateChange | None = None  # of before, that nobody was told
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="updates", daemon=True)
        self._stack = contextlib.ExitStack()
        self._open_folder()

    def _open_folder(self) -> None:
        """What a start does: see to it that it is alone, and to what it finds in the middle."""
        try:
            self._stack.enter_context(self.inbox.open())
            changes.remove_partial(self.folder)
        except BlockingIOError:
            raise ConfigError(
                "another process runs by these settings, and takes their updates: end it, or leave "
                "out [update]"
            ) from None
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(
                f"{self.folder} cannot be written ({reason}): see to its rights"
            ) from error
        good = self.slots.good
        self._newest = changes.read_status(self.folder)
        found = changes.after_restart(self._newest, good.record.sha256 if good else "")
        if found:  # before the trial is forgotten: what failed is not tried again by itself
            self._news = found
            self._tell(found)
        self.slots.recover()
        if self.slots.damage:
            console.note(self.slots.damage, console.ERROR)

    def start(self) -> "Updater":
        self._thread.start()
        return self

    @property
    def run(self) -> "OneRun | None":
        """That goes on; None: none does."""
        return self._run

    def follow(self, run: "OneRun | None") -> None:
        """This run begins; None: one ends. An update that is on trial in another one is given up."""
        self._run = run
        self.loop.follow(run)
        if run and self._news:
            run.summary.updates.append(self._news)
            self._news = None
        self._wake.set()

    def take(self, request: "RunRequest", running: "RunRequest") -> bool:
        """Whether settings that were read again ask for nothing but another version of the bundle.

        It is taken through all steps then.
        """
        is_new = request.options.slot is None and request.bundle.sha256 != running.bundle.sha256
        if request.options != running.options or not is_new or request.bundle.path is None:
            return False
        try:
            candidate.require_alike(running, request)
        except ConfigError as error:
            reason = str(error).removesuffix(f": {candidate.ANOTHER}")
            console.note(f"{request.bundle.path}: {reason}; it is not compared with that")
            return False
        sha256, newest = file_sha256(request.bundle.path), self._newest
        if newest and newest.sha256 == sha256 and not newest.is_over:
            return True
        self._jobs.put(_Job(request.bundle.path, sha256, "", sha256))
        self._wake.set()
        return True

    def close(self) -> None:
        self._closing.set()
        self.loop.close()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSING_S)
        self._stack.close()

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(_LOOK_S)
            self._wake.clear()
            run = self._run
            if run is not None and not self._closing.is_set():
                self._adopt(run)
                if job := self._next_job(run):
                    self._take_through(job, run)

    def _adopt(self, run: "OneRun") -> None:
        """Copy the file that the settings name, once it runs: it may be changed by then."""
        path, options = run.request.bundle.path, run.request.options
        is_copied, self._adopted = self._adopted is run, run
        if is_copied or options.slot is not None or path is None or shipped.comes_along(path):
            return
        sha256 = file_sha256(path)
        try:
            slot = self.slots.stage(path, sha256, sha256)
            if open_bundle(slot.path).sha256 == run.request.bundle.sha256:
                self.slots.keep(slot)
        except EdgeError as error:
            console.warn_once(f"no copy of {path} could be made: {error}")

    def _next_job(self, run: "OneRun") -> _Job | None:
        if not self._jobs.empty():
            return self._jobs.get()
        request = self.inbox.waiting()
        if request and request.identity != self._identity:
            self._identity = request.identity
            base = file_sha256(shipped.bundle_file(run.request.options.bundle))
            return _Job(self.inbox.path(request), base, request.identity, request.sha256)
        return None

    def _take_through(self, job: _Job, run: "OneRun") -> None:
        refused = self._newest.refused_base if self._newest else ""
        change = changes.UpdateChange(
            "", job.identity, job.path.name, job.sha256, refused_base=refused
        )
        self._tell(change.to(changes.CHECKING))
        try:
            try:
                slot = self.slots.stage(job.path, job.base, job.sha256)
            finally:
                if job.identity:  # what crashes here is not tried again at the next start
                    self.inbox.clear()
            change = replace(change, sha256=slot.record.sha256)
            new = self._open(slot.path)
            manifest = new.bundle.manifest
            change = replace(change, bundle=manifest.name, version=manifest.version)
            if new.bundle.sha256 == run.request.bundle.sha256:
                raise ConfigError("it runs already")
            limit_ms = candidate.limit_ms(run)
            candidate.require_alike(run.request, new)
            candidate.require_able(new, limit_ms)
            self._try_beside(run, new, slot, change, limit_ms)
        except click.ClickException as error:
            self._tell(change.to(changes.REFUSED, error.format_message()))
        except (EdgeError, OSError) as error:
            copies = (str(self.folder / name / change.file) for name in SLOTS)
            reason = functools.reduce(
                lambda text, each: text.replace(each, change.file), copies, str(error)
            )
            self._tell(change.to(changes.REFUSED, reason))

    def _try_beside(
        self,
        run: "OneRun",
        new: "RunRequest",
        slot: Slot,
        change: changes.UpdateChange,
        limit_ms: float,
    ) -> None:
        """Shadow and probation. Raises EdgeError if it is refused, Interrupted if the run ends."""
        rules = run.request.options.update or UpdateRules()
        self._tell(change.to(changes.SHADOW))
        self.slots.begin_trial(slot)  # from here on a crash is known at the next start
        swap: swaps.Swap | None = None
        state = changes.REFUSED
        try:
            network = stream.Network(new.bundle, new.options.stream)
            before = swaps.before_of(run, limit_ms)
            swap = swaps.Swap(run, new, network)
            trial = swap.trial
            self.loop.call(run, swap.begin)
            self._judge(
                run, swap, lambda passed_s: bounds.shadow_problem(trial, passed_s, limit_ms, rules)
            )
            self.loop.call(run, swap.to_new)
            state, events = changes.BROUGHT_BACK, swaps.events_of(run)
            before = replace(before, events=events, seconds=self.loop.run_s)
            self._tell(change.to(changes.PROBATION, str(trial)))
            self._judge(
                run,
                swap,
                lambda passed_s: bounds.probation_problem(
                    trial, passed_s, swaps.events_of(run) - before.events, before, rules
                ),
            )
            self._keep(run, new, slot, swap)
            self._tell(change.to(changes.KEPT))
        except (EdgeError, OSError) as error:
            if swap:
                with contextlib.suppress(Interrupted):
                    self.loop.call(run, swap.back)
            self._tell(change.to(state, str(error)))
            self.slots.end_trial()

    def _keep(self, run: "OneRun", new: "RunRequest", slot: Slot, swap: swaps.Swap) -> None:
        self.slots.keep(slot)  # from here on a start runs it
        try:
            if new.options.verifier:
                new.options.verifier.accept()
        except EdgeError as error:  # it is accepted at the next start, or refused in these words
            console.note(str(error), console.ERROR)
        with contextlib.suppress(Interrupted):  # the next run is of it in every case
            self.loop.call(run, swap.keep)
            if self.reload:
                self.reload.running = run.request

    def _judge(
        self, run: "OneRun", swap: swaps.Swap, problem_of: Callable[[float], str | None]
    ) -> None:
        """Wait for what is found out in the loop. Raises ConfigError if that is a problem.

        The old one is heard again then.
        """
        trial = swap.trial
        problem = self.loop.watch(run, problem_of, lambda: bool(trial.problem), swap.back)
        if problem:
            raise ConfigError(problem)

    def _tell(self, change: changes.UpdateChange) -> None:
        """Everybody, and the disk before all others."""
        self._newest, has_failed = change, change.has_failed
        try:
            changes.write_status(self.folder, change)
        except OSError as error:
            console.note(
                f"{self.folder} cannot be written: {error.strerror or error}", console.ERROR
            )
        self.problem = str(change) if has_failed else ""
        console.note(str(change), console.ERROR if has_failed else console.INFO)
        if self._supervisor:
            self._supervisor.say(self.problem)
        if self._run is not None:
            self._run.summary.updates.append(change)
