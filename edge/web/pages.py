"""The page's own files, logging in, and all answers together, served until the page is closed."""

import asyncio
import hashlib
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from starlette import applications, exceptions, responses, routing

from edge.web import access, hub as hubs, routes, server

_MOST_FORM = 4096
_REFUSALS = {408: "a request that was not whole in time", 413: "a request with too large a body"}
_TYPES = {
    "css": "text/css", "html": "text/html", "js": "text/javascript", "json": "application/json",
    "svg": "image/svg+xml",
}  # fmt: skip


class PageRoutes:
    """Files stand in memory; a browser asks whether they are new, and needs no other server."""

    def __init__(self, hub: hubs.Hub) -> None:
        self._hub, folder = hub, files("edge.web").joinpath("static")
        self._files = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}

    def every(self) -> list[routing.Route]:
        return [
            routing.Route("/", self.index),
            routing.Route("/static/{name}", self.static),
            routing.Route("/login", self.login_form),
            routing.Route("/login", self.log_in, methods=["POST"]),
            routing.Route("/logout", self.log_out, methods=["POST"]),
        ]

    async def index(self, request: routes.Request) -> responses.Response:
        return self._answer(request, "index.html")

    async def static(self, request: routes.Request) -> responses.Response:
        return self._answer(request, request.path_params["name"])

    async def login_form(self, request: routes.Request) -> responses.Response:
        if not self._hub.page.address.token:
            return responses.RedirectResponse("/", 303)
        return self._answer(request, "login.html")

    async def log_in(self, request: routes.Request) -> responses.Response:
        content = parse_qs((await routes.read_body(request, _MOST_FORM)).decode("utf-8", "replace"))
        token = "".join(content.get("token", ()))
        if not self._hub.sessions.is_token(token):
            await self._hub.refusals.wrong_token(request.client.host if request.client else "")
            form = self._files["login.html"].replace(b"<!-- problem -->", b"This is not the token.")
            return responses.Response(form, 403, media_type="text/html")
        response = responses.RedirectResponse("/", 303)
        is_secure = request.headers.get("x-forwarded-proto") == "https"
        self._hub.sessions.log_in(response, is_secure)
        return response

    async def log_out(self, request: routes.Request) -> responses.Response:
        response = responses.RedirectResponse("/login", 303)
        response.delete_cookie(self._hub.sessions.cookie, httponly=True, samesite="strict")
        return response

    def _answer(self, request: routes.Request, name: str) -> responses.Response:
        content = self._files.get(name)
        if content is None:
            raise exceptions.HTTPException(404, "there is no such page")
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return responses.Response(b"", 304, headers)
        return responses.Response(content, 200, headers, _TYPES[name.rpartition(".")[2]])


def app_of(hub: hubs.Hub) -> access.Guard:
    """All that is answered, behind who may ask for it."""
    every = [*PageRoutes(hub).every(), *routes.DataRoutes(hub).every()]

    async def one_line(request: routes.Request, error: Any) -> responses.Response:
        """Of whatever is wrong with a request."""
        if reason := _REFUSALS.get(error.status_code):
            hub.refusals.add(reason, request.client.host if request.client else "")
        return responses.PlainTextResponse(f"{error.detail}\n", error.status_code)

    handlers: Any = {exceptions.HTTPException: one_line}
    app = applications.Starlette(routes=every, exception_handlers=handlers)
    return access.Guard(app, hub.page.address, hub.sessions, hub.refusals)


def serve(page: "hubs.Page") -> None:
    """In this thread, until the page is closed."""
    asyncio.run(_serve(page))


async def _serve(page: "hubs.Page") -> None:
    hub, loop = hubs.Hub(page), asyncio.get_running_loop()
    serving = server.PageServer(app_of(hub), hub.refusals)

    def stop() -> None:
        serving.should_exit = True

    page.on_close(lambda: loop.call_soon_threadsafe(stop))
    hub.start(hub.work())
    await serving.serve([page.listener])
