"""Clips of stretches in which two bundles disagree, with the answers of both."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge import sinks, stream
from edge.privacy.faces import FaceSearch
from edge.sinks.clips import packets
from edge.sinks.lettering import FAINT, GROUND, INK, shortened, write
from edge.sources import video
from edge_common import write_whole
from edge_fleet.batch.compare import Disagreement, Row, SharedTask, words
from edge_fleet.batch.recordings import RecordedFile

_AROUND_S, _WIDTH, _STILLS = 1.0, 640, 3
_WARNING = (90, 110, 250)  # BGR, of answers that differ
Pair = tuple[Row, Row]


@dataclass(frozen=True)
class StretchClip:
    """A whole MP4 file, and some of its frames as JPEG."""

    stretch: Disagreement
    path: Path
    stills: Sequence[bytes]


@dataclass(frozen=True)
class StretchClips:
    """Draws the answers of both bundles under each frame.

    names: of the bundles.  faces: finds those that are covered; None: they stay.
    """

    folder: Path
    tasks: Sequence[SharedTask]
    names: tuple[str, str]
    faces: FaceSearch | None

    def make(
        self,
        recording: RecordedFile,
        stretches: Mapping[int, Disagreement],
        pairs: Mapping[int, Pair],
    ) -> Iterator[tuple[int, StretchClip]]:
        """Of stretches of one recording, by their numbers. Raises SourceError, OSError.

        pairs: decisions of both by frame.
        """
        for number, stretch in stretches.items():
            images, times_s, differing = list[np.ndarray](), list[float](), list[int]()
            with recording.local_file() as path:
                for frame in self._frames(path, stretch):
                    pair = _newest(pairs, frame.number)
                    if pair and any(each.differs(*pair) for each in self.tasks):
                        differing.append(len(images))
                    images.append(self._draw(frame, pair))
                    times_s.append(frame.moment_s)
            if images:
                place = self.folder / f"{number:02d}.mp4"
                write_whole(place, _encoded(images, times_s))
                numbers = differing or range(len(images))
                picks = [numbers[len(numbers) * n // _STILLS] for n in range(_STILLS)]
                yield (
                    number,
                    StretchClip(stretch, place, [packets.to_jpeg(images[i]) for i in picks]),
                )

    def _frames(self, path: str, stretch: Disagreement) -> Iterator[stream.Frame]:
        cover = self.faces.cover() if self.faces else None
        with video.VideoFile(path) as source:
            around = round(_AROUND_S * (source.rate_hz or sinks.USUAL_HZ))
            for frame in source:
                if frame.number > stretch.last + around:
                    return
                if frame.number >= stretch.first - around:
                    yield cover.frame(frame) if cover else frame

    def _draw(self, frame: stream.Frame, pair: Pair | None) -> np.ndarray:
        """The frame, and below it a line a task: OLD's answer and NEW's, red if they differ."""
        height, width = frame.pixels.shape[:2]
        picture = cv2.resize(frame.pixels, (_WIDTH, max(2, round(height * _WIDTH / width))))
        line = 26
        panel = np.full(((len(self.tasks) + 1) * line + line // 2, _WIDTH, 3), GROUND, np.uint8)
        columns = (line // 2, _WIDTH // 4, _WIDTH * 5 // 8)
        _write_row(panel, 0, line, columns, (f"frame {frame.number}", *self.names), FAINT)
        for row, shared in enumerate(self.tasks, 1):
            texts = [words(shared, each) for each in pair or (None, None)]
            differs = pair is not None and shared.differs(*pair)
            cells = (shared.task.name, *texts)
            _write_row(panel, row, line, columns, cells, _WARNING if differs else INK)
        picture_and_panel = np.vstack([picture, panel])
        return picture_and_panel[: len(picture_and_panel) // 2 * 2]


def _write_row(
    panel: np.ndarray, row: int, line: int, columns: Sequence[int], cells: Sequence[str],
    colour: tuple[int, int, int],
) -> None:  # fmt: skip
    ends = (*columns[1:], panel.shape[1])
    for cell, begin, end in zip(cells, columns, ends):
        text = shortened(cell, line, end - begin - line // 2)
        write(
            panel, text, (begin, (row + 1) * line), line, FAINT if begin == columns[0] else colour
        )


def _newest(pairs: Mapping[int, Pair], frame: int) -> Pair | None:
    """The decisions that held at a frame: with a hop, those of one before it."""
    return next((pairs[n] for n in range(frame, max(frame - 50, -1), -1) if n in pairs), None)


def _encoded(images: Sequence[np.ndarray], times_s: Sequence[float]) -> bytes:
    size = images[0].shape[1], images[0].shape[0]
    lasts_s = times_s[-1] - times_s[0]
    rate_hz = (len(images) - 1) / lasts_s if lasts_s > 0 else sinks.USUAL_HZ
    encoder = packets.Encoder(packets.Encoding("h264", size, rate_hz))
    encoded = []
    for number, (image, time_s) in enumerate(zip(images, times_s)):
        ticks = round((time_s - times_s[0]) * packets.TICKS_A_SECOND)
        encoded += encoder.encode(np.ascontiguousarray(image), number, ticks)
    file = io.BytesIO()
    packets.write_mp4(file, encoder.encoding, encoded, 0)
    return file.getvalue()
