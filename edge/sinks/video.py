"""The sink `video:PATH`: frames with their decision drawn in."""

import os
import shlex
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge import sinks
from edge.sinks import draw, mp4
from edge.sinks.quota import Rotation
from edge.stream import Decision, Frame, Region
from edge_common import Closable, SinkError, console, only_writer, put_in_place

if TYPE_CHECKING:
    from edge.privacy.faces import FaceCover
    from edge.scene import SceneView

_CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
_INDEXED_AT_THE_END = (".mp4", ".mov")  # recorded as Matroska, see edge.sinks.mp4
# disk space that is left for what is not written yet: FFmpeg's buffers, and the index
_RESERVE_BYTES, _INDEX_BYTES_A_FRAME = 1 << 20, 64


def open_sink(
    target: str,
    run: sinks.RunInfo,
    *,
    rate: float = 0.0,
    rotate_mb: float = 0.0,
    rotate_s: float = 0.0,
    quota_mb: float = 0.0,
    disk_share: float = 1.0,
    keep_days: float = 0.0,
) -> Closable:
    """rate: frames a second of the video; 0: as the source has.

    rotate_mb, rotate_s: begin another video then, each with its time in its name; 0: never.
    quota_mb, disk_share: of all of them, and of the disk.  keep_days: after which they go; 0: never.
    Raises SinkError, ValueError.
    """
    if rate and not sinks.LOWEST_HZ <= rate <= sinks.HIGHEST_HZ:
        allowed = f"{sinks.LOWEST_HZ:g} to {sinks.HIGHEST_HZ:g}"
        raise ValueError(f"the option rate is {allowed} frames a second")

    def video(path: str) -> VideoFileSink:
        cover = run.faces.cover() if run.faces and run.covers_videos else None
        return VideoFileSink(path, rate or run.rate_hz, run.tasks, run.region, run.live, cover)

    rotation = Rotation.of(rotate_mb, rotate_s, keep_days)
    quota = rotation.quota(target, quota_mb, disk_share, keep_days)
    if rotation == Rotation():
        return video(target)
    from edge.sinks.segments import LEAST_QUOTA_BYTES, VideoSegments

    if quota and quota.most_bytes < LEAST_QUOTA_BYTES:
        raise ValueError(f"the quota of a video is {LEAST_QUOTA_BYTES / 1e6:.0f} MB or more")
    return VideoSegments(target, video, rotation, quota)


