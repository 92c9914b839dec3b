"""The source `stream:URL`: whatever FFmpeg reads, rtsp, http (MJPEG), udp, ..."""

import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial

import cv2

from edge import sources
from edge.sources import connection, ffmpeg, live, opencv_capture, video
from edge.sources.capture_process import CaptureProcess
from edge_common import SourceError, console

# what never leads to a certificate, nor to a web server
_PLAIN = ("rtsp://", "rtp://", "udp://", "tcp://", "unix:", *ffmpeg.PIPES)
# whether somebody has set up OpenCV's FFmpeg, and so wants it
_OPENCV_IS_SET_UP = "OPENCV_FFMPEG_CAPTURE_OPTIONS" in os.environ
_SEGMENTS_S = 30.0  # a playlist brings frames by the segment


def open_source(
    target: str,
    needs: sources.FrameNeeds = sources.WHOLE,
    *,
    decoder: str = "",
    transport: str = "",
    login: str = "",
    insecure: int = 0,
    stall_after: float = 0.0,
    give_up_after: float = 0.0,
) -> sources.Source:
    """A recording on a server is read to its end; only a stream drops frames and reconnects.

    decoder, transport, insecure: see `ffmpeg.FfmpegStream`; that nothing is verified is said.
    stall_after, give_up_after: seconds, see `connection.GapRules`; 0: its own.
    login: a file with NAME:PASSWORD.  Raises SourceError with the server's own reason, if it gives one.
    """
    if transport not in ("", "tcp", "udp"):
        raise ValueError("the option transport is tcp or udp")
    if "://" in target:
        from edge.sources.login import with_login

        target = with_login(target, login)
    if insecure:
        from edge.sources import servers

        console.note(servers.unverified(target))
    rules = connection.GapRules.of(stall_after, give_up_after)
    if rules.stall_after_s is None and sources.is_playlist(target):
        rules = replace(rules, stall_after_s=_SEGMENTS_S)
    can_end = target.startswith(ffmpeg.PIPES)
    open_capture = _opener(target, needs, decoder, transport, bool(insecure))
    connect = partial(_connect, target, bool(insecure), open_capture)
    try:
        first = connect()
        if ffmpeg.reads_image(first.messages) and not can_end:
            hint = f"snapshot:{target} asks for it again and again"
            console.note(f"{target} seems to be a single image: {hint}")
        if first.is_recording and not can_end:
            first.close()
            with _verifying(target, bool(insecure)):
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


def _opener(
    url: str, needs: sources.FrameNeeds, decoder: str, transport: str, insecure: bool
) -> Callable[[float], CaptureProcess]:
    """What opens it within so many seconds: ffmpeg, or OpenCV if that is missing or set up."""
    if not ffmpeg.is_installed():
        missing = "ffmpeg is not installed (Debian and Raspberry Pi OS: sudo apt install ffmpeg)"
        if decoder or transport:
            raise SourceError(f"{url}: {missing}, and decoder and transport are its options")
        console.note(
            f"{url}: {missing}: OpenCV decodes and hands over whole frames, which costs more"
        )
    elif decoder or transport or not _OPENCV_IS_SET_UP:
        return ffmpeg.FfmpegStream(
            url, needs, decoder=decoder, transport=transport, insecure=insecure
        )
    return partial(opencv_capture.open_capture, url, url, backend=cv2.CAP_FFMPEG)


def _connect(
    url: str, insecure: bool, open_capture: Callable[[float], CaptureProcess]
) -> CaptureProcess:
    """What FFmpeg opens there. Raises SourceError, also for a certificate not to be trusted."""
    if not (insecure or url.startswith(_PLAIN)):
        from edge.sources import servers

        if reason := servers.distrust(url):
            raise SourceError(f"{url} {reason}")
    with _verifying(url, insecure):
        return open_capture(math.inf if url.startswith(ffmpeg.PIPES) else connection.FIRST_FRAME_S)


def _verifying(url: str, insecure: bool) -> AbstractContextManager[None]:
    """OpenCV verifies certificates in the block, where they are a question."""
    if url.startswith(_PLAIN):
        return nullcontext()
    from edge.sources import servers

    return servers.verifying(url, insecure)
