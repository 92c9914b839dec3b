"""Who may see the page: host names, origins, the token, and what browsers are told of safety."""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Mapping

from starlette import datastructures, responses, types

from edge.web.address import PageAddress
from edge_common import console

OPEN_PATHS = ("/healthz", "/login", "/static/page.css", "/static/icon.svg")
_SESSION_S = 30 * 86_400
_WRONG_TOKEN_S, _NOTE_S = 0.5, 60.0
MOST_HEADER_BYTES = 16_384
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class RefusalLog:
    """What was refused, counted by reason, and told in one line a minute and reason."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: dict[str, int] = {}
        self._clock, self._due = clock, dict[str, float]()

    def add(self, reason: str, client: str = "") -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if self._clock() >= self._due.get(reason, 0.0):
            self._due[reason] = self._clock() + _NOTE_S
            by = f" from {client}" if client else ""
            console.note(f"page: {reason}{by} ({self.counts[reason]} so far); the run goes on")

    async def wrong_token(self, client: str) -> None:
        """Whoever gave it waits, before it is tried again."""
        self.add("a wrong token", client)
        await asyncio.sleep(_WRONG_TOKEN_S)


class Sessions:
    """Cookies that stand for the token: an end and its HMAC, so that nothing is kept here.

    They outlive a restart, and end with another token.  clock: seconds since 1970.
    """

    def __init__(self, token: bytes, port: int, clock: Callable[[], float] = time.time) -> None:
        self._token, self._clock, self.cookie = token, clock, f"edge_run_{port}"
        self._key = hmac.digest(token, b"edge-run page session", "sha256")

    def is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.strip().encode(), self._token)

    def new(self) -> str:
        content = f"{int(self._clock() + _SESSION_S)}.{secrets.token_hex(8)}"
        return f"{content}.{self._signature(content)}"

    def holds(self, value: str) -> bool:
        content, _, signature = value.rpartition(".")
        ends, _, _ = content.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            return False
        return int(ends) > self._clock()

    def log_in(self, response: responses.Response, is_secure: bool) -> None:
        response.set_cookie(
            self.cookie, self.new(), _SESSION_S, httponly=True, samesite="strict", secure=is_secure
        )

    def _signature(self, content: str) -> str:
        return hmac.digest(self._key, content.encode(), "sha256").hex()


class Guard:
    """Lets a request through to the page, or answers it in one line; adds the headers to all answers."""

    def __init__(
        self, app: types.ASGIApp, address: PageAddress, sessions: Sessions, log: RefusalLog
    ) -> None:
        self._app, self._address, self._sessions, self._log = app, address, sessions, log

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        async def send_safely(message: types.Message) -> None:
            if message["type"] == "http.response.start":
                headers = datastructures.MutableHeaders(raw=message["headers"])
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if scope["type"] == "http":
            answer = await self._refusal(scope)
            await (answer or self._app)(scope, receive, send_safely)

    async def _refusal(self, scope: types.Scope) -> responses.Response | None:
        headers, client = datastructures.Headers(scope=scope), (scope["client"] or ("",))[0]
        # what comes at one go is parsed whole, however large
        if sum(map(len, (scope["raw_path"], *sum(scope["headers"], ())))) > MOST_HEADER_BYTES:
            self._log.add("a request with too large headers", client)
            answer = f"refused: headers of more than {MOST_HEADER_BYTES} bytes\n"
            return responses.PlainTextResponse(answer, 431, {"Connection": "close"})
        if reason := self._reason(scope["method"], headers):
            self._log.add(f"a request {reason}", client)
            return responses.PlainTextResponse(f"refused: the request {reason}\n", 403)
        if scope["path"] in OPEN_PATHS or not self._address.token:
            return None
        return await self._without_token(scope, headers, client)

    def _reason(self, method: str, headers: Mapping[str, str]) -> str:
        """Why it is refused, whoever sends it; "": it is not."""
        host = headers.get("host", "")
        if not self._address.allows_host(host):
            return "asks for another host name; --web-name NAME allows one"
        site = headers.get("sec-fetch-site", "none")
        is_visit = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("same-origin", "none") and not is_visit:
            return "comes from another web site"
        if method not in ("GET", "HEAD") and not _is_own(headers.get("origin"), host):
            return "comes from another web site"
        return ""

    async def _without_token(
        self, scope: types.Scope, headers: Mapping[str, str], client: str
    ) -> responses.Response | None:
        """None: it has the token, or a cookie that stands for it."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            if self._sessions.is_token(token):
                return None
            await self._log.wrong_token(client)
        elif self._sessions.holds(_cookies(headers).get(self._sessions.cookie, "")):
            return None
        if scope["path"] == "/" and "text/html" in headers.get("accept", ""):
            return responses.RedirectResponse("/login", 303)
        answer = "log in at /login, or send Authorization: Bearer TOKEN\n"
        return responses.PlainTextResponse(
            answer, 401, {"WWW-Authenticate": 'Bearer realm="edge-run"'}
        )


def _is_own(origin: str | None, host: str) -> bool:
    """Whether a request that changes something comes from this page, or from no page at all."""
    return origin is None or origin.lower().partition("://")[2] == host.lower()


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}
