"""What becomes of decisions: JSON lines, an annotated video, a window. One kind is one file here."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from edge.events import WALL_CLOCK, Event, WallClock
from edge.registry import Endpoint, EndpointKind, Registry
from edge_common import SinkError

if TYPE_CHECKING:
    from edge.events.alert import Alert
    from edge.privacy.faces import FaceSearch
    from edge.scene import SceneView
    from edge.stream import Decision, Frame, Region
    from edge.tasks import Task
    from edge.throttling import BoardChange
    from edge.updates.changes import UpdateChange


class Sink(Protocol):
    """Takes every frame with the decisions it led to; whole and valid once closed."""

    def take(self, frame: "Frame", decisions: "Sequence[Decision]") -> None:
        """Take one frame; `decisions` is empty if none was due. Raises SinkError."""

    def close(self) -> None:
        """Finish the output; may be called twice."""


@dataclass(frozen=True)
class Gap:
    """A time without frames from a live source.

    seconds: so far, or of all of it.  has_ended: whether frames come again.
    source: which of several; None: there is one.
    """

    seconds: float
    has_ended: bool
    source: str | None = None


@runtime_checkable
class ShowsGaps(Protocol):
    """A sink that says so if no frames come."""

    def show_gap(self, gap: Gap) -> None:
        """About each second of a gap, and before the first frame behind it. Raises SinkError."""


@runtime_checkable
class ShowsBoard(Protocol):
    """A sink that says so if the board is hot, and less is decided."""

    def show_board(self, change: "BoardChange") -> None:
        """Of each change, once. Raises SinkError."""


@runtime_checkable
class ShowsUpdates(Protocol):
    """A sink that says what becomes of another bundle that was given to a run."""

    def show_update(self, change: "UpdateChange") -> None:
        """Of each step, once. Raises SinkError."""


@runtime_checkable
class ShowsBundle(Protocol):
    """A sink, or a judge of events, that wants to know who answers."""

    def show_bundle(self, bundle: "BundleInfo") -> None:
        """Another version of the bundle answers, from the next frame on; its tasks are called the same."""


@runtime_checkable
class ShowsPeople(Protocol):
    """A sink that says who is there, also in frames that nothing was decided on."""

    def show_people(self, view: "SceneView") -> None:
        """Of each frame, before `take` of the same one, and of a gap, in which nobody can be seen.

        Raises SinkError.
        """


@runtime_checkable
class TakesEvents(Protocol):
    """A sink that is told of events."""

    def take_event(self, event: Event, frame: "Frame") -> None:
        """Before `take` of the same frame; of a source that is lost, its newest. Raises SinkError."""


@runtime_checkable
class GivesUp(Protocol):
    """A sink that gives up what it cannot write: calls after that succeed, and prove nothing."""

    is_failing: bool  # since it gave something up, until something is really written


@runtime_checkable
class Tidies(Protocol):
    """A sink that has something to do now and then, also if nothing comes."""

    def tidy(self) -> None:
        """Each hour, in the thread of `take`. Raises SinkError."""


@runtime_checkable
class Stops(Protocol):
    """A sink that waits between attempts, until it is told that the run ends."""

    def stop(self) -> None:
        """From another thread: no further attempt is worth waiting for."""


class RunEnded(Exception):
    """A sink's user asked for the end of the run, by closing a window for instance."""


@dataclass(frozen=True)
class BundleInfo:
    """Which bundle answers, and what: its tasks, with their kinds, labels and units."""

    name: str
    sha256: str
    tasks: "tuple[Task, ...]" = ()


@dataclass(frozen=True)
class RunInfo:
    """What a sink may want to know of the run before its first frame.

    tasks: their names, in the order of the bundle.  rate_hz: the source's frames a second; 0 if
    it does not know.  vectors: whether embeddings may be kept.  region: of the frames, which the
    network looks at; None: all of them.
    live: whether frames come when they come, and not as fast as they are taken.
    source: which of several it is; None: there is one.  origin: its name, also if there is one.
    bundle: who answers; None: nobody says.  alerts: the rules that make events, also of other sources,
    which may share a sink.
    clock: of the time of day.  recording: the file whose frames they are; "": there is none.
    faces: finds those that are covered in pictures of events; None: none are.
    covers_videos: whether they are in videos of a whole run, too.
    """

    tasks: tuple[str, ...]
    rate_hz: float = 0.0
    vectors: bool = False
    region: "Region | None" = None
    live: bool = False
    source: str | None = None
    origin: str = ""
    bundle: BundleInfo | None = None
    alerts: "tuple[Alert, ...]" = ()
    clock: WallClock = WALL_CLOCK
    recording: str = ""
    faces: "FaceSearch | None" = None
    covers_videos: bool = False


LOWEST_HZ, HIGHEST_HZ, USUAL_HZ = 1.0, 240.0, 25.0  # frames a second of a video