class VideoFileSink(Closable):
    """A video that is written under a hidden name until closed, and can be played at any time.

    rate_hz: frames a second of the video.  tasks: names, in the order of the panel.
    region: what of each frame the network looks at; it is drawn.
    live: frames stand in the video as long as they were the newest, whatever their number;
    without, each stands once.  An outage is left out.
    cover: of faces; None: they stay.
    A frame before the first decision is written without one. Raises SinkError if
    the file cannot be written, another run writes it, or the disk is full: what was recorded
    until then becomes the video.
    """

    def __init__(
        self,
        path: str,
        rate_hz: float,
        tasks: Sequence[str],
        region: Region | None = None,
        live: bool = False,
        cover: "FaceCover | None" = None,
    ) -> None:
        self._path, self._live = Path(path), live
        self._annotated = draw.Annotator(tasks, region, cover)
        self._rate_hz = sinks.video_rate(rate_hz)
        self._frames, self._first_at = 0, 0.0
        self._writer: cv2.VideoWriter | None = None
        self._suffix = self._path.suffix.lower()
        if self._suffix not in _CODECS:
            raise SinkError(f"{path}: a video's name ends in one of {', '.join(_CODECS)}")
        if console.valid_text(str(path)) != str(path):  # OpenCV would end the process
            raise SinkError(f"{console.valid_text(str(path))} is not UTF-8: give another name")
        if self._path.is_dir():
            raise SinkError(f"{path} is a folder: give a file's name")
        if not self._path.parent.is_dir() or not os.access(self._path.parent, os.W_OK):
            raise SinkError(f"{path} cannot be written: its folder is missing or read-only")
        indexed = self._suffix in _INDEXED_AT_THE_END
        self._recorded_as = ".mkv" if indexed else self._suffix
        self._stack = ExitStack()
        self._stack.enter_context(only_writer(self._path))
        with suppress(OSError):  # a folder that may not be read
            self._point_to_recordings()

    def _point_to_recordings(self) -> None:
        """Say what a run that was killed left; no other writes this video now."""
        files = [
            path
            for path in self._path.parent.iterdir()
            if path.name.startswith(self._hidden) and path.suffix == self._recorded_as
        ]
        if files:
            newest = max(files, key=lambda path: path.lstat().st_mtime)
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            name = newest.with_name(f"{self._path.stem}-killed{self._recorded_as}")
            console.note(
                f"{self._path}: a run that was killed left its recording as {newest}{more}; keep it "
                f"with {shlex.join(['mv', str(newest), str(name)])}, or remove it"
            )

    @property
    def _hidden(self) -> str:
        """What the name begins with until the video is whole."""
        return f".{self._path.name}."

    def show_people(self, view: "SceneView") -> None:
        self._annotated.show_people(view)

    def take(self, frame: Frame, decisions: Sequence[Decision]) -> None:
        annotated = self._annotated(frame, decisions)
        if self._writer is None:
            self._writer = self._open((annotated.shape[1], annotated.shape[0]))
            self._first_at, self._shown = frame.moment_s, annotated
        if annotated.shape[1::-1] != self._size:  # a folder may hold images of several sizes
            annotated = cv2.resize(annotated, self._size, interpolation=cv2.INTER_AREA)
        self._check_disk()
        for _ in range(self._repeats(frame)):
            self._write(self._shown)
        # one ahead is allowed: a camera's frames do not come to the millisecond
        if not self._live or self._due(frame) >= self._frames:
            self._write(annotated)
        self._shown = annotated

    @property
    def size(self) -> int:
        """Bytes that are recorded so far."""
        return self._partial.stat().st_size if self._writer else 0

    def _write(self, pixels: np.ndarray) -> None:
        if self._writer is not None:
            self._writer.write(pixels)
            self._frames += 1

    def _repeats(self, frame: Frame) -> int:
        """How often the frame before has to stand in the video once more."""
        if self._live and frame.restart:  # nothing was to be seen
            self._first_at = frame.moment_s - self._frames / self._rate_hz
        return max(0, self._due(frame) - self._frames - 1) if self._live else 0

    def _due(self, frame: Frame) -> int:
        """How many frames the video should have, this one included.

        By when they were captured: bursts over a network are no bursts in the video.
        """
        return round((frame.moment_s - self._first_at) * self._rate_hz) + 1

    def _open(self, size: tuple[int, int]) -> cv2.VideoWriter:
        handle, partial = tempfile.mkstemp(self._recorded_as, self._hidden, self._path.parent)
        os.close(handle)
        self._partial, self._size = Path(partial), size
        codec = cv2.VideoWriter.fourcc(*_CODECS[self._suffix])
        writer = cv2.VideoWriter(partial, codec, self._rate_hz, size)
        if not writer.isOpened():
            self._partial.unlink()
            raise SinkError(f"{self._path}: this OpenCV cannot write such a video; try .avi")
        return writer

    def _check_disk(self) -> None:
        """OpenCV does not tell that a disk is full, so the disk is asked."""
        disk = os.statvfs(self._partial)
        reserve = _RESERVE_BYTES + _INDEX_BYTES_A_FRAME * self._frames + self._shown.nbytes
        if disk.f_bavail * disk.f_frsize < reserve:
            raise SinkError(
                f"{self._path}: the disk is full: free some space. What was recorded is kept"
            )

    def close(self) -> None:
        with self._stack:
            if self._writer is not None:
                self._writer.release()
                self._writer = None
                self._finish()

    def _finish(self) -> None:
        """Give the recording its name. Raises SinkError if some of it was lost."""
        try:
            count = self._count()
            if count:
                put_in_place(self._partial, self._path, 0o666)
        except OSError as error:
            raise SinkError(
                f"{self._path} cannot be completed ({error.strerror}): free some space; what was "
                f"recorded is in {self._partial}"
            ) from error
        if count < self._frames:
            self._partial.unlink(missing_ok=True)
            rest = f"only {count} of {self._frames} frames were" if count else "it could not be"
            raise SinkError(f"{self._path}: {rest} written: is the disk full?")

    def _count(self) -> int:
        """Frames in the file, which OpenCV does not tell; MP4 gets its index."""
        if self._suffix in _INDEXED_AT_THE_END:
            return mp4.matroska_to_mp4(self._partial, self._rate_hz, self._size)
        video = cv2.VideoCapture(str(self._partial))
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
        video.release()
        return count
