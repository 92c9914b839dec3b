"""Names and passwords for servers, from a file or the environment, as addresses are seen by others."""

import os
import re
import stat
from collections.abc import Iterable
from urllib import parse

from edge_common import SourceError, slug

VARIABLE = "EDGE_SOURCE_LOGIN"
_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "srt", "ftp", "sftp")
_FORM = "NAME:PASSWORD in one line"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def with_login(url: str, path: str = "") -> str:
    """The URL with the login that a file holds, or the environment if the URL has none.

    Raises SourceError if the file may be read by others, is none, or the URL has a login already.
    """
    if path and not lacks_login(url):
        reason = "has a login already" if _has_scheme(url) else "is no address that takes one"
        raise SourceError(f"{url} {reason}: leave out the login {path}")
    if not lacks_login(url) or not (login := read_login(path, VARIABLE)):
        return url
    name, password = (parse.quote(part, safe="") for part in login)
    return url.replace("://", f"://{name}:{password}@", 1)


def read_login(path: str, variable: str) -> tuple[str, str] | None:
    """Name and password, of a file or, if there is none, the environment; None if it has none either.

    Raises SourceError if the file may be read by others, or holds none.
    """
    text = read_secret(path) if path else os.environ.get(variable, "")
    if not (text or path):
        return None
    name, colon, password = text.partition(":")
    if not colon or not name or "\n" in text:
        raise SourceError(f"{path or variable} holds no {_FORM}")
    return name, password


def lacks_login(url: str) -> bool:
    """Whether it could have a login, and has none."""
    return _has_scheme(url) and "@" not in _authority(url)


def _has_scheme(url: str) -> bool:
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme in _SCHEMES


def _authority(url: str) -> str:
    """`NAME:PASSWORD@HOST:PORT`, or what of it there is."""
    return re.split("[/?#]", url.partition("://")[2])[0]


def check_hosts(urls: Iterable[str], origin: str) -> None:
    """A login is told to one host alone. Raises SourceError if those without one are of several.

    origin: of that login; "": the environment, if it holds one.
    """
    origin = origin or (VARIABLE if os.environ.get(VARIABLE) else "")
    hosts = {re.sub(r":\d*$", "", _authority(url)).lower() for url in filter(lacks_login, urls)}
    if origin and len(hosts) > 1:
        raise SourceError(
            f"{origin} is for one host, and sources are at {', '.join(sorted(hosts))}: "
            "give each the login of its own, as URL:login=FILE"
        )


def read_secret(path: str, what: str = "login") -> str:
    """The text of a file that nobody else may read, or of the environment: `env:NAME`.

    what: it is, in words.

    Raises SourceError if others may read it, or there is none.
    """
    if path.startswith("env:"):
        if (text := os.environ.get(path[4:])) is None:
            raise SourceError(f"the {what} {path} is not there: set {path[4:]} in the environment")
        return text
    handed_over = _handed_over(path)
    try:
        with open(handed_over or path, encoding="utf-8") as file:
            if not handed_over and os.fstat(file.fileno()).st_mode & _OTHERS:
                raise SourceError(f"the {what} {path} may be read by others: chmod 600 {path}")
            return file.read(10_000).strip("\r\n")
    except OSError as error:
        raise SourceError(f"the {what} {path} may not be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SourceError(f"the {what} {path} is not UTF-8 text") from None


def check_secret_file(path: str) -> None:
    """Raise SourceError if a secret's file is not there, or others may read it; it is not read.

    Who checks settings of a service may not read what systemd hands over to that.
    """
    if path.startswith("env:") or _handed_over(path):
        return
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise SourceError(f"the secret {path} may not be read: {error.strerror}") from error
    if mode & _OTHERS:
        raise SourceError(f"the secret {path} may be read by others: chmod 600 {path}")


def credential_name(path: str) -> str:
    """Of a secret file among those that systemd reads and hands over (LoadCredential=)."""
    return slug(path)


def _handed_over(path: str) -> str:
    """Its copy that this service alone may read; "": there is none."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    copy = os.path.join(folder, credential_name(path))
    return copy if folder and os.path.isfile(copy) else ""
