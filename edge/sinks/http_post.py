"""Requests to web servers, repeated while there is hope: what webhooks and Frigate need."""

import json
import random
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import client
from typing import TYPE_CHECKING, Any
from urllib import parse

from edge.sinks import queued
from edge_common import Closable, SinkError, __version__, without_passwords

if TYPE_CHECKING:
    from edge.stream import Decision, Frame

_ANSWER_S, _MOST_BYTES = 10.0, 1 << 20
_WORTH_ANOTHER = (408, 425, 429)  # RFC 9110 and 6585: later; as are all from 500 on
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0


class Refused(Exception):
    """A server does not want this, now or later."""


def trust(ca: str, system: bool = False) -> ssl.SSLContext | None:
    """Of those who a file vouches for, or else `system`, those that it trusts; None: nobody is said.

    Raises ValueError if the file is none.
    """
    try:
        return ssl.create_default_context(cafile=ca or None) if ca or system else None
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"the certificates {ca} cannot be read ({error})") from None


@dataclass(frozen=True)
class Server:
    """Where to send requests to. Raises ValueError for an address that is none.

    url: without what stands behind its path.  trust: of its certificate; None: it speaks no TLS.
    """

    url: str
    trust: ssl.SSLContext | None = None
    timeout_s: float = _ANSWER_S
    parts: parse.SplitResult = field(init=False)

    def __post_init__(self) -> None:
        parts = parse.urlsplit(self.url)
        _ = parts.port  # raises if it is none
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write an http:// or https:// address")
        object.__setattr__(self, "parts", parts)

    def request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, content and headers of the answer. Raises SinkError if none comes."""
        connection = self._connection()
        try:
            connection.request(
                method, path, body, {"User-Agent": f"edge-run/{__version__}", **headers}
            )
            answer = connection.getresponse()
            return answer.status, answer.read(_MOST_BYTES), dict(answer.headers)
        except ssl.SSLCertVerificationError as error:
            raise SinkError(f"is not to be trusted: {error.verify_message}") from error
        except (OSError, client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SinkError(f"cannot be reached ({without_passwords(reason)})") from error
        finally:
            connection.close()

    def __str__(self) -> str:
        return without_passwords(self.url)

    @property
    def path(self) -> str:
        """With what stands behind a question mark."""
        query = f"?{self.parts.query}" if self.parts.query else ""
        return (self.parts.path or "/") + query

    def _connection(self) -> client.HTTPConnection:
        host, port = self.parts.hostname or "", self.parts.port
        if self.parts.scheme == "https":
            trust = self.trust or ssl.create_default_context()
            return client.HTTPSConnection(host, port, timeout=self.timeout_s, context=trust)
        return client.HTTPConnection(host, port, timeout=self.timeout_s)


@dataclass(frozen=True)
class Retries:
    """How often a request is repeated, with pauses that double and vary ("full jitter", M. Brooker).

    attempts: of one call; whoever makes it says that it failed, and calls again.
    closing: set when nobody waits any more.
    """

    attempts: int = 2
    first_s: float = _FIRST_PAUSE_S
    closing: threading.Event = field(default_factory=threading.Event)
    random_share: Callable[[], float] = random.random

    def send(self, attempt: Callable[[], tuple[int, bytes, Mapping[str, str]]]) -> bytes:
        """The content of the answer. Raises SinkError if none comes, Refused if it is no."""
        reason = ""
        for number in range(self.attempts):
            if number and self.closing.wait(self._pause_s(number, reason)):
                break
            try:
                status, content, headers = attempt()
            except SinkError as error:
                reason = str(error)
                continue
            if status < 300:
                return content
            reason = f"answers {status}"
            if status < 500 and status not in _WORTH_ANOTHER:
                raise Refused(reason)
            reason += f" (Retry-After {headers.get('Retry-After', '-')})"
        raise SinkError(reason)

    def _pause_s(self, number: int, reason: str) -> float:
        longest = min(self.first_s * 2.0**number, _LONGEST_PAUSE_S)
        least = reason.rpartition("Retry-After ")[2].rstrip(")")
        asked_s = min(float(least), _LONGEST_PAUSE_S) if least.isdigit() else 0.0
        return max(asked_s, longest * self.random_share())


class EventRequests(Closable):
    """A sink that tells a server of events, and of decisions nobody."""

    events_only = True

    def __init__(self, server: Server, retries: Retries | None) -> None:
        self.counts = queued.OutputCounts(str(server))  # until its queue names it
        self._server, self._retries = server, retries or Retries()

    def take(self, frame: "Frame", decisions: "Sequence[Decision]") -> None:
        """Decisions alone are told to nobody."""

    def stop(self) -> None:
        self._retries.closing.set()


def json_body(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "backslashreplace")
