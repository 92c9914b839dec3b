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
from edge_common import SourceAbsent, SourceError, console

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
    wait: int = 0,
) -> sources.Source:
    """A recording on a server is read to its end; only a stream drops frames and reconnects.

    decoder, transport, insecure: see `ffmpeg.FfmpegStream`; that nothing is verified is said.
    stall_after, give_up_after: seconds, see `connection.GapRules`; 0: its own.
    wait: 1: for a server that is not there yet.
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
    is_remote = "://" in target and not target.startswith("file:")
    rules = connection.GapRules.of(stall_after, give_up_after, wait if is_remote else 0)
    if rules.stall_after_s is None and sources.is_playlist(target):
        rules = replace(rules, stall_after_s=_SEGMENTS_S)
    can_end = target.startswith(ffmpeg.PIPES)
    open_capture = _opener(target, needs, decoder, transport, bool(insecure))
    connect = partial(_connect, target, bool(insecure), open_capture)

    def explain() -> str:
        from edge.sources import servers

        return servers.refusal(target, bool(insecure))

    try:
        opener = connect if can_end else _StreamOpener(target, connect)
        return live.LiveSource(target, opener, rules, can_end, explain=explain)
    except IsRecording:
        return _recording(target, bool(insecure), explain)


class IsRecording(SourceError):
    """What is there is no stream, but has an end."""


class _StreamOpener:
    """Opens a stream again and again; the first time it has a look at what that is.

    Raises IsRecording.
    """

    def __init__(self, url: str, connect: Callable[[], CaptureProcess]) -> None:
        self._url, self._connect, self._is_known = url, connect, False

    def __call__(self) -> CaptureProcess:
        capture = self._connect()
        if self._is_known:
            return capture
        if ffmpeg.reads_image(capture.messages):
            hint = f"snapshot:{self._url} asks for it again and again"
            console.note(f"{self._url} seems to be a single image: {hint}")
        if capture.is_recording:
            capture.close()
            raise IsRecording(f"{self._url} is a recording: start again to read it to its end")
        self._is_known = True
        return capture


def _recording(url: str, insecure: bool, explain: Callable[[], str]) -> video.VideoFile:
    """Raises SourceError with the server's own reason, if it gives one."""
    try:
        with _verifying(url, insecure):
            capture = cv2.VideoCapture(console.valid_text(url), cv2.CAP_FFMPEG)
        return video.VideoFile(url, capture)
    except SourceError as error:
        raise (SourceError(f"{url} {reason}") if (reason := explain()) else error) from None


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

        if reason := servers.distrust(url):  # also before this machine's clock is set
            raise SourceAbsent(f"{url} {reason}")
    with _verifying(url, insecure):
        return open_capture(math.inf if url.startswith(ffmpeg.PIPES) else connection.FIRST_FRAME_S)


def _verifying(url: str, insecure: bool) -> AbstractContextManager[None]:
    """OpenCV verifies certificates in the block, where they are a question."""
    if url.startswith(_PLAIN):
        return nullcontext()
    from edge.sources import servers

    return servers.verifying(url, insecure)
