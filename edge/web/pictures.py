"""Live pictures: of each source the newest, encoded once for all who look, and only while somebody does."""

import asyncio
from typing import TYPE_CHECKING

from edge.web import broadcast, picture, watch as watches
from edge_common import EdgeError

if TYPE_CHECKING:
    from edge.web.hub import Hub

MOST_VIEWERS = 16  # of all sources together
_INTERVAL_S = 0.125
_MOST_SHARE = 0.1  # of a core, that drawing and encoding take
_GAP_S = 1.0


class SourcePictures:
    """The pictures of one source, which are made by its task in the event loop.

    number: of the source, from 0 on, also in the runs that come.
    """

    def __init__(self, hub: "Hub", number: int) -> None:
        self.broadcast = broadcast.Broadcast(MOST_VIEWERS)
        self._hub, self._number = hub, number
        self._encoder: tuple[watches.SourceWatch, picture.PictureEncoder] | None = None

    async def work(self) -> None:
        """Until it is cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            watch = self._watch
            if not self.broadcast.viewers or watch is None:
                if self._encoder:
                    self._encoder[0].forget()
                self._encoder = None
                await self.broadcast.wait(_GAP_S)
                continue
            began = clock()
            shot = await _next_shot(watch)
            shot_at = clock()
            try:
                jpeg = self._encoded(watch, shot)
            except EdgeError as error:  # faces cannot be covered: nothing is shown
                self._hub.refusals.add(str(error))
                jpeg = b""
            if jpeg:
                self.broadcast.publish(jpeg)
            ended = clock()
            watched = sum(bool(each.broadcast.viewers) for each in self._hub.pictures)
            least_s = (ended - shot_at) * watched / _MOST_SHARE
            await asyncio.sleep(max(0.0, least_s, _INTERVAL_S - (ended - began)))

    @property
    def _watch(self) -> watches.SourceWatch | None:
        """Of the source in the run that goes on; None if it has fewer."""
        every = self._hub.run.watches if self._hub.run else ()
        return every[self._number] if self._number < len(every) else None

    @property
    def is_full(self) -> bool:
        """Whether nobody else can look, at any source."""
        return sum(each.broadcast.viewers for each in self._hub.pictures) >= MOST_VIEWERS

    async def one(self) -> bytes:
        """The next picture; b"" if none comes."""
        with self.broadcast.viewer():
            return await self.broadcast.after(self.broadcast.number, 2 * _GAP_S)

    def stream(self) -> broadcast.BroadcastResponse:
        """As browsers have shown it for decades (multipart/x-mixed-replace)."""
        # Chromium shows a picture once it has the headers of the next one
        kind = "multipart/x-mixed-replace; boundary=picture"
        start = b"Content-Type: image/jpeg\r\n\r\n"
        return broadcast.BroadcastResponse(
            self.broadcast, kind, b"--picture\r\n" + start, b"", b"\r\n--picture\r\n" + start
        )

    def _encoded(self, watch: watches.SourceWatch, shot: watches.Shot | None) -> bytes:
        if self._encoder is None or self._encoder[0] is not watch:
            run = watch.run
            self._encoder = watch, picture.PictureEncoder(run.tasks, run.region, run.faces)
        encoder = self._encoder[1]
        if shot is not None:
            return encoder.encode(shot)
        return encoder.encode_gap(watch.gap_s) if watch.gap_s else b""


async def _next_shot(watch: watches.SourceWatch) -> watches.Shot | None:
    """None if there is none for a while."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[watches.Shot] = loop.create_future()

    def give(shot: watches.Shot) -> None:
        if not future.done():
            future.set_result(shot)

    watch.ask(lambda shot: loop.call_soon_threadsafe(give, shot))
    try:
        return await asyncio.wait_for(future, _GAP_S)
    except asyncio.TimeoutError:
        return None
