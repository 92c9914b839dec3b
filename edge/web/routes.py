"""What is answered under which address, once `access.Guard` has let a request through."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette import concurrency, exceptions, requests, responses, routing

from edge.web import broadcast, hub as hubs, pictures, state, zone_file
from edge_common import EdgeError, command_line, decode, parse_json

Request: TypeAlias = requests.Request
Response: TypeAlias = responses.Response
_MOST_BODY, _BODY_S = 65_536, 10.0
_MOST_EVENTS = 50
_NO_RUN = "no run has begun yet"


async def read_body(request: Request, most: int = _MOST_BODY) -> bytes:
    """Raises HTTPException: 413 if it is larger than that, 408 if it takes too long."""
    if int_of(request.headers.get("content-length", ""), 0) > most:
        raise exceptions.HTTPException(413, f"more than {most} bytes")
    try:
        return await asyncio.wait_for(_body(request, most), _BODY_S)
    except requests.ClientDisconnect:
        raise exceptions.HTTPException(400, "the client left in the middle of it") from None
    except asyncio.TimeoutError:
        raise exceptions.HTTPException(408, f"not whole after {_BODY_S:g} s") from None


async def _body(request: Request, most: int) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise exceptions.HTTPException(413, f"more than {most} bytes")
    return body


def int_of(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else otherwise


class DataRoutes:
    """Everything but the page's own files, and who may see it."""

    def __init__(self, hub: hubs.Hub) -> None:
        self._hub = hub

    def every(self) -> list[routing.Route]:
        answers: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/api/run": self.describe,
            "/api/state": self.snapshot,
            "/api/stream": self.stream,
            "/api/history": self.history,
            "/api/events": self.events,
            "/picture/{number:int}.mjpeg": self.live_picture,
            "/picture/{number:int}.jpg": self.picture,
            "/clips/{name}": self.clip,
            "/healthz": self.health,
            "/metrics": self.metrics,
        }
        saving = routing.Route("/api/zones", self.save_zones, methods=["POST"])
        return [*(routing.Route(path, answer) for path, answer in answers.items()), saving]

    @property
    def _run(self) -> state.PageRun:
        if self._hub.run is None:
            raise exceptions.HTTPException(503, _NO_RUN)
        return self._hub.run

    async def describe(self, request: Request) -> Response:
        run, hub = self._run, self._hub
        log_out = {"can_log_out": bool(hub.page.address.token)}
        return _json(run.description() | log_out | hub.zone_state(run))

    async def snapshot(self, request: Request) -> Response:
        return _json(self._hub.snapshot(self._run))

    async def stream(self, request: Request) -> Response:
        if self._hub.states.is_full:
            return self._too_many(self._hub.states.most)
        head, tail = b"data: ", b"\n\n"
        return broadcast.BroadcastResponse(
            self._hub.states, "text/event-stream", b"retry: 3000\n\n", head, tail
        )

    async def history(self, request: Request) -> Response:
        history = self._run.history
        headers = {"X-Seconds": str(history.count), "X-Run": str(self._run.number)}
        return Response(history.to_bytes(), 200, headers, "application/octet-stream")

    async def events(self, request: Request) -> Response:
        count = int_of(request.query_params.get("count", ""), _MOST_EVENTS)
        before, run = request.query_params.get("before", ""), self._run
        listed = self._hub.event_list(run).newest(
            run.log.newest(), min(count, _MOST_EVENTS), before
        )
        return _json({"revision": run.log.revision, "events": listed})

    async def save_zones(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise exceptions.HTTPException(415, "send application/json")
        body, run = await read_body(request), self._run
        file, reason = self._hub.page.zone_file(run)
        if file is None:
            raise exceptions.HTTPException(409, reason)
        try:
            change = decode(zone_file.ZoneChange, parse_json(body, "zones"), "zones")
            await concurrency.run_in_threadpool(file.save, change)
        except zone_file.Outdated as error:
            raise exceptions.HTTPException(409, str(error)) from None
        except EdgeError as error:
            raise exceptions.HTTPException(400, str(error)) from None
        return _json({"message": await concurrency.run_in_threadpool(self._hub.page.after_saving)})

    async def live_picture(self, request: Request) -> Response:
        of_source = self._pictures_of(request)
        return self._too_many(of_source.broadcast.most) if of_source.is_full else of_source.stream()

    async def picture(self, request: Request) -> Response:
        of_source = self._pictures_of(request)
        if of_source.is_full:
            return self._too_many(of_source.broadcast.most)
        if not (jpeg := await of_source.one()):
            raise exceptions.HTTPException(503, "no frame came for 2 s")
        return Response(jpeg, media_type="image/jpeg")

    async def clip(self, request: Request) -> Response:
        path = self._hub.event_list(self._run).path(request.path_params["name"])
        try:
            status = path.stat() if path else None
        except OSError:  # the oldest make room for new ones
            status = None
        if path is None or status is None:
            raise exceptions.HTTPException(404, "there is no such clip")
        headers = {"Cache-Control": "private, max-age=86400, immutable"}  # written once
        return responses.FileResponse(path, headers=headers, stat_result=status)

    async def health(self, request: Request) -> Response:
        reason = state.problem(self._hub.run)
        content = {"status": "failing", "reason": reason} if reason else {"status": "ok"}
        return _json(content, 503 if reason else 200)

    async def metrics(self, request: Request) -> Response:
        try:
            from edge.web import metrics
        except ModuleNotFoundError as error:
            hint = command_line.install_hint("web")
            raise exceptions.HTTPException(501, f"needs {error.name}: {hint}") from None
        content, kind = metrics.exposition(self._hub, request.headers.get("accept", ""))
        return Response(content, media_type=kind)

    def _pictures_of(self, request: Request) -> pictures.SourcePictures:
        of_source = self._hub.pictures_of(request.path_params["number"])
        if of_source is None:
            raise exceptions.HTTPException(404, "there is no such source")
        return of_source

    def _too_many(self, most: int) -> Response:
        self._hub.refusals.add("too many viewers")
        text = f"{most} look already, which is the most: close one of the pages\n"
        return responses.PlainTextResponse(text, 503, {"Retry-After": "10"})


def _json(content: Any, status: int = 200) -> Response:
    return Response(hubs.to_json(content), status, media_type="application/json")
