"""The source `stream:URL`: whatever FFmpeg reads, rtsp, http (MJPEG), udp, ..."""

import cv2

from edge.sources import Source, live, video


def open_source(target: str) -> Source:
    """A recording on a server is read to its end; only a stream drops frames and reconnects."""
    capture = _connect(target)
    if video.frame_count(capture) is not None:
        return video.VideoFile(target, capture)
    first: list[live.Capture] = [capture]
    return live.LiveSource(target, lambda: first.pop() if first else _connect(target))


def _connect(url: str) -> cv2.VideoCapture:
    return cv2.VideoCapture(url, cv2.CAP_FFMPEG)
