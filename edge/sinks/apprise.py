"""The sink `apprise:URL`: an event as a message to any service that Apprise knows."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from edge import sinks, stream
from edge.events import Event
from edge.sources.login import read_secret
from edge_common import Closable, SinkError

if TYPE_CHECKING:
    from apprise import Apprise

    from edge.privacy.faces import FaceSearch

VARIABLE = "EDGE_APPRISE_URL"
_PHASES = ("start", "update", "end")
_KINDS = {"alarm": "failure", "warning": "warning"}  # Apprise's, by severity; else `info`


def open_sink(
    target: str, run: sinks.RunInfo, *, phases: str = "start", image: int = 0
) -> "AppriseSink":
    """target: an Apprise URL, or a file of mode 0600 that holds one a line, as they hold passwords.

    `env`: what EDGE_APPRISE_URL holds.  phases: which are told, such as `start+end`.
    image: 1: with the frame. Raises SinkError for a URL of no service that Apprise knows.
    """
    names = phases.split("+")
    if not set(names) <= set(_PHASES):
        raise ValueError("the option phases is one or more of start, update and end, as start+end")
    from apprise import Apprise

    text = os.environ.get(VARIABLE, "") if target == "env" else target
    if target != "env" and "://" not in target:
        text = read_secret(target, "file of URLs")
    services = Apprise()
    urls = [line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]
    if not urls or not all(map(services.add, urls)):
        raise ValueError("Apprise knows no such service; its URLs are at appriseit.com/services")
    return AppriseSink(services, names, bool(image), run.faces)


class AppriseSink(Closable):
    """phases: of events that are told.  with_image: and shown.  faces: are covered there; None: they stay.

    Raises SinkError if nobody is told.
    """

    events_only = True

    def __init__(
        self,
        services: "Apprise",
        phases: Sequence[str],
        with_image: bool,
        faces: "FaceSearch | None" = None,
    ) -> None:
        self._services, self._phases = services, phases
        self._with_image, self._faces = with_image, faces

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        """Decisions alone are told to nobody."""

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        if event.phase not in self._phases:
            return
        title, body = f"{event.severity}: {event.alert}", "\n".join(_lines(event))
        message: dict[str, Any] = {"title": title, "body": body}
        message["notify_type"] = _KINDS.get(event.severity, "info")
        if self._with_image and frame.pixels.size:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, f"{event.id}.jpg")
                pixels = self._faces.still(frame.pixels) if self._faces else frame.pixels
                cv2.imwrite(str(path), pixels)
                was_told = self._services.notify(**message, attach=str(path))
        else:
            was_told = self._services.notify(**message)
        if not was_told:
            raise SinkError("Apprise could not tell all services of an event")


def _lines(event: Event) -> list[str]:
    share = "" if event.peak is None else f" ({event.peak:.2f}{event.unit or ''})"
    what = f"{event.task} {event.label}{share}" if event.task else "somebody is there"
    what = event.message or what
    who = event.name or (f"person {event.track}" if event.track is not None else "")
    where = " in ".join(filter(None, [event.source, event.zone]))
    end = f"{event.phase}{f' ({event.reason})' if event.reason else ''} at {event.newest.at}"
    return [text for text in (what, who, where, end) if text]
