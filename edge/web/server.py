"""The page's HTTP server: one thread of low priority, few connections, none that only waits."""

import logging
from typing import Any

import uvicorn
from uvicorn.protocols.http import h11_impl

from edge.web.access import MOST_HEADER_BYTES, RefusalLog

MOST_CONNECTIONS = 64
_REQUEST_S, _STUCK_S = 10.0, 30.0  # for a request to be whole; for a reader to take what waits
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 44\r\n\r\n"
    b"too many are connected: try again in a while"
)


class BoundedConnection(h11_impl.H11Protocol):
    """One that is refused if there are too many, and closed if it does nothing for long."""

    refusals = RefusalLog()
    _timer: Any = None

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) >= MOST_CONNECTIONS:
            self.refusals.add("too many connections")
            transport.write(_BUSY)
            transport.close()
            self.transport = transport
            return
        super().connection_made(transport)
        self._wait(_REQUEST_S)

    def data_received(self, data: bytes) -> None:
        if self not in self.connections:  # it was refused
            return
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait(0)
        elif self._timer is None:
            self._wait(_REQUEST_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(0)
        if self in self.connections:
            super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait(_STUCK_S)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._wait(0)

    def _wait(self, seconds: float) -> None:
        """Give it up after so long; 0: do not."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._give_up) if seconds else None

    def _give_up(self) -> None:
        self.refusals.add("a connection that did nothing")
        self.transport.abort()


class _OneLine(logging.Handler):
    """What the server says of requests, as one line now and then."""

    def __init__(self, refusals: RefusalLog) -> None:
        super().__init__(logging.WARNING)
        self._refusals = refusals

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self._refusals.add("a malformed request")
        else:
            self._refusals.add(f"an error of the page itself, {type(error).__name__}: {error}")


class PageServer(uvicorn.Server):
    """Serves an ASGI app on a socket that listens already, in the event loop that calls `serve`."""

    def __init__(self, app: Any, refusals: RefusalLog) -> None:
        connection = type("Connection", (BoundedConnection,), {"refusals": refusals})
        super().__init__(
            uvicorn.Config(
                app,
                http=connection,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=2,
                backlog=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            )
        )
        logger = logging.getLogger("uvicorn.error")
        logger.handlers, logger.propagate = [_OneLine(refusals)], False
        logger.setLevel(logging.WARNING)

    async def shutdown(self, sockets: Any = None) -> None:
        """What is being sent is cut off: a live picture has no end to wait for."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)
