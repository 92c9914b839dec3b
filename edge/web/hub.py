"""What all answers share: the run, its pictures and its state, measured once a second."""

import asyncio
import json
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from edge.web import access, broadcast, events, pictures as live, state, zone_file
from edge_common import EdgeError

if TYPE_CHECKING:
    from edge.web.page import Page as Page

MOST_STREAMS = 24


class Hub:
    """Lives in the thread of the page's event loop, and reads what the run's thread writes."""

    def __init__(self, page: "Page") -> None:
        self.page, self.refusals = page, access.RefusalLog()
        self.sessions = access.Sessions(page.address.token, page.port)
        self.states = broadcast.Broadcast(MOST_STREAMS)
        self.pictures: list[live.SourcePictures] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def run(self) -> state.PageRun | None:
        """What goes on just now; None before the first."""
        return self.page.run

    @property
    def viewers(self) -> int:
        """One who looks at several sources is one."""
        return max(0, self.states.viewers, *(each.broadcast.viewers for each in self.pictures))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Go on with it beside all else; what ends it is told."""

        def tell(task: "asyncio.Task[None]") -> None:
            if not task.cancelled() and (error := task.exception()):
                self.refusals.add(f"an error of the page itself, {type(error).__name__}: {error}")

        self._tasks.append(asyncio.ensure_future(work))
        self._tasks[-1].add_done_callback(tell)

    async def work(self) -> None:
        """Until it is cancelled."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            if self.run is not None:
                self._tick(self.run, clock())
            due = max(due + 1.0, clock())
            await asyncio.sleep(due - clock())

    def _tick(self, run: state.PageRun, now: float) -> None:
        run.tick(now)
        if self.states.viewers:
            self.states.publish(to_json(self.snapshot(run)))

    def pictures_of(self, number: int) -> live.SourcePictures | None:
        """Of a source, from 0 on; None if there is none."""
        if self.run is None or not number < len(self.run.watches):
            return None
        while len(self.pictures) <= number:
            pictures = live.SourcePictures(self, len(self.pictures))
            self.pictures.append(pictures)
            self.start(pictures.work())
        return self.pictures[number]

    def snapshot(self, run: state.PageRun) -> dict[str, Any]:
        return run.state(self.viewers, self.page.problem, self.page.update_problem)

    def event_list(self, run: state.PageRun) -> events.EventList:
        return events.EventList(run.clip_folders)

    def zone_state(self, run: state.PageRun) -> dict[str, Any]:
        """What stands in the settings, and why they cannot be drawn, if so."""
        size = next((watch.size for watch in run.watches if watch.size[0]), (1, 1))
        corners = zone_file.corners_of(run.options.people.areas[0], size)
        file, reason = self.page.zone_file(run)
        revision = ""
        if file is not None:
            try:
                revision = file.revision
            except EdgeError as error:
                reason = str(error)
        return {"zones": corners, "revision": revision, "reason": reason}


def to_json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
