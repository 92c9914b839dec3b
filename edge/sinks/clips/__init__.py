"""The sink `clips:FOLDER`: a video of each event with what was before it, a snapshot, and its facts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import cv2

from edge import sinks, stream
from edge.events import Event
from edge.sinks.clips.packets import (
    CODECS,
    TICKS_A_SECOND,
    Encoder,
    Encoding,
    Packet,
    PacketRing,
    frame_of,
    to_mp4,
)
from edge.sinks.quota import Quota
from edge_common import Closable, SinkError, slug, whole_file

if TYPE_CHECKING:
    from edge.events.alert import Alert

_LONGEST_S, _USUAL_HZ = 600.0, 25.0
_LATE_S = 5.0  # an event is told of when it held for a while; its beginning has to be there still
_JPEG_QUALITY = 90


def open_sink(
    target: str,
    run: sinks.RunInfo,
    *,
    before: float = 5.0,
    after: float = 5.0,
    longest: float = 120.0,
    quota_mb: float = 1000.0,
    disk_share: float = 0.95,
    codec: str = "h264",
    height: int = 0,
) -> "ClipSink":
    """before, after: seconds around an event.  longest: of a clip.  quota_mb: of all in the folder.

    disk_share: of the disk, that may be full of whatever.  height: of the video, pixels; 0: as
    frames are. Raises SinkError if nothing can be written there.
    """
    if codec not in CODECS:
        raise ValueError(f"the option codec is {' or '.join(CODECS)}")
    times = ClipTimes(before, after, longest)
    if height and not 16 <= height <= 4096:
        raise ValueError("the option height is 16 to 4096 pixels")
    folder = Path(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / ".test"):
            pass
        (folder / ".test").unlink()
    except OSError as error:
        raise SinkError(
            f"{target} cannot be written ({error.strerror}): give another folder"
        ) from error
    quota = Quota(folder, "*-*", round(quota_mb * 1e6), disk_share)
    by_alert = {str(alert): times.asked_for(alert) for alert in run.alerts}
    return ClipSink(quota, times, codec, height, run.rate_hz, by_alert)


@dataclass(frozen=True)
class ClipTimes:
    """Seconds before and after an event, and of the longest clip."""

    before_s: float = 5.0
    after_s: float = 5.0
    longest_s: float = 120.0

    def __post_init__(self) -> None:
        if not (0 <= self.before_s <= 60 and 0 <= self.after_s <= 60):
            raise ValueError("the options before and after are 0 to 60 seconds")
        if not self.before_s + self.after_s < self.longest_s <= _LONGEST_S:
            raise ValueError("the option longest is above before + after, and 600 seconds at most")

    def asked_for(self, alert: "Alert") -> "ClipTimes | None":
        """Those of one alert; None: it is to have no clip. Raises ValueError that names it."""
        if isinstance(clip := alert.clip, bool):
            return self if clip else None
        before_s = self.before_s if clip.before_s is None else clip.before_s
        after_s = self.after_s if clip.after_s is None else clip.after_s
        try:
            return ClipTimes(before_s, after_s, self.longest_s)
        except ValueError as error:
            raise ValueError(f"the clip of alert '{alert}': {error}") from None


@dataclass
class Clip:
    """One that is being recorded.  first, end: in ticks; None: its event goes on."""

    event: Event
    times: ClipTimes
    first: int
    latest: int
    packets: list[Packet]
    end: int | None = None
    numbers: list[int] = field(default_factory=list)

    def is_over(self, time: int) -> bool:
        return time > (self.latest if self.end is None else min(self.end, self.latest))


class ClipSink(Closable):
    """Encodes every frame once, keeps the newest in memory, and writes a clip when its time is over.

    A clip is written whole: a kill costs those that are being recorded and spoils none. Frames of
    another size, or another beginning of time, end the clips that are being recorded.
    by_alert: of alerts that ask for other times; None: for no clip.
    """

    def __init__(
        self,
        quota: Quota,
        times: ClipTimes,
        codec: str = "h264",
        height: int = 0,
        rate_hz: float = 0.0,
        by_alert: "Mapping[str, ClipTimes | None]" = MappingProxyType({}),
    ) -> None:
        self._by_alert = by_alert
        self._quota, self._times, self._codec, self._height = quota, times, codec, height
        self._rate_hz = rate_hz if 1 <= rate_hz <= 240 else _USUAL_HZ
        self._encoder: Encoder | None = None
        self._ring = self._new_ring()
        self._clips: dict[str, Clip] = {}
        self._events: list[Event] = []
        self._began_s, self._newest = 0.0, 0

    def _new_ring(self) -> PacketRing:
        every = [self._times, *filter(None, self._by_alert.values())]
        return PacketRing(_ticks(max(times.before_s for times in every) + _LATE_S))

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        """It begins or ends with the frame that comes next."""
        self._events.append(event)

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        pixels = self._scaled(frame)
        size = (pixels.shape[1], pixels.shape[0])
        moment = _ticks(frame.moment_s - self._began_s)
        if self._encoder is None or self._encoder.encoding.size != size or moment < self._newest:
            self._finish_all()
            self._ring = self._new_ring()
            self._began_s, moment = frame.moment_s, 0
            self._encoder = Encoder(Encoding(self._codec, size, self._rate_hz))
        for packet in self._encoder.encode(pixels, frame.number, moment):
            self._newest = packet.time
            self._add(packet)
        self._apply_events()

    def _scaled(self, frame: stream.Frame) -> "cv2.typing.MatLike":
        """With even sides, as 4:2:0 needs them."""
        height, width = frame.pixels.shape[:2]
        scale = min(1.0, self._height / height) if self._height else 1.0
        size = (round(width * scale) // 2 * 2, round(height * scale) // 2 * 2)
        if scale == 1.0:
            return frame.pixels[: size[1], : size[0]]
        return cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA)

    def _add(self, packet: Packet) -> None:
        for clip in list(self._clips.values()):
            if clip.is_over(packet.time):
                self._finish(clip)
            else:
                clip.packets.append(packet)
        self._ring.add(packet)

    def _apply_events(self) -> None:
        while self._events:
            event = self._events.pop(0)
            times = self._by_alert.get(event.alert, self._times)
            if event.phase == "start" and times:
                self._clips[event.id] = self._begin(event, times)
            elif clip := self._clips.get(event.id):
                clip.event = event
                if event.phase == "end":
                    end = self._time_of((event.ended or event.newest).frame)
                    clip.end = end + _ticks(clip.times.after_s)

    def _begin(self, event: Event, times: ClipTimes) -> Clip:
        first = max(0, self._time_of(event.started.frame) - _ticks(times.before_s))
        packets = self._ring.since(first)
        return Clip(event, times, first, first + _ticks(times.longest_s), packets)

    def _time_of(self, number: int) -> int:
        """Of a frame, or of the next that is there."""
        times = (packet.time for packet in self._ring.packets if packet.number >= number)
        return next(times, self._newest)

    def _finish(self, clip: Clip) -> None:
        """Write it, and forget it also if that fails: frames that come do not wait for a disk."""
        del self._clips[clip.event.id]
        if not self._encoder or not clip.packets:
            return
        video = to_mp4(self._encoder.encoding, clip.packets, clip.first)
        numbers = [packet.number for packet in clip.packets if packet.time >= clip.first]
        best = clip.event.best.frame
        nearest = min(range(len(numbers)), key=lambda i: abs(numbers[i] - best), default=0)
        name = f"{clip.event.id}-{slug(clip.event.alert)}"
        contents = {".mp4": video, ".jpg": _jpeg(video, nearest)}
        facts = {
            "clip": f"{name}.mp4",
            "snapshot": f"{name}.jpg",
            "frames": len(numbers),
            "first_frame": numbers[0] if numbers else None,
            "last_frame": numbers[-1] if numbers else None,
            "event": clip.event.to_json(),
        }
        contents[".json"] = json.dumps(facts, ensure_ascii=False).encode(
            "utf-8", "backslashreplace"
        )
        folder = self._quota.folder
        for suffix, content in contents.items():
            path = folder / f"{name}{suffix}"
            size = len(content) + (1 << 13)  # blocks of a file and of its name

            def write(path: Path = path, content: bytes = content) -> None:
                with whole_file(path) as file:
                    file.write(content)

            try:
                self._quota.make_room(size, keep=name)
                self._quota.without_oldest(write, keep=name)
            except OSError as error:
                raise SinkError(f"{path} cannot be written ({error.strerror})") from error

    def _finish_all(self) -> None:
        for clip in list(self._clips.values()):
            self._finish(clip)

    def close(self) -> None:
        self._apply_events()
        self._finish_all()
        self._encoder = None


def _ticks(seconds: float) -> int:
    return round(seconds * TICKS_A_SECOND)


def _jpeg(video: bytes, index: int) -> bytes:
    image = frame_of(video, index)
    if image is None:
        return b""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
