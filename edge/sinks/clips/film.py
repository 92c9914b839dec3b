"""Clips of a run over a video file: cut out of that file, so that no frame has to be kept or encoded."""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from edge import sinks, stream
from edge.events import Event, Moment
from edge.sinks.clips import files, packets as clip_packets, times as clip_times
from edge_common import Closable, SinkError

if TYPE_CHECKING:
    from edge.privacy.faces import FaceSearch

TIMED = (".m4v", ".mkv", ".mov", ".mp4", ".webm")  # containers that say when each frame is shown
_ROUNDING = Fraction(1, 1000)  # s, of a frame's time


class FilmClips(Closable):
    """Cuts a clip as soon as its event has ended: what comes behind it is in the file already.

    film: the file that frames are of, whose times events name.
    """

    events_only = True

    def __init__(
        self, film: "Film", folder: files.EventClipFiles, times: clip_times.AlertTimes
    ) -> None:
        self._film, self._folder, self._times = film, folder, times
        self.is_failing = False
        self._active: dict[str, Event] = {}

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        """Frames are in the file."""

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        if self._times.of(event) and (event.phase == "start" or event.id in self._active):
            self._active[event.id] = event
            if event.phase == "end":
                self._finish(event)

    def _finish(self, event: Event) -> None:
        del self._active[event.id]
        times = self._times.of(event)
        assert times is not None
        began_s, ended_s = _seconds(event.started), _seconds(event.ended or event.newest)
        first_s = max(0.0, began_s - times.before_s)
        last_s = min(ended_s + times.after_s, first_s + times.longest_s)
        self.is_failing = True  # and it is given up
        try:
            video, shown_s = self._film.cut(first_s, last_s)
        except (av.error.FFmpegError, OSError) as error:
            raise SinkError(f"no clip can be cut from {self._film.path}: {error}") from error
        if shown_s:
            # frames that lie before the event's first one are counted backwards from it
            earlier = sum(second < began_s - float(_ROUNDING) for second in shown_s)
            first = event.started.frame - earlier
            numbers = range(first, first + len(shown_s))
            self._folder.write(event, numbers, lambda file: file.write(video), len(video))
        self.is_failing = False

    def tidy(self) -> None:
        self._folder.remove_old()

    def close(self) -> None:
        for event in list(self._active.values()):
            self._finish(event)


def _seconds(moment: Moment) -> float:
    if moment.time_s is None:
        raise SinkError(f"frame {moment.frame} has no time: no clip can be cut of it")
    return moment.time_s


@dataclass(frozen=True)
class Film:
    """A video file.  codec: of clips.  height: of clips, pixels; 0: as frames are.

    faces: finds those that are covered in clips; None: they stay.
    """

    path: str
    codec: str
    height: int = 0
    faces: "FaceSearch | None" = None

    def cut(self, first_s: float, last_s: float) -> tuple[bytes, list[float]]:
        """An MP4 file of the frames in these seconds of the film, both included, and their times.

        Packets are copied if they are of the codec and of no larger height, and no face is to be
        covered; else these frames are decoded and encoded. Raises PyAV's errors.
        """
        with av.open(self.path) as container:
            video = container.streams.video[0]
            span = _Span.of(video, first_s, last_s)
            packets = _packets(container, video, span)
            shown = sorted(packet.pts for packet in packets if packet.pts in span)
            if not shown:
                return b"", []
            times = [float((each - span.start) * span.time_base) for each in shown]
            height = video.codec_context.height
            is_copied = video.codec_context.name == self.codec and not self.faces
            if is_copied and not 0 < self.height < height:
                return _copied(video, packets, shown), times
            frames = [f for packet in packets for f in packet.decode()] + video.decode(None)
            frames = [frame for frame in frames if frame.pts in span]
            return self._encoded(frames, span), times

    def _encoded(self, frames: Sequence[Any], span: "_Span") -> bytes:
        images = [clip_packets.scaled(_upright(frame), self.height) for frame in frames]
        images = self._covered(images, [float(frame.pts * span.time_base) for frame in frames])
        size = images[0].shape[1], images[0].shape[0]
        lasts = (frames[-1].pts - frames[0].pts) * span.time_base
        rate_hz = float((len(frames) - 1) / lasts) if lasts else sinks.USUAL_HZ
        encoder = clip_packets.Encoder(clip_packets.Encoding(self.codec, size, rate_hz))
        packets: list[clip_packets.Packet] = []
        for number, (frame, image) in enumerate(zip(frames, images)):
            ticks = round(
                (frame.pts - frames[0].pts) * span.time_base * clip_packets.TICKS_A_SECOND
            )
            packets += encoder.encode(image, number, ticks)
        file = io.BytesIO()
        clip_packets.write_mp4(file, encoder.encoding, packets, 0)
        return file.getvalue()

    def _covered(self, images: list[np.ndarray], times_s: Sequence[float]) -> list[np.ndarray]:
        if not self.faces:
            return images
        from edge.privacy.faces import DelayedCover, covered

        cover = DelayedCover[np.ndarray](self.faces, lambda image: image)
        done = [each for pair in zip(images, times_s) for each in cover.put(*pair)]
        return [covered(image, boxes) for image, boxes in (*done, *cover.rest())]


