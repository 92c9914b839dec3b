"""What a clip leaves in its folder: the video, a snapshot of its best frame, and its facts."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from edge.events import Event, file_stem
from edge.sinks.clips.packets import Packet, frame_of, to_jpeg
from edge.sinks.quota import Quota
from edge_common import SinkError, whole_file

_ROUNDING_BYTES = 1 << 13  # blocks of a file and of its name


class EventClipFiles:
    """Writes clips whole, each file by itself; the oldest make room.  quota: of the folder."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota

    def remove_old(self) -> None:
        """Clips that are older than the quota keeps them."""
        self._quota.remove_old()

    def write(
        self,
        event: Event,
        numbers: Sequence[int],
        write_video: Callable[[BinaryIO], object],
        size: int,
        best: Packet | None = None,
    ) -> None:
        """numbers: of the video's frames, in their order.  write_video: MP4, into a file.

        size: its bytes, more or less.  best: the snapshot, if it is of one of these frames; else it
        is taken from the video. Raises SinkError.
        """
        name = file_stem(event.id, event.alert)
        facts = {
            "clip": f"{name}.mp4",
            "snapshot": f"{name}.jpg",
            "frames": len(numbers),
            "first_frame": numbers[0] if numbers else None,
            "last_frame": numbers[-1] if numbers else None,
            "event": event.to_json(),
        }
        text = json.dumps(facts, ensure_ascii=False).encode("utf-8", "backslashreplace")
        self._write(name, ".mp4", write_video, size)
        if best and best.number in numbers:
            snapshot = best.data
        else:
            number = event.best.frame
            nearest = min(range(len(numbers)), key=lambda i: abs(numbers[i] - number), default=0)
            snapshot = _jpeg(self._quota.folder / f"{name}.mp4", nearest)
        self._write(name, ".jpg", lambda file: file.write(snapshot), len(snapshot))
        self._write(name, ".json", lambda file: file.write(text), len(text))

    def _write(
        self, name: str, suffix: str, write: Callable[[BinaryIO], object], size: int
    ) -> None:
        path = self._quota.folder / f"{name}{suffix}"

        def write_whole() -> None:
            with whole_file(path) as file:
                write(file)

        try:
            self._quota.make_room(size + _ROUNDING_BYTES, keep=name)
            self._quota.without_oldest(write_whole, keep=name)
        except OSError as error:
            raise SinkError(f"{path} cannot be written ({error.strerror})") from error


def _jpeg(video: Path, index: int) -> bytes:
    image = frame_of(video, index)
    return b"" if image is None else to_jpeg(image)
