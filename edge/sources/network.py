"""The source `stream:URL`: whatever FFmpeg reads, rtsp, http (MJPEG), udp, ..."""

import cv2

from edge.sources import Source, live, video
from edge_common import SourceError, console

_ANSWER_S = 5.0  # for a server to say why
_OK, _REFUSED = 200, (401, 403)


def open_source(target: str) -> Source:
    """A recording on a server is read to its end; only a stream drops frames and reconnects.

    Raises SourceError with the server's own reason, if it gives one.
    """
    capture = _connect(target)
    try:
        if video.frame_count(capture) is not None:
            return video.VideoFile(target, capture)
        first: list[live.Capture] = [capture]
        return live.LiveSource(target, lambda: first.pop() if first else _connect(target))
    except SourceError as error:
        reason = _server_reason(target)
        raise (SourceError(f"{target} {reason}") if reason else error) from None


def _connect(url: str) -> cv2.VideoCapture:
    return cv2.VideoCapture(console.valid_text(url), cv2.CAP_FFMPEG)


def _server_reason(url: str) -> str:
    """Why a web server does not give what was asked for; "" if it seems to, or is none."""
    from base64 import b64encode
    from http.client import HTTPException
    from urllib import error, parse, request

    parts = parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return ""
    user, _, host = parts.netloc.rpartition("@")
    headers = {"Range": "bytes=1-1"}
    if user:
        headers["Authorization"] = f"Basic {b64encode(parse.unquote(user).encode()).decode()}"
    try:
        question = request.Request(parts._replace(netloc=host).geturl(), headers=headers)
        with request.urlopen(question, timeout=_ANSWER_S) as answer:
            whole = answer.status == _OK and answer.headers["Content-Length"] is not None
    except error.HTTPError as answer:
        hint = "NAME:PASSWORD@ before the host" if answer.code in _REFUSED else "another address"
        return f"is refused by its server ({answer.code} {answer.reason}): give {hint}"
    except (OSError, HTTPException, ValueError) as problem:
        reason = getattr(problem, "reason", problem)
        return f"gives no picture ({reason}): check the address, the network and the server"
    return (
        "cannot be read where it lies: its server sends no parts of a file (ranges), which a film "
        "with its index at the end needs; download it first, or remake it with ffmpeg -i IN -c copy "
        "-movflags +faststart OUT.mp4"
        if whole
        else ""
    )