@dataclass(frozen=True)
class _Span:
    """From a time of a stream to another one, both in its ticks.  start: of the stream."""

    first: int
    last: int
    start: int
    time_base: Fraction

    @classmethod
    def of(cls, video: Any, first_s: float, last_s: float) -> "_Span":
        start, base = video.start_time or 0, video.time_base
        first = start + round((Fraction(first_s) - _ROUNDING) / base)
        return cls(first, start + round((Fraction(last_s) + _ROUNDING) / base), start, base)

    def __contains__(self, time: int) -> bool:
        return self.first <= time <= self.last


def _packets(container: Any, video: Any, span: _Span) -> list[Any]:
    """From the last key frame on that is not later than the span, in the order of decoding."""
    container.seek(span.first, stream=video)
    packets = list(_until_the_last(container, video, span))
    if not packets or packets[0].pts > span.first:  # an index that is not exact
        container.seek(0, stream=video, any_frame=False)
        packets = list(_until_the_last(container, video, span))
    keys = [i for i, each in enumerate(packets) if each.is_keyframe and each.pts <= span.first]
    packets = packets[keys[-1] if keys else 0 :]
    while packets and packets[-1].pts > span.last:  # nothing that is shown needs it
        packets.pop()
    return packets


def _until_the_last(container: Any, video: Any, span: _Span) -> Iterator[Any]:
    for packet in container.demux(video):
        if packet.pts is None:  # the end
            return
        if (packet.pts if packet.dts is None else packet.dts) > span.last:
            return
        yield packet


def _copied(video: Any, packets: Sequence[Any], shown: Sequence[int]) -> bytes:
    file, times = io.BytesIO(), sorted(packet.pts for packet in packets)
    # not each container says when frames are decoded: one after the other, none behind its showing
    ahead = max(time - packet.pts for time, packet in zip(times, packets))
    with av.open(file, "w", format="mp4") as container:
        copy = container.add_stream_from_template(video)
        for time, packet in zip(times, packets):
            packet.pts, packet.dts = packet.pts - shown[0], time - ahead - shown[0]
            packet.stream = copy
            container.mux(packet)
    content = bytearray(file.getvalue())
    if times[-1] > shown[-1]:  # a frame that others need, and that is shown after the last one
        half = (times[-1] - shown[-1]) / 2
        _end_at(content, float((shown[-1] - shown[0] + half) * video.time_base))
    return bytes(content)


def _end_at(content: bytearray, seconds: float) -> None:
    """Let the edit list (ISO/IEC 14496-12, 8.6.6) end there, which the muxer ends with the last packet."""
    header, edits = content.rindex(b"mvhd") + 4, content.rindex(b"elst") + 4
    (ticks_a_second,) = struct.unpack_from(">I", content, header + (20 if content[header] else 12))
    form, step = (">Q", 20) if content[edits] else (">I", 12)
    (count,) = struct.unpack_from(">I", content, edits + 4)
    last_edit = edits + 8 + (count - 1) * step
    struct.pack_into(form, content, last_edit, round(seconds * ticks_a_second))


def _upright(frame: Any) -> np.ndarray:
    """uint8 (height, width, 3), BGR, turned as the film asks for."""
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    image: np.ndarray = frame.to_ndarray(format="bgr24")
    codes = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
    code = codes[turns]
    return image if code is None else cv2.rotate(image, code)
