"""Names and passwords for servers, from a file or the environment, as addresses are seen by others."""

import os
import stat
from urllib import parse

from edge_common import SourceError

VARIABLE = "EDGE_SOURCE_LOGIN"
_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "srt", "ftp", "sftp")
_FORM = "NAME:PASSWORD in one line"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def with_login(url: str, path: str = "") -> str:
    """The URL with the login that a file holds, or the environment if the URL has none.

    Raises SourceError if the file may be read by others, is none, or the URL has a login already.
    """
    scheme, separator, _ = url.partition("://")
    has_own = "@" in parse.urlsplit(url).netloc if separator else False
    if path and (has_own or scheme not in _SCHEMES):
        reason = "has a login already" if has_own else "is no address that takes one"
        raise SourceError(f"{url} {reason}: leave out the login {path}")
    text = _read(path) if path else os.environ.get(VARIABLE, "")
    if not (text or path) or has_own or scheme not in _SCHEMES:
        return url
    name, colon, password = text.partition(":")
    if not colon or not name or "\n" in text:
        raise SourceError(f"{path or VARIABLE} holds no {_FORM}")
    login = f"{parse.quote(name, safe='')}:{parse.quote(password, safe='')}"
    return url.replace("://", f"://{login}@", 1)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise SourceError(f"the login {path} may be read by others: chmod 600 {path}")
            return file.read(10_000).strip("\r\n")
    except OSError as error:
        raise SourceError(f"the login {path} may not be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SourceError(f"the login {path} holds no {_FORM}") from None
