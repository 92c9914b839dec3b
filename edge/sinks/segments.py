"""A video in pieces: each can be played as soon as it is finished, and the oldest makes room."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge import stream
from edge.sinks.quota import Quota, Rotation
from edge_common import Closable, SinkError

if TYPE_CHECKING:
    from edge.scene import SceneView
    from edge.sinks.video import VideoFileSink

# FFmpeg writes a cluster of Matroska at once: five seconds, or five megabytes
_AHEAD_BYTES = 5_300_000
LEAST_QUOTA_BYTES = 4 * _AHEAD_BYTES


class VideoSegments(Closable):
    """Videos `STEM-TIME.SUFFIX`, one behind the other.

    open_video: a sink of this name.  rotation: when the next begins.  quota: of all of them; None:
    there is none. If the disk is full, the piece is finished, and the oldest goes for the next.
    """

    def __init__(
        self,
        path: str,
        open_video: Callable[[str], "VideoFileSink"],
        rotation: Rotation,
        quota: Quota | None,
    ) -> None:
        self._path, self._open_video = Path(path), open_video
        self._rotation, self._quota = rotation, quota
        self._began_at, self._room = 0.0, 0
        self._video: VideoFileSink | None = None
        open_video(path).close()  # raises if nothing can be written there
        self.tidy()

    def show_people(self, view: "SceneView") -> None:
        if self._video:
            self._video.show_people(view)

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        self._look()
        video = self._video or self._begin()
        try:
            video.take(frame, decisions)
        except SinkError:
            self._finish()
            if not (self._quota and self._quota.groups()):
                raise
            self._quota.remove_oldest()
            self._begin().take(frame, decisions)

    def _look(self) -> None:
        """Whether the piece is long enough, and the quota holds with what comes next."""
        if not self._video:
            return
        size = self._video.size
        if self._rotation.is_due(size, self._began_at):
            self._finish()
        elif self._quota and size + _AHEAD_BYTES > self._room:
            self._room = size + _AHEAD_BYTES
            self._quota.make_room(self._room)

    def _begin(self) -> "VideoFileSink":
        if self._quota:
            self._quota.make_room(0)
        self._video = self._open_video(str(self._rotation.name_of(self._path)))
        self._began_at, self._room = time.monotonic(), 0
        return self._video

    def _finish(self) -> None:
        video, self._video = self._video, None
        if video:
            video.close()

    def tidy(self) -> None:
        """Finish a piece that is long enough also if no frame comes, and remove those that are too old."""
        if self._video and self._rotation.is_due(self._video.size, self._began_at):
            self._finish()
        if self._quota:
            self._quota.remove_old()

    def close(self) -> None:
        self._finish()
