"""The sink `clips:FOLDER`: a video of each event with what was before it, a snapshot, and its facts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge import sinks, stream
from edge.events import Event
from edge.sinks.clips import files, film, packets as clip_packets, times as clip_times
from edge.sinks.quota import Quota
from edge_common import Closable, SinkError, whole_file

_LATE_S = 5.0  # smoothing tells of an event later still


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
) -> "ClipSink | film.FilmClips":
    """before, after: seconds around an event.  longest: of a clip.  quota_mb: of all in the folder.

    disk_share: of the disk, that may be full of whatever.  height: of the video, pixels; 0: as
    frames are. Raises SinkError if nothing can be written there.
    """
    if codec not in clip_packets.CODECS:
        raise ValueError(f"the option codec is {', '.join(clip_packets.CODECS)}")
    times = clip_times.AlertTimes(clip_times.ClipTimes(before, after, longest), run.alerts)
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
    clips = files.EventClipFiles(Quota(folder, "*-*", round(quota_mb * 1e6), disk_share))
    if run.recording.lower().endswith(film.TIMED):
        return film.FilmClips(film.Film(run.recording, codec, height), clips, times)
    return ClipSink(clips, times, codec, height, run.rate_hz)


@dataclass
class Clip:
    """One that is being recorded.  first, end: in ticks; None: its event goes on."""

    event: Event
    times: clip_times.ClipTimes
    first: int
    latest: int
    packets: list[clip_packets.Packet]
    end: int | None = None
    numbers: list[int] = field(default_factory=list)

    def is_over(self, time: int) -> bool:
        return time > (self.latest if self.end is None else min(self.end, self.latest))


class ClipSink(Closable):
    """Encodes every frame once, keeps the newest in memory, and writes a clip when its time is over.

    A clip is written whole: a kill costs those that are being recorded and spoils none. Frames of
    another size, or another beginning of time, end the clips that are being recorded.
    """

    def __init__(
        self,
        folder: files.EventClipFiles,
        times: clip_times.AlertTimes,
        codec: str = "h264",
        height: int = 0,
        rate_hz: float = 0.0,
    ) -> None:
        self._folder, self._times, self._codec, self._height = folder, times, codec, height
        self._rate_hz = rate_hz if 1 <= rate_hz <= 240 else clip_packets.USUAL_HZ
        self._encoder: clip_packets.FrameEncoder | None = None
        self._ring = self._new_ring()
        self._clips: dict[str, Clip] = {}
        self._events: list[Event] = []
        self._began_s, self._newest = 0.0, 0

    def _new_ring(self) -> clip_packets.PacketRing:
        return clip_packets.PacketRing(_ticks(self._times.kept_s + _LATE_S))

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        """It begins or ends with the frame that comes next."""
        self._events.append(event)

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        pixels = clip_packets.scaled(frame.pixels, self._height)
        size = (pixels.shape[1], pixels.shape[0])
        moment = _ticks(frame.moment_s - self._began_s)
        if self._encoder is None or self._encoder.encoding.size != size or moment < self._newest:
            self._finish_all()
            self._ring = self._new_ring()
            self._began_s, moment = frame.moment_s, 0
            self._encoder = clip_packets.Encoding(self._codec, size, self._rate_hz).encoder()
        for packet in self._encoder.encode(pixels, frame.number, moment):
            self._newest = packet.time
            self._add(packet)
        self._apply_events()

    def _add(self, packet: clip_packets.Packet) -> None:
        for clip in list(self._clips.values()):
            if clip.is_over(packet.time):
                self._finish(clip)
            else:
                clip.packets.append(packet)
        self._ring.add(packet)

    def _apply_events(self) -> None:
        while self._events:
            event = self._events.pop(0)
            times = self._times.of(event)
            if event.phase == "start" and times:
                self._clips[event.id] = self._begin(event, times)
            elif clip := self._clips.get(event.id):
                clip.event = event
                if event.phase == "end":
                    end = self._time_of((event.ended or event.newest).frame)
                    clip.end = end + _ticks(clip.times.after_s)

    def _begin(self, event: Event, times: clip_times.ClipTimes) -> Clip:
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
        video = clip_packets.to_mp4(self._encoder.encoding, clip.packets, clip.first)
        numbers = [packet.number for packet in clip.packets if packet.time >= clip.first]
        self._folder.write(clip.event, video, numbers)

    def _finish_all(self) -> None:
        for clip in list(self._clips.values()):
            self._finish(clip)

    def close(self) -> None:
        self._apply_events()
        self._finish_all()
        self._encoder = None


def _ticks(seconds: float) -> int:
    return round(seconds * clip_packets.TICKS_A_SECOND)
