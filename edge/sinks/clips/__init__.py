"""The sink `clips:FOLDER`: a video of each event with what was before it, a snapshot, and its facts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge import sinks, stream
from edge.events import Event
from edge.sinks.clips import calls, files, film, packets as clip_packets, times as clip_times
from edge.sinks.queued import OutputCounts, QueueLimits
from edge.sinks.quota import Quota, kept_s
from edge_common import Closable, SinkError, console, whole_file

_LATE_S = 5.0  # smoothing tells of an event later still
_MOST_BYTES = 128 << 20  # of frames that an event may have begun in
_NOTE_S = 60.0  # what is said again and again is said so often at most


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
    keep_days: float = 0.0,
) -> "ClipSink | film.FilmClips":
    """before, after: seconds around an event.  longest: of a clip.  quota_mb: of all in the folder.

    disk_share: of the disk, that may be full of whatever.  height: of the video, pixels; 0: as
    frames are.  keep_days: after which clips go; 0: never. Raises SinkError if nothing can be written
    there.
    """
    if codec not in clip_packets.CODECS:
        raise ValueError(f"the option codec is {', '.join(clip_packets.CODECS)}")
    times = clip_times.AlertTimes(clip_times.ClipTimes(before, after, longest), run.alerts)
    if height and not 16 <= height <= 4096:
        raise ValueError("the option height is 16 to 4096 pixels")
    folder, keep_s = Path(target), kept_s(keep_days)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / ".test"):
            pass
        (folder / ".test").unlink()
    except OSError as error:
        raise SinkError(
            f"{target} cannot be written ({error.strerror}): give another folder"
        ) from error
    quota = Quota(folder, "*-*", round(quota_mb * 1e6), disk_share, keep_s)
    quota.remove_old()
    clips = files.EventClipFiles(quota)
    if run.recording.lower().endswith(film.TIMED):
        return film.FilmClips(film.Film(run.recording, codec, height, run.faces), clips, times)
    covers = run.faces is not None
    return ClipSink(clips, times, codec, height, run.rate_hz, not run.live, covers)


@dataclass
class Clip:
    """One that is being recorded.  first, latest, begun, end: in ticks; None: its event goes on.

    begun: when its event did.  best: its best frame, if that is in memory.
    """

    event: Event
    times: clip_times.ClipTimes
    first: int
    latest: int
    begun: int
    end: int | None = None
    best: clip_packets.Packet | None = None

    @property
    def last(self) -> int:
        return self.latest if self.end is None else min(self.end, self.latest)


class ClipSink(Closable):
    """Keeps the newest frames as JPEG; those that clips show are encoded, once, in another process.

    That follows events while they go on, so that a clip is there soon after its time is over. A clip
    is written whole: a kill costs those that are being recorded and spoils none. Frames of another
    size, or another beginning of time, end the clips that are being recorded.
    waits: for the process, if too much waits for it; else clips are cut short, and counted.
    covers_faces: in clips and snapshots; the process does it.
    """

    def __init__(
        self,
        folder: files.EventClipFiles,
        times: clip_times.AlertTimes,
        codec: str = "h264",
        height: int = 0,
        rate_hz: float = 0.0,
        waits: bool = True,
        covers_faces: bool = False,
    ) -> None:
        self.counts, self.is_failing = OutputCounts("clips"), False
        self._times, self._codec, self._height = times, codec, height
        self._rate_hz = sinks.video_rate(rate_hz)
        self._folder, self._maker = folder, calls.MakerProcess(folder, covers_faces)
        self._calls = calls.CallThread("clips", waits)
        self._clips: dict[str, Clip] = {}
        self._unwritten: set[str] = set()  # events whose clips are over
        self._events: list[Event] = []
        self._encoding: clip_packets.Encoding | None = None
        self._noted = -_NOTE_S
        self._begin_anew(0.0)

    def _begin_anew(self, moment_s: float) -> None:
        self._began_s, self._newest = moment_s, -1
        self._to_jpeg = clip_packets.JpegEncoder(self._codec)
        self._ring = clip_packets.PacketRing(_MOST_BYTES)
        # the times of the first and the newest of the frames that are being encoded
        self._encoded: tuple[int, int] | None = None

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        """It begins or ends with the frame that comes next."""
        self._events.append(event)

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        self._calls.check()
        pixels = clip_packets.scaled(frame.pixels, self._height)
        size = (pixels.shape[1], pixels.shape[0])
        moment = _ticks(frame.moment_s - self._began_s)
        if self._encoding is None or self._encoding.size != size or moment < self._newest:
            self._finish_all()
            self._begin_anew(frame.moment_s)
            moment = 0
            self._encoding = clip_packets.Encoding(self._codec, size, self._rate_hz, True)
        packet = self._to_jpeg.encode(pixels, frame.number, moment)
        self._newest = packet.time
        for clip in [each for each in self._clips.values() if each.last < packet.time]:
            self._finish(clip)
        self._ring.add(packet, packet.time - _ticks(self._times.kept_s + _LATE_S))
        if self._clips:
            if self._calls.has_room(len(packet.data)):
                self._encode([packet])
            else:
                self._cut_short()
        self._apply_events()

    def show_gap(self, gap: sinks.Gap) -> None:
        """Clips whose time passes meanwhile are over as well: the camera may never come back."""
        self._apply_events()
        now = self._newest + _ticks(gap.seconds)
        for clip in [each for each in self._clips.values() if each.last < now]:
            self._finish(clip)

    def _encode(self, packets: Sequence[clip_packets.Packet]) -> None:
        keep_from = min([self._ring.packets[0].time, *(c.first for c in self._clips.values())])
        for packet in packets:
            first = self._encoded[0] if self._encoded else packet.time
            arguments = (self._encoding, packet, keep_from, not self._encoded)
            self._calls.put(partial(self._maker.call, "add", *arguments), len(packet.data))
            self._encoded = first, packet.time

    def _apply_events(self) -> None:
        while self._events and self._ring.packets:
            event = self._events.pop(0)
            times = self._times.of(event)
            if event.phase == "start" and times:
                self._begin(event, times)
            elif clip := self._clips.get(event.id):
                clip.event = event
                if event.phase == "end":
                    end = self._time_of((event.ended or event.newest).frame)
                    clip.end = end + _ticks(clip.times.after_s)
            if clip := self._clips.get(event.id):
                clip.best = self._frame(event.best.frame) or clip.best

    def _begin(self, event: Event, times: clip_times.ClipTimes) -> None:
        begun = self._time_of(event.started.frame)
        first = max(0, begun - _ticks(times.before_s))
        packets = [packet for packet in self._ring.packets if packet.time >= first]
        oldest = self._ring.packets[0].time
        if self._ring.is_full and first < oldest:
            seconds = (begun - oldest) / clip_packets.TICKS_A_SECOND
            self._note(
                f"{_MOST_BYTES >> 20} MB hold {seconds:.1f} s before an event: lower height="
            )
        encoded = self._encoded if self._goes_on_from(packets[0].time) else None
        if encoded:
            packets = [packet for packet in packets if packet.time > encoded[1]]
        if self._calls.has_room(sum(len(packet.data) for packet in packets)):
            latest = first + _ticks(times.longest_s)
            self._clips[event.id] = Clip(event, times, first, latest, begun)
            self._encoded = encoded
            self._encode(packets)
        else:
            self._report_dropped()

    def _goes_on_from(self, moment: int) -> bool:
        """Whether the frame of this moment is encoded already, or comes next."""
        if not self._encoded:
            return False
        first, newest = self._encoded
        later = (packet.time for packet in self._ring.packets if packet.time > newest)
        return first <= moment <= next(later, moment)

    def _time_of(self, number: int) -> int:
        """Of a frame, or of the next that is there."""
        times = (packet.time for packet in self._ring.packets if packet.number >= number)
        return next(times, self._newest)

    def _frame(self, number: int) -> clip_packets.Packet | None:
        return next((packet for packet in self._ring.packets if packet.number == number), None)

    def _finish(self, clip: Clip) -> None:
        """Have it written, and forget it also if that fails: frames that come do not wait for a disk."""
        del self._clips[clip.event.id]
        self._unwritten.add(clip.event.id)
        self._calls.put(partial(self._write, clip))

    def _write(self, clip: Clip) -> None:
        """In the thread of calls, behind those of its frames."""
        self._unwritten.discard(clip.event.id)
        self.is_failing = True
        self._maker.call("write", clip.event, clip.first, clip.last, clip.best)
        self.is_failing = False

    def _cut_short(self) -> None:
        """End all clips, and leave out those whose events began in frames that are not encoded."""
        for clip in list(self._clips.values()):
            if self._encoded and clip.begun <= self._encoded[1]:
                self._finish(clip)
            else:
                del self._clips[clip.event.id]
            self._report_dropped()
        self._encoded = None

    def _report_dropped(self) -> None:
        self.counts.dropped_events += 1
        self._note(
            "frames come faster than they are encoded: clips are cut short or left out; "
            "codec=mjpeg is less work, and so is a smaller height="
        )

    def _note(self, text: str) -> None:
        now = time.monotonic()
        if now - self._noted >= _NOTE_S:
            self._noted = now
            console.note(f"{self.counts.name}: {text}")

    def _finish_all(self) -> None:
        for clip in list(self._clips.values()):
            self._finish(clip)

    def tidy(self) -> None:
        self._folder.remove_old()

    def close(self) -> None:
        """Also write what is pending; of a live run, as long as the end of a run waits for an output."""
        self._apply_events()
        self._finish_all()
        drain_s = QueueLimits().drain_s
        is_done = self._calls.close(drain_s)
        if not is_done:
            count = len(self._unwritten)
            self.counts.dropped_events += count
            console.note(f"{self.counts.name}: {count} clips were not made in {drain_s:g} s")
        self._maker.close()
        if is_done:
            self._calls.check()


def _ticks(seconds: float) -> int:
    return round(seconds * clip_packets.TICKS_A_SECOND)
