"""What a clip leaves in its folder: the video, a snapshot of its best frame, and its facts."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2

from edge.events import Event
from edge.sinks.clips.packets import frame_of
from edge.sinks.quota import Quota
from edge_common import SinkError, slug, whole_file

_JPEG_QUALITY = 90
_ROUNDING_BYTES = 1 << 13  # blocks of a file and of its name


class EventClipFiles:
    """Writes clips whole, each file by itself; the oldest make room.  quota: of the folder."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota

    def write(self, event: Event, video: bytes, numbers: Sequence[int]) -> None:
        """video: MP4.  numbers: of its frames, in their order. Raises SinkError."""
        best = event.best.frame
        nearest = min(range(len(numbers)), key=lambda i: abs(numbers[i] - best), default=0)
        name = f"{event.id}-{slug(event.alert)}"
        facts = {
            "clip": f"{name}.mp4",
            "snapshot": f"{name}.jpg",
            "frames": len(numbers),
            "first_frame": numbers[0] if numbers else None,
            "last_frame": numbers[-1] if numbers else None,
            "event": event.to_json(),
        }
        text = json.dumps(facts, ensure_ascii=False)
        self._write(name, ".mp4", video)
        self._write(name, ".jpg", _jpeg(video, nearest))
        self._write(name, ".json", text.encode("utf-8", "backslashreplace"))

    def _write(self, name: str, suffix: str, content: bytes) -> None:
        path = self._quota.folder / f"{name}{suffix}"

        def write(path: Path = path, content: bytes = content) -> None:
            with whole_file(path) as file:
                file.write(content)

        try:
            self._quota.make_room(len(content) + _ROUNDING_BYTES, keep=name)
            self._quota.without_oldest(write, keep=name)
        except OSError as error:
            raise SinkError(f"{path} cannot be written ({error.strerror})") from error


def _jpeg(video: bytes, index: int) -> bytes:
    image = frame_of(video, index)
    if image is None:
        return b""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
