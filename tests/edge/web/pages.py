"""A page over a made run: real server, real sockets, frames that the test gives."""

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge import sources, summary as summaries
from edge.registry import Endpoint
from edge.sinks import Gap, RunInfo, registry
from edge.stream import Frame
from edge.web.address import PageAddress
from edge.web.page import Page
from edge.web.watch import SourceWatch
from tests.edge.sinks import samples

TOKEN = "0123456789abcdef"


class GivenSource(sources.Source):
    """One that gives what the test gives to its sinks.  gap: seconds, that it says."""

    live = True
    gap = 0.0

    def __iter__(self) -> Iterator[Frame]:
        return iter(())

    def gap_s(self) -> float:
        return self.gap


@dataclass(frozen=True)
class People:
    """As PeopleOptions answer."""

    are_followed: bool = True
    zones: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return self.are_followed

    @property
    def areas(self) -> tuple[Any, Any]:
        return self.zones, ()


@dataclass
class Options:
    """Of the options of a run what the page reads."""

    outputs: tuple[Endpoint, ...] = ()
    alerts: tuple[Any, ...] = (samples.FALL,)
    people: Any = field(default_factory=lambda: People(False))
    config: Path | None = None
    has_zone_options: bool = False


@dataclass
class Served:
    """A page, the port that it is on, and the sinks that its run gives frames to."""

    page: Page
    watches: list[SourceWatch] = field(default_factory=list)
    sources: list[GivenSource] = field(default_factory=list)

    def give(self, count: int = 1, source: int = 0, p: float = 0.9) -> None:
        """So many frames with decisions."""
        for number in range(count):
            self.watches[source].take(samples.frame(number), [samples.decision(number, p)])

    def gap(self, seconds: float) -> None:
        self.sources[0].gap = seconds
        self.watches[0].show_gap(Gap(seconds, has_ended=False))

    def connect(self, timeout: float = 10.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=timeout)

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request on a connection of its own; headers: with _ for -."""
        connection = self.connect()
        with contextlib.closing(connection):
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        return self.ask("GET", path, **headers)

    def json(self, path: str) -> Any:
        status, _, content = self.get(path)
        assert status == 200, content
        return json.loads(content)


@contextlib.contextmanager
def served(
    token: str = "",
    names: tuple[str, ...] = (),
    count: int = 1,
    options: Options | None = None,
    begin: bool = True,
) -> Iterator[Served]:
    """A page on a port of its own, that answers already."""
    address = replace(PageAddress.parse("127.0.0.1:0", names=names), token=token.encode())
    page = Page(address)
    with page:
        result = Served(page)
        if begin:
            result.sources = [
                GivenSource(f"yard{n}" if count > 1 else "yard") for n in range(count)
            ]
            counts = [summaries.SourceSummary(source) for source in result.sources]
            summary = summaries.RunSummary("watch", counts, "litert")
            summary.events.watch(["fall"])
            options = options or Options()
            runs = [_run_info(source, count, options) for source in result.sources]
            result.watches = page.begin(summary, runs, options)  # type: ignore[arg-type]
        wait_for(lambda: _answers(result))
        yield result


def _run_info(source: GivenSource, count: int, options: Options) -> RunInfo:
    name = source.name
    several = name if count > 1 else None
    return replace(samples.RUN, origin=name, source=several, alerts=options.alerts)


def _answers(page: Served) -> bool:
    return page.get("/healthz")[0] in (200, 503)


def wait_for(is_so: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What is true, or not empty, before so many seconds have passed."""
    ends_at = time.monotonic() + seconds
    while not (result := is_so()):
        assert time.monotonic() < ends_at, "it never came"
        time.sleep(0.01)
    return result


def clips(folder: Path) -> tuple[Endpoint, ...]:
    return (registry().find(f"clips:{folder}"),)


def grey(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)
