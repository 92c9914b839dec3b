"""The source `stream:URL`: whatever FFmpeg reads, rtsp, http (MJPEG), udp, ..."""

import math
from dataclasses import replace
from functools import partial

import cv2

from edge.sources import Source, connection, live, opencv_capture, video
from edge.sources.capture_process import CaptureProcess
from edge_common import SourceError, console

_PIPES = ("pipe:", "fd:")
# what never leads to a certificate, nor to a web server
_PLAIN = ("rtsp://", "rtp://", "udp://", "tcp://", "unix:", *_PIPES)
_SEGMENTS_S = 30.0  # a playlist brings frames by the segment


def open_source(
    target: str, *, insecure: int = 0, stall_after: float = 0.0, give_up_after: float = 0.0
) -> Source:
    """A recording on a server is read to its end; only a stream drops frames and reconnects.

    insecure: 1: a server's certificate is not verified, which is said.
    stall_after, give_up_after: seconds, see `connection.GapRules`; 0: its own.
    Raises SourceError with the server's own reason, if it gives one.
    """
    if insecure:
        console.note(
            f"{target}: certificates are not verified, so whoever is in between can read along "
            "and send frames of their own"
        )
    connect = partial(_connect, target, bool(insecure))
    rules = connection.GapRules.of(stall_after, give_up_after)
    if rules.stall_after_s is None and target.partition("?")[0].endswith((".m3u8", ".mpd")):
        rules = replace(rules, stall_after_s=_SEGMENTS_S)
    can_end = target.startswith(_PIPES)
    try:
        first = connect()
        if first.count is not None and not can_end:
            first.close()
            capture = cv2.VideoCapture(console.valid_text(target), cv2.CAP_FFMPEG)
            return video.VideoFile(target, capture)
        captures = [first]
        return live.LiveSource(
            target, lambda: captures.pop() if captures else connect(), rules, can_end
        )
    except SourceError as error:
        from edge.sources import servers

        reason = servers.refusal(target, bool(insecure))
        raise (SourceError(f"{target} {reason}") if reason else error) from None


def _connect(url: str, insecure: bool) -> CaptureProcess:
    """What FFmpeg opens there. Raises SourceError, also for a certificate not to be trusted."""
    if not url.startswith(_PLAIN):
        from edge.sources import servers

        servers.tell_ffmpeg(url, insecure)
        if not insecure and (reason := servers.distrust(url)):
            raise SourceError(f"{url} {reason}")
    timeout_s = math.inf if url.startswith(_PIPES) else connection.FIRST_FRAME_S
    return opencv_capture.open_capture(url, url, timeout_s, cv2.CAP_FFMPEG)
