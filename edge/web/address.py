"""Where the page is served, and to whom: `--web HOST:PORT`, `--web-token`, `--web-name`."""

import errno
import ipaddress
import socket
from dataclasses import dataclass, field
from importlib.util import find_spec

from edge.sources.login import read_secret
from edge_common import ConfigError, SinkError, command_line

_FORM = "HOST:PORT, such as 127.0.0.1:8080"
_LEAST_TOKEN, _WAITING = 16, 64  # characters; connections that nobody has taken yet
_LIBRARIES = ("starlette", "uvicorn", "tomlkit")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_REASONS = {
    errno.EADDRINUSE: "is in use: end what listens there, or give another port",
    errno.EACCES: "may not be used: give a port above 1023",
    errno.EADDRNOTAVAIL: "is no address of this machine: give one of its own, or 0.0.0.0 for all",
}


@dataclass(frozen=True)
class PageAddress:
    """What the page listens on.

    host, port: as they were given; port 0 is any that is free.  address: what the host is.
    token: whoever looks has to know it; b"": nobody has to.  names: it may be asked for by, too.
    """

    host: str
    port: int
    family: socket.AddressFamily
    address: str
    token: bytes = field(default=b"", repr=False)
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, token: str = "", names: tuple[str, ...] = ()) -> "PageAddress":
        """Read `HOST:PORT` or `PORT`, and the token's file or `env:NAME`.

        Raises ConfigError if it is none, or others reach it and there is no token, or the
        libraries are missing; SourceError if others may read the token's file.
        """
        host, port = _split(text)
        family, address = _resolved(host, port)
        secret = read_secret(token, "token").strip().encode() if token else b""
        if token and len(secret) < _LEAST_TOKEN:
            raise ConfigError(
                f"--web-token {token} holds {len(secret)} characters, of which {_LEAST_TOKEN} are "
                "the least: (umask 077; openssl rand -hex 16 > FILE) makes one"
            )
        if len(secret.split()) > 1:
            raise ConfigError(f"--web-token {token} holds more than one word: it has to be one")
        if not (token or ipaddress.ip_address(address).is_loopback):
            raise ConfigError(
                f"--web {text} can be reached by others: give --web-token FILE, of mode 0600, or "
                "127.0.0.1 for this machine alone"
            )
        if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
            hint = command_line.install_hint("web")
            raise ConfigError(f"--web needs {', '.join(missing)}: {hint}")
        return cls(host, port, family, address, secret, tuple(map(str.lower, names)))

    def listen(self) -> socket.socket:
        """Take the port; nobody is answered yet. Raises SinkError if that fails."""
        try:
            return socket.create_server(
                (self.address, self.port), family=self.family, backlog=_WAITING
            )
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, f"cannot be used ({error.strerror})")
            raise SinkError(f"--web {self}: this port {reason}") from None

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.address).is_loopback

    def allows_host(self, name: str) -> bool:
        """Whether a request may ask for this `Host`, port included.

        One for loopback that has another name comes from a web site that has renamed itself (DNS
        rebinding); behind a token any name will do.
        """
        host = name.lower().rsplit(":", 1)[0] if not name.endswith("]") else name.lower()
        return bool(self.token) or host in (*_LOOPBACK_NAMES, *self.names, _bracketed(self.host))

    def url(self, port: int) -> str:
        """For a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.host)
        return f"http://{_bracketed(host)}:{port}/"

    def audience(self, port: int) -> str:
        """Who else reaches it, and by what."""
        by_token = ", by the token" if self.token else ""
        if self.is_loopback:
            return f", to this machine alone{by_token}"
        return f", and from the network by http://{socket.gethostname()}:{port}/{by_token}"

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"


def _split(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) < 1 << 16):
        raise ConfigError(f"--web {text} is not understood: give {_FORM}")
    return host.strip("[]") or "127.0.0.1", int(port)


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    try:
        resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"--web {host}:{port}: there is no host '{host}': give {_FORM}"
        ) from error
    family, _, _, _, address = min(resolved, key=lambda each: each[0] != socket.AF_INET)
    return family, str(address[0])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
