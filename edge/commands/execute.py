"""What `edge-run` does once its options are read."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge import engine, shipped
from edge.bundle import Bundle
from edge.commands import feeds, fitting, scene_options
from edge.commands.one_run import Engines, OneRun, RunOptions, RunRequest
from edge.privacy import sensitive
from edge_common import BundleError, EdgeError, SelfTestFailed, console, encode

if TYPE_CHECKING:
    from edge.check.self_test import SelfTest
    from edge.commands.reload import Reload
    from edge.service.supervisor import Supervisor
    from edge.updates.updater import Updater
    from edge.web.page import Page


def execute(options: RunOptions, arguments: Sequence[str] = ()) -> None:
    """Load, open, run, and print the summary however the run ends.

    arguments: of the command line, if they name a settings file: it can be read again then.
    """
    if options.update and not (options.check or options.self_test):
        return _execute_updatable(options, arguments)
    whole, request = _open_checked(options)
    if options.check:
        console.echo("\n".join(_plan(request.bundle, options)))
    elif options.self_test:
        _report_self_test(whole, options)
    else:
        with ExitStack() as stack:  # of what outlives other settings
            _run_with(request, arguments, _supervisor(stack), None, stack)


def _execute_updatable(options: RunOptions, arguments: Sequence[str]) -> None:
    """The same of a run that takes other versions of its bundle."""
    from edge.updates import slots, updater as updates

    def open_candidate(path: Path) -> RunRequest:
        of_run = updater.run.options if updater.run else options
        return _opened(replace(of_run, slot=path))[1]

    with ExitStack() as stack:
        supervisor = _supervisor(stack)
        folder = slots.folder_for(options.config or Path(options.bundle))
        updater = updates.Updater(folder, open_candidate, supervisor)
        stack.enter_context(updater)
        request = _first_request(options, updater)
        updater.start()
        _run_with(request, arguments, supervisor, updater, stack)


def _first_request(options: RunOptions, updater: "Updater") -> RunRequest:
    """Of a start: if the file has another content than the copy that ran, that one runs, and it is tried.

    Raises EdgeError if there is neither.
    """
    good = updater.slots.good
    try:
        request = checked_request(options)
    except BundleError as error:  # such as a file that was copied by half
        if good is None:
            raise
        console.note(f"{error}; the copy that ran before runs", console.ERROR)
        return checked_request(replace(options, slot=good.path))
    if good is None or request.options.slot is not None:
        return request
    try:
        earlier = checked_request(replace(options, slot=good.path))
    except EdgeError:  # the settings fit the new one alone
        return request
    return earlier if updater.take(request, earlier) else request


def _run_with(
    request: RunRequest,
    arguments: Sequence[str],
    supervisor: "Supervisor | None",
    updater: "Updater | None",
    stack: ExitStack,
) -> None:
    page = request.options.open_page(stack)
    reload = _reload(arguments, supervisor, updater, stack)
    if page and reload:
        page.reload_by(reload)
    if page and updater:
        page.update_by(updater)
    _run_all(request, reload, supervisor, updater, page)


def _open_checked(options: RunOptions) -> tuple[Bundle, RunRequest]:
    """The bundle that they name, and what is to run of it.

    Raises EdgeError if it is none, or does not fit them.
    """
    whole, request = _opened(_with_copy(options))
    fitting.require_fitting(request)
    return whole, request


def _opened(options: RunOptions) -> tuple[Bundle, RunRequest]:
    """The same, whether it fits or not."""
    whole = options.open_bundle()
    bundle, withheld = sensitive.permitted(whole, options.allow_sensitive, options.alerts)
    if withheld and not options.self_test:
        console.note(sensitive.note_of(withheld))
    return whole, RunRequest(options, bundle, file_times=options.file_times)


def _with_copy(options: RunOptions) -> RunOptions:
    """Of the bundle that was kept last, if this run takes others; else what is named is opened."""
    if options.update is None or options.slot is not None or options.config is None:
        return options
    from edge.updates import changes, slots

    folder = slots.folder_for(options.config)
    status = changes.read_status(folder)
    refused = status.refused_base if status else ""
    copy = slots.Slots(folder).to_run(shipped.bundle_file(options.bundle), refused)
    return replace(options, slot=copy.path) if copy else options


def checked_request(options: RunOptions) -> RunRequest:
    """Raises EdgeError if the options name no bundle, or one that does not fit them."""
    return _open_checked(options)[1]


def _run_all(
    request: RunRequest,
    reload: "Reload | None",
    supervisor: "Supervisor | None",
    updater: "Updater | None",
    page: "Page | None",
) -> None:
    """One run, and another one each time that other settings are to hold."""
    end_reason = reload.end_reason if reload else lambda: ""
    engines: Engines | None = None
    earlier: RunRequest | None = None
    while True:
        if engines and engines.key != Engines.key_of(request):
            engines = None  # before others need memory
        if reload:
            reload.running = request
        with ExitStack() as stack:
            stack.callback(request.close)
            try:
                run = OneRun(request, engines, stack, page, earlier)
            except EdgeError as error:
                if reload is None or earlier is None:
                    raise
                reload.refuse(str(error))
                request, earlier = earlier, None
                continue
            engines = run.engines
            if earlier:
                console.note("settings changed")
            if supervisor:
                supervisor.follow(run.summary, run.status_text())
            if updater:
                updater.follow(run)
                stack.callback(updater.follow, None)
            try:
                run.go(stack, not supervisor, end_reason, partial(_on_turn, run, reload, updater))
            except EdgeError as error:
                if reload is None or earlier is None or not run.refused_frames(error):
                    raise
                reload.refuse(str(error))
                request, earlier = earlier, None
                continue
            request, engines = run.request, run.engines
            if following := reload.take() if reload else None:
                run.make_room(following)
        if following is None:
            return
        request, earlier = following, request


def _on_turn(run: OneRun, reload: "Reload | None", updater: "Updater | None") -> None:
    """In the loop's thread, between two frames."""
    if updater:
        updater.loop.on_turn()
    if reload:
        reload.on_turn(run)


