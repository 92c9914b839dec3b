"""The sources of a run, and what their frames go through."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from edge import input_spec, loop, registry, sinks, sources, stream
from edge.commands import source_options
from edge.summary import RunSummary
from edge_common import SourceError
from edge_devices.detection import memory

if TYPE_CHECKING:
    from edge.bundle import Manifest
    from edge.commands.run_options import RunOptions
    from edge.detector import Detector
    from edge.events.judges import EventSources
    from edge.people.recogniser import Recogniser
    from edge.privacy.faces import FaceSearch
    from edge.scene import Scene
    from edge.web.page import Page

_LEAST_OF_A_SOURCE = 16e6  # bytes of memory


def open_sources(
    network: stream.Network,
    options: "RunOptions",
    stack: ExitStack,
    known: Sequence[registry.Endpoint],
    ahead: dict[int, sources.Source],
) -> list[sources.Source]:
    """All of them, with names that differ. Raises SourceError, also if they need too much memory.

    known: those that may be waited for.  ahead: those that are open already, by their place in the
    options, which are taken out of it.
    """
    needs, requests = frame_needs(network.bundle.manifest, options), options.source.endpoints
    available, opened = memory.available_bytes(), list[sources.Source]()
    for number, request in enumerate(requests):
        if _is_new(request, known):
            request = request.without("wait")
        source = ahead.pop(number, None) or sources.open_source(request, needs)
        opened.append(stack.enter_context(source))
        _check_memory(available, len(opened), len(requests) - len(opened))
    for uri, source in zip(options.source.uris, opened):
        source.rename(options.names.get(uri, source.address))
    for source, name in zip(opened, told_apart([source.name for source in opened])):
        source.rename(name)
        source.begin()  # the others were opened meanwhile
    return opened


def told_apart(names: Sequence[str]) -> list[str]:
    """Those that are alike get their place, counted from 1: `yard (1)`, `yard (3)`."""
    numbered = enumerate(names, 1)
    return [f"{name} ({number})" if names.count(name) > 1 else name for number, name in numbered]


def open_ahead(
    manifest: "Manifest", options: "RunOptions", running: "RunOptions"
) -> dict[int, sources.Source]:
    """Sources that `running` does not have, while it goes on, by their place in the options.

    A device that it reads has to wait for its end. Raises SourceError, and leaves none open then.
    """
    endpoints, needs = running.source.endpoints, frame_needs(manifest, options)
    devices = {device for each in endpoints if (device := source_options.device_of(each))}
    opened = dict[int, sources.Source]()
    with ExitStack() as stack:
        for number, request in enumerate(options.source.endpoints):
            if _is_new(request, endpoints) and source_options.device_of(request) not in devices:
                source = sources.open_source(request.without("wait"), needs)
                opened[number] = stack.enter_context(source)
        stack.pop_all()
    return opened


def _is_new(request: registry.Endpoint, known: Sequence[registry.Endpoint]) -> bool:
    places = [(each.kind.name, each.target) for each in known]
    return (request.kind.name, request.target) not in places


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


def frame_needs(manifest: "Manifest", options: "RunOptions") -> sources.FrameNeeds:
    """Whole frames only if an output shows them, a region counts their pixels, or people are found."""
    region, spec = options.stream.region, manifest.input
    shows = options.web or any(output.kind.frames for output in options.outputs)
    if options.people or region.box or shows:
        return sources.WHOLE
    is_square = region.kind == "square"
    size = (max(spec.size), max(spec.size)) if is_square else spec.size
    return sources.FrameNeeds(size, is_square or spec.resize.kind != input_spec.STRETCH)


def open_feeds(
    network: stream.Network,
    detector: "Detector | None",
    naming: "Recogniser | None",
    summary: RunSummary,
    options: "RunOptions",
    page: "Page | None" = None,
) -> list[loop.Feed]:
    """A window, or one a person, and sinks for each source. Raises SinkError.

    page: shows them from now on.
    """
    infos = _run_infos(network, detector, summary, options)
    judges = _event_sources(network, infos, summary, options)
    summary.events.watch(map(str, options.alerts))
    scenes = _scenes(network, detector, naming, infos, summary, options) if detector else ()
    opened = sinks.open_sinks(options.outputs, infos, options.strict)
    for each, watch in zip(opened, page.begin(summary, infos, options) if page else ()):
        each.append(watch)
    summary.add_outputs(opened)
    shown_to = [[*filter(None, [judge]), *outputs] for judge, outputs in zip(judges, opened)]
    watchers: Sequence[loop.Watcher] = [
        _scene_watcher(scene, outputs, summary, options) for scene, outputs in zip(scenes, shown_to)
    ] or [
        _thinned(
            stream.Stream(
                network.bundle, options.stream, naming=naming, network=network, source=info.source
            ),
            info,
            summary,
        )
        for info in infos
    ]
    return [
        loop.Feed(
            counts,
            watcher,
            each,
            stream.FrameSampler(summary.rate_hz),
            info.source,
            judge,
            summary.events,
        )
        for counts, watcher, each, info, judge in zip(
            summary.sources, watchers, opened, infos, judges
        )
    ]


def _scene_watcher(
    scene: "Scene", outputs: Sequence[object], summary: RunSummary, options: "RunOptions"
) -> loop.Watcher:
    from edge.commands.scene_watcher import SceneWatcher

    budget = partial(_budget, options, summary)
    return SceneWatcher(scene, outputs, summary.latency.add, budget)


def _budget(options: "RunOptions", summary: RunSummary) -> tuple[float, str]:
    """Milliseconds of a frame for people, and why so many; fewer on a hot board."""
    milliseconds, reason = options.people.budget(summary.sources)
    factor = summary.board.factor if summary.board else 1
    return milliseconds / factor, f"{reason}, 1/{factor} for heat" if factor > 1 else reason


def _thinned(one_window: stream.Stream, info: sinks.RunInfo, summary: RunSummary) -> loop.Watcher:
    """Which leaves out frames on a hot board, if it may: a recording, and states, miss none."""
    manifest, board = one_window.bundle.manifest, summary.board
    if board is None or not info.live or manifest.last_part.states:
        return one_window
    from edge.throttling import ThinnedStream

    return ThinnedStream(one_window, manifest.window, one_window.hop, lambda: board.factor)


def _event_sources(
    network: stream.Network,
    infos: Sequence[sinks.RunInfo],
    summary: RunSummary,
    options: "RunOptions",
) -> "list[EventSources | None]":
    """What makes events of each source, or nothing.

    Raises AlertError for an alert that can never come, BundleError for a reference that is none.
    """
    if not (options.alerts or options.drift_s):
        return [None for _ in infos]
    from edge.events.drift import DriftOptions, DriftWatch
    from edge.events.judges import EventSource, EventSources, Judges

    for alert in options.alerts:
        alert.fit_sources([info.origin for info in infos])
    judges: list[list[EventSource]] = [[Judges(options.alerts, info)] for info in infos]
    if options.drift_s:
        reference = network.bundle.reference
        drift = DriftOptions(options.drift_s, options.drift_answers)
        watches = [DriftWatch(reference, info, drift) for info in infos] if reference else []
        judges = [[*each, *watches[n : n + 1]] for n, each in enumerate(judges)]
        summary.drift = watches
    return [EventSources(each) for each in judges]


def _scenes(
    network: stream.Network,
    detector: "Detector",
    naming: "Recogniser | None",
    infos: Sequence[sinks.RunInfo],
    summary: RunSummary,
    options: "RunOptions",
) -> "Sequence[Scene]":
    """One for each source; they share network, detector, budget and summary."""
    from edge.scene import Scene

    scene_options = options.people.scene(options.stream, options.rate)
    return [
        Scene(
            network.bundle,
            detector,
            scene_options,
            recogniser=naming,
            network=network,
            source=info.source,
            summary=summary.scene,
        )
        for info in infos
    ]


def _run_infos(
    network: stream.Network,
    detector: "Detector | None",
    summary: RunSummary,
    options: "RunOptions",
) -> list[sinks.RunInfo]:
    """What the sinks of each source want to know of the run."""
    manifest, several = network.bundle.manifest, len(summary.sources) > 1
    region = options.stream.region.seen_by(manifest.input.size, manifest.input.resize)
    who = sinks.BundleInfo(manifest.name, network.bundle.sha256, manifest.tasks)
    faces: FaceSearch | None = None
    if options.covers_faces:
        from edge.privacy import faces as face_search

        of_faces = detector is not None and detector.spec.labels == ("face",)
        faces = face_search.FaceSearch(tracks_are_faces=of_faces)
    return [
        sinks.RunInfo(
            tuple(task.name for task in manifest.tasks),
            counts.source.rate_hz,
            options.vectors,
            None if options.people else region,
            counts.source.live,
            counts.source.name if several else None,
            counts.source.name,
            who,
            options.alerts,
            recording=counts.source.recording,
            faces=faces,
            covers_videos=bool(options.blur),
        )
        for counts in summary.sources
    ]
