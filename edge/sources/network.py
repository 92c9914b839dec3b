"""The source `stream:URL`: whatever FFmpeg reads, rtsp, http (MJPEG), udp, ..."""

from functools import partial

import cv2

from edge.sources import Source, live, video
from edge_common import SourceError, console

_PIPES = ("pipe:", "fd:")
# what never leads to a certificate, nor to a web server
_PLAIN = ("rtsp://", "rtp://", "udp://", "tcp://", "unix:", *_PIPES)


def open_source(target: str, *, insecure: int = 0) -> Source:
    """A recording on a server is read to its end; only a stream drops frames and reconnects.

    insecure: 1: a server's certificate is not verified, which is said.
    Raises SourceError with the server's own reason, if it gives one.
    """
    if insecure:
        console.note(
            f"{target}: certificates are not verified, so whoever is in between can read along "
            "and send frames of their own"
        )
    connect = partial(_connect, target, bool(insecure))
    capture = connect()
    try:
        if video.frame_count(capture) is not None:
            return video.VideoFile(target, capture)
        first: list[live.Capture] = [capture]
        return live.LiveSource(
            target,
            lambda: first.pop() if first else connect(),
            can_end=target.startswith(_PIPES),
        )
    except SourceError as error:
        from edge.sources import servers

        reason = servers.refusal(target, bool(insecure))
        raise (SourceError(f"{target} {reason}") if reason else error) from None


def _connect(url: str, insecure: bool) -> cv2.VideoCapture:
    """What FFmpeg opens there; nothing if the server's certificate is not to be trusted."""
    if not url.startswith(_PLAIN):
        from edge.sources import servers

        servers.tell_ffmpeg(url, insecure)
        if not insecure and servers.distrust(url):
            return cv2.VideoCapture()
    return cv2.VideoCapture(console.valid_text(url), cv2.CAP_FFMPEG)
