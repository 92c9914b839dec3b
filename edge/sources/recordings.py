"""Several videos, one behind the other: those of a folder or a glob."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from edge import sources, stream
from edge.sources.video import VideoFile
from edge_common import SourceError


class VideoFiles(sources.Source):
    """All frames of all videos in the given order; each begins a new window.

    One that cannot be read is passed over, which `warning` says at the end.
    Raises SourceError if none can be read.
    """

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        super().__init__(name)
        self._paths = iter(paths)
        self._warnings: list[str] = []
        self._video = self._next_video()
        if self._video is None:
            raise SourceError(f"of {len(paths)} videos none can be read: {self._warnings[0]}")
        self.rate_hz = self._video.rate_hz

    def __iter__(self) -> Iterator[stream.Frame]:
        number, begin_s = 0, 0.0
        while self._video is not None:
            before, end_s = number, begin_s
            for frame in self._video:
                is_next = before > 0 and number == before
                if frame.time_s is not None:
                    end_s = begin_s + frame.time_s
                number = before + frame.number + 1
                yield replace(
                    frame,
                    number=number - 1,
                    restart=frame.restart or is_next,
                    time_s=None if frame.time_s is None else end_s,
                )
            begin_s = end_s + (1 / self._video.rate_hz if self._video.rate_hz else 0.0)
            self.skipped += self._video.skipped
            self._warnings += filter(None, [self._video.warning])
            self._video.close()
            self._video = self._next_video()
        self.warning = "\n".join(self._warnings)

    def close(self) -> None:
        if self._video is not None:
            self._video.close()

    def _next_video(self) -> VideoFile | None:
        """The next that can be read; None if there is none."""
        for path in self._paths:
            try:
                return VideoFile(str(path))
            except SourceError as error:
                self._warnings.append(f"warning: {error}")
        return None
