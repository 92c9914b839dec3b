"""The newest of something for all who look: made once, and whoever is slow misses some of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette import responses, types

_LOOK_S = 1.0  # at whether a viewer is there still, if nothing new comes


class Broadcast:
    """What one thread makes, and others of the same event loop wait for.

    viewers: of whom there are `most` at most.  number: of the newest content, from 1 on.
    """

    def __init__(self, most: int) -> None:
        self.most, self.viewers, self.number, self.content = most, 0, 0, b""
        self._changed = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return self.viewers >= self.most

    @contextmanager
    def viewer(self) -> Iterator[None]:
        """Somebody looks as long as this block lasts."""
        self.viewers += 1
        self._changed.set()
        self._changed = asyncio.Event()
        try:
            yield
        finally:
            self.viewers -= 1
            if not self.viewers:
                self.content = b""  # nothing is made while nobody looks: it would be old

    def publish(self, content: bytes) -> None:
        self.number, self.content = self.number + 1, content
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, timeout_s: float) -> bool:
        """For a viewer or for news; whether there were some."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except asyncio.TimeoutError:
            return False
        return True

    async def after(self, number: int, timeout_s: float) -> bytes:
        """What is newer than that number; b"" if nothing came for so long."""
        ends_at = asyncio.get_running_loop().time() + timeout_s
        while self.number == number or not self.content:
            left_s = ends_at - asyncio.get_running_loop().time()
            if left_s <= 0 or not await self.wait(left_s):
                return b""
        return self.content


class BroadcastResponse(responses.Response):
    """Gives a viewer the newest content again and again, until they or the page leave.

    start: before the first.  head, tail: around each.
    """

    def __init__(
        self, broadcast: Broadcast, media_type: str, start: bytes, head: bytes, tail: bytes
    ) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._broadcast, self._start, self._head, self._tail = broadcast, start, head, tail

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            await send(_body(self._start))
            departure = asyncio.ensure_future(_gone(receive))
            try:
                with self._broadcast.viewer():
                    await self._send_all(departure, send)
            finally:
                departure.cancel()
        await send(_body(b"", more=False))

    async def _send_all(self, departure: "asyncio.Future[None]", send: types.Send) -> None:
        number = 0
        while not departure.done():
            content = await self._broadcast.after(number, _LOOK_S)
            number = self._broadcast.number
            if content:
                await send(_body(self._head + content + self._tail))


def _body(content: bytes, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def _gone(receive: types.Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