def _supervisor(stack: ExitStack) -> "Supervisor | None":
    """What tells systemd, if it has started this process."""
    if "NOTIFY_SOCKET" not in os.environ:
        return None
    from edge.service import supervisor

    notifier = supervisor.from_environment()
    if notifier is None:
        return None
    supervising = stack.enter_context(supervisor.Supervisor(notifier).start())
    stack.enter_context(supervising.by_signal())
    return supervising


def _reload(
    arguments: Sequence[str],
    supervisor: "Supervisor | None",
    updater: "Updater | None",
    stack: ExitStack,
) -> "Reload | None":
    """What reads the settings again, if there is a file of them."""
    if not arguments:
        return None
    from edge.commands import reload as reloading

    def read() -> RunRequest:
        return reloading.read_again(arguments, checked_request)

    reload = reloading.Reload(read, supervisor, updater)
    if updater:
        updater.reload = reload
    stack.callback(reload.close)
    stack.enter_context(reload.by_signal())
    return reload


def _plan(bundle: Bundle, options: RunOptions) -> Iterator[str]:
    """What would run, a line each; nothing of it is opened."""
    tasks = ", ".join(task.name for task in bundle.manifest.tasks)
    yield f"bundle: {bundle.manifest.name} ({tasks})"
    if options.verifier:
        yield from (f"signature: {each}" for each in options.verifier.verified)
    if not bundle.manifest.input.is_features:
        yield f"detector: {options.people.detector or scene_options.NO_DETECTOR}"
    uris, endpoints = options.source.uris, options.source.endpoints
    names = [options.names.get(uri) or str(each) for uri, each in zip(uris, endpoints)]
    for uri, endpoint, name in zip(uris, endpoints, feeds.told_apart(names)):
        yield f"source: {name}, {endpoint}" if uri in options.names else f"source: {name}"
    yield from (f"zone: {zone}" for zone in options.people.areas[0])
    yield from (f"output: {endpoint}" for endpoint in options.outputs)
    yield from (f"alert: {alert} ({alert.severity})" for alert in options.alerts)
    if options.page_address:
        yield f"page: {options.page_address}"


def _report_self_test(bundle: Bundle, options: RunOptions) -> None:
    """A line for each bundle. Raises SelfTestFailed when all were tested."""
    from edge.check import self_test as checks

    bundles, errors, results = [bundle], list[str](), list[checks.SelfTest]()
    if options.people:
        bundles.append(options.people.open(options.stream, options.opener))
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
