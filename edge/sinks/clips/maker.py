"""Makes clips in a process of low priority: no frame waits for a core, or for Python's lock.

Run as `python -m edge.sinks.clips.maker`, which reads from its standard input what to do.
"""

import os
import pickle
import signal
import sys
from dataclasses import replace
from functools import partial

import av
import cv2
import numpy as np

from edge.events import Event
from edge.privacy.faces import DelayedCover, FaceSearch, covered
from edge.sinks.clips import packets as clip_packets
from edge.sinks.clips.files import EventClipFiles
from edge_common import EdgeError, SinkError

_LOWER_BY = 10  # of "nice" values, which end at 19
_BYTES_A_FRAME = 32  # of an MP4 file's index


class ClipMaker:
    """Encodes frames, each once, and writes the clips that show some of them.

    covers_faces: before anything is encoded.
    """

    def __init__(self, folder: EventClipFiles, covers_faces: bool = False) -> None:
        self._folder, self._search = folder, FaceSearch() if covers_faces else None
        self._cover: DelayedCover[clip_packets.Packet] | None = None
        self._encoder: clip_packets.Encoder | None = None
        self._ring = clip_packets.PacketRing()

    def add(
        self, encoding: clip_packets.Encoding, jpeg: clip_packets.Packet, keep_from: int,
        is_first: bool,
    ) -> None:  # fmt: skip
        """is_first: it does not follow the one before.  keep_from: no clip will show what is older."""
        if is_first or not self._encoder:
            self._encoder, self._ring = clip_packets.Encoder(encoding), clip_packets.PacketRing()
            self._cover = DelayedCover(self._search, _pixels) if self._search else None
        if not self._cover:
            self._encode(jpeg, keep_from)
            return
        for packet, boxes in self._cover.put(jpeg, jpeg.time / clip_packets.TICKS_A_SECOND):
            self._encode(_covered(packet, boxes), keep_from)

    def _encode(self, jpeg: clip_packets.Packet, keep_from: int) -> None:
        for packet in self._encoder.encode_again(jpeg) if self._encoder else ():
            self._ring.add(packet, keep_from)

    def write(self, event: Event, first: int, last: int, best: clip_packets.Packet | None) -> None:
        """A clip of the frames of these times, both included. Raises SinkError."""
        if self._cover:
            best = None  # is not covered: the video's is taken
            for packet, boxes in self._cover.rest():
                self._encode(_covered(packet, boxes), first)
        packets = self._ring.between(first, last)
        numbers = [packet.number for packet in packets if packet.time >= first]
        if not (numbers and self._encoder):
            raise SinkError(f"the frames of the clip {event.id} were lost with what encoded them")
        write = partial(
            clip_packets.write_mp4,
            encoding=self._encoder.encoding,
            packets=packets,
            first=first,
        )
        size = sum(len(packet.data) + _BYTES_A_FRAME for packet in packets)
        self._folder.write(event, numbers, write, size, best)


def _pixels(jpeg: clip_packets.Packet) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR))


def _covered(jpeg: clip_packets.Packet, boxes: np.ndarray) -> clip_packets.Packet:
    """The same one if there is nothing to cover.  boxes: of faces, (n, 4)."""
    if not len(boxes):
        return jpeg
    return replace(jpeg, data=clip_packets.to_jpeg(covered(_pixels(jpeg), boxes)))


def main(settings: str) -> None:
    """Do what comes, until who says so has ended or interrupts it.

    settings: of a ClipMaker, pickled, in hexadecimal.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # of all of a service: the runner still has clips
    signal.signal(signal.SIGINT, lambda *_: sys.exit())
    os.nice(_LOWER_BY)
    maker = ClipMaker(*pickle.loads(bytes.fromhex(settings)))
    while True:
        try:
            method, arguments = pickle.load(sys.stdin.buffer)
            problem = ""
            try:
                getattr(maker, method)(*arguments)
            except (EdgeError, OSError, av.error.FFmpegError) as error:
                problem = str(error)
            os.write(sys.stdout.fileno(), pickle.dumps(problem))
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