def video_rate(rate_hz: float) -> float:
    """What a source says of its frames a second, if that is of use: streams may announce anything."""
    return rate_hz if LOWEST_HZ <= rate_hz <= HIGHEST_HZ else USUAL_HZ


_ROTATION = "rotate_mb=N,rotate_s=SECONDS,quota_mb=N,disk_share=SHARE,keep_days=N"
_VIDEO_SUFFIXES = (".avi", ".mkv", ".mov", ".mp4")

# in the order in which they are opened: what touches an existing file comes last
KINDS: tuple[EndpointKind, ...] = (
    EndpointKind(
        "video", "edge.sinks.video", "Annotated video (.mp4, .avi, .mkv).", "PATH",
        f"rate=HZ,{_ROTATION}",
        matches=lambda text: text.lower().endswith(_VIDEO_SUFFIXES),
    ),
    EndpointKind(
        "window", "edge.sinks.window", "Annotated frames in a window; q ends.", queued=False,
        needs_screen=True,
    ),
    EndpointKind(
        "mqtt", "edge.sinks.mqtt", "Events, alerts and answers to an MQTT broker, for Home Assistant.",
        "HOST[:PORT][/TOPIC]",
        "login=SECRET,ca=FILE,tls=1,discovery=PREFIX,name=TEXT,every=SECONDS,spool=FOLDER,spool_mb=N",
        extra="mqtt", frames=False,
    ),
    EndpointKind(
        "clips", "edge.sinks.clips", "A video of each event, from before it on, with a snapshot.",
        "FOLDER",
        "before=SECONDS,after=SECONDS,longest=SECONDS,quota_mb=N,disk_share=SHARE,codec=h264,height=PIXELS,keep_days=N",
        extra="clips", event_pictures=True,
    ),
    EndpointKind(
        "keeper", "edge.sinks.keeper", "Windows that the network was unsure of, to be labelled.", "FOLDER",
        "quota_mb=N,disk_share=SHARE,per_minute=N,entropy=SHARE,near=SHARE,similar=N,leaves=surest,keep_days=N",
        frames=False, windows=True,
    ),
    EndpointKind(
        "webhook", "edge.sinks.webhook", "Events as signed POST requests.", "URL",
        "secret=SECRET,ca=FILE,timeout=SECONDS", frames=False,
    ),
    EndpointKind(
        "frigate", "edge.sinks.frigate", "Events as those of Frigate.", "URL",
        "camera=NAME,label=TEXT,token=SECRET,ca=FILE", frames=False,
    ),
    EndpointKind(
        "apprise", "edge.sinks.apprise", "Events to phones, mail and chats, by Apprise.", "URL|FILE",
        "phases=start+end,image=1", extra="apprise", event_pictures=True,
    ),
    EndpointKind(
        "csv", "edge.sinks.csv_file", "A row a decision or event, for spreadsheets.", "PATH",
        f"rows=decisions,{_ROTATION}",
        matches=lambda text: text.lower().endswith(".csv"), frames=False,
    ),
    EndpointKind(
        "jsonl", "edge.sinks.jsonl", "One JSON line a decision; - is stdout.", "PATH",
        f"probabilities=1,{_ROTATION}",
        matches=lambda text: text.lower().endswith(".jsonl"), frames=False,
    ),
)  # fmt: skip


def registry() -> Registry:
    """All kinds of sinks."""
    return Registry("sink", SinkError, KINDS)


def open_sinks(
    requests: Sequence[Endpoint], runs: Sequence[RunInfo], strict: bool = False
) -> list[list[Sink]]:
    """Open all of them, or none: for each run its own and the shared ones. Raises SinkError.

    strict: an output that fails ends the run; else only a file does that a recording is made into.
    """
    kinds, every = list(KINDS), registry()
    opened: list[list[Sink]] = [[] for _ in runs]
    with ExitStack() as stack:
        for request in sorted(requests, key=lambda each: kinds.index(each.kind)):
            sinks: list[Sink] = []
            copies = request.for_each(len(runs))
            for number, (each, run) in enumerate(zip(copies, runs)):
                live = any(run.live for run in runs[number :: len(copies)])
                name = str(each) if copies.count(each) == 1 else f"{each} ({run.source})"
                sinks.append(_queued(every.open(each, run), each, name, live, strict))
                stack.callback(sinks[-1].close)
            for number, of_run in enumerate(opened):
                of_run.append(sinks[number % len(sinks)])
        stack.pop_all()
    return opened


def _queued(sink: Sink, request: Endpoint, name: str, live: bool, strict: bool) -> Sink:
    """Behind a queue, unless frames are to be seen as they come, and in the main thread: a window."""
    if not request.kind.queued:
        return sink
    from edge.sinks.queued import Queued, QueuePolicy

    is_file = request.kind.target == "PATH"
    policy = QueuePolicy(
        not live,
        strict or (is_file and not live),
        request.kind.frames,
        events_only=getattr(sink, "events_only", False),
    )
    return Queued(sink, name, policy)
