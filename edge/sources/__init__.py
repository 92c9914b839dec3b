"""Where frames come from; a file and a camera are used the same way. One kind is one file here."""

import math
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.registry import Endpoint, EndpointKind, Registry
from edge_common import Closable, SourceError, without_passwords

if TYPE_CHECKING:
    from edge.sources.connection import Gaps
    from edge.stream import Frame


@dataclass(frozen=True)
class FrameNeeds:
    """How large frames are looked at: a source may deliver smaller ones than it has.

    size: width and height of the network's input, pixels; None: frames are wanted as they are.
    keeps_aspect: frames must cover that size undistorted; else they may have it exactly.
    """

    size: tuple[int, int] | None = None
    keeps_aspect: bool = False

    def jpeg_halvings(self, width: int, height: int) -> int:
        """How often a JPEG decoder may halve frames of that size: three times at most."""
        if self.size is None:
            return 0
        times = min(width // self.size[0], height // self.size[1])
        return min(max(times.bit_length() - 1, 0), _MOST_HALVINGS)


_MOST_HALVINGS = 3  # that libjpeg and FFmpeg have
WHOLE = FrameNeeds()


class Source(Closable, ABC):
    """Frames in order, once; closed when left, and may be closed twice.

    name: what the user called it, without passwords.  address: what it was opened as.
    live: whether frames come by the clock.
    rate_hz: frames a second that it announces, 0 if it does not.
    total: number of frames if known.  dropped: frames that arrived but were
    overtaken by newer ones.  skipped: images that could not be read.
    recording: the one file that all its frames, and their times, are of; "": there is none.
    notify: called, from any thread, when what `ready` says may have changed.
    warning: what a user should know of losses, once it has come to its end; "" if nothing.
    """

    live: bool = False
    total: int | None = None
    rate_hz: float = 0.0
    warning: str = ""
    recording: str = ""

    def __init__(self, name: str) -> None:
        self.name = self.address = without_passwords(name)
        self.dropped = 0
        self.skipped = 0
        self.notify: Callable[[], object] = lambda: None

    def rename(self, name: str) -> None:
        """Call it so from now on, as there is another one of its name."""
        self.name = name

    def begin(self) -> None:
        """A run begins: what newer frames of a camera have overtaken by now is no loss of it."""

    def ready(self) -> bool:
        """Whether its next frame, or its end, need not be waited for."""
        return True

    def has_time(self, seconds: float) -> bool:
        """Whether its newest frame may take so much longer, and no frames are lost by that."""
        return True

    def measured_hz(self) -> float:
        """Frames a second that a live source gave of late; 0 until that is known."""
        return 0.0

    def silence_s(self) -> float:
        """Since when no frame came from a live source; 0 for one that is asked for them."""
        return 0.0

    def stall_after_s(self) -> float:
        """Silent for longer, a live source is in a gap, and says so, unless its reader hangs."""
        return math.inf

    @property
    def gaps(self) -> "Gaps | None":
        """Of a live source, with the one that lasts; None: it has none."""
        return None

    def gap_s(self) -> float:
        """So long a gap of a live source is by now; 0 if frames come."""
        return 0.0

    @abstractmethod
    def __iter__(self) -> Iterator["Frame"]:
        """Deliver frames; raise SourceLost if they stop before their end."""


IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm")
VECTORS = "vectors"
VECTOR_SUFFIXES = (".csv", ".jsonl", ".npz")
# what FFmpeg reads from
_PROTOCOLS = (
    "rtsp", "rtsps", "rtmp", "rtmps", "rtmpe", "rtmpt", "rtmpte", "rtmpts", "rtp", "srtp", "sdp",
    "http", "https", "httpproxy", "icecast", "hls", "mms", "mmsh", "mmst", "srt", "rist",
    "udp", "udplite", "tcp", "tls", "sctp", "unix", "ftp", "sftp", "gopher", "gophers", "amqp",
    "zmq", "smb", "ssh", "ipfs", "ipns", "bluray", "file", "fd", "pipe", "data", "concat",
    "concatf", "subfile", "async", "cache", "crypto", "ffrtmphttp", "ffrtmpcrypt", "prompeg",
)  # fmt: skip


def _is_camera(text: str) -> bool:
    """An index, a device file such as /dev/video0, or a GStreamer pipeline."""
    is_index = text.isdecimal() and not os.path.exists(text)
    return is_index or text.startswith("/dev/v") or " ! " in text


def _camera_devices(target: str) -> tuple[str, ...]:
    """Those of V4L, and unless it is surely one of these, those of CSI cameras."""
    csi = () if target.startswith("/dev/video") else ("char-media", "char-dma_heap")
    return ("char-video4linux", *csi)


def _is_pipe(text: str) -> bool:
    """Standard input, or a named pipe."""
    return text == "-" or (os.path.exists(text) and stat.S_ISFIFO(os.stat(text).st_mode))


def _holds_images(path: str) -> bool:
    if os.path.isfile(path):
        return path.lower().endswith(IMAGE_SUFFIXES)
    return os.path.isdir(path) or any(mark in path for mark in "*?[")


def _holds_vectors(path: str) -> bool:
    return path.lower().endswith(VECTOR_SUFFIXES) and os.path.isfile(path)


def is_footage(text: str) -> bool:
    """Whether this is rather something to run on than a network: a film, images or a URL."""
    suffixes = (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES)
    names = os.listdir(text) if os.path.isdir(text) else [text]
    return "://" in text or any(name.lower().endswith(suffixes) for name in names)


def is_playlist(url: str) -> bool:
    """By its name: of HLS or DASH."""
    return re.split("[?#]", url)[0].lower().endswith((".m3u8", ".mpd"))


KINDS: tuple[EndpointKind, ...] = (
    EndpointKind(
        "camera", "edge.sources.camera", "Camera: see --camera.", "N",
        "width=PIXELS,height=PIXELS,rate=HZ,fourcc=CODE,stall_after=S,give_up_after=S,wait=1",
        schemes=("csi",), matches=_is_camera, devices=_camera_devices,
    ),
    EndpointKind(
        "fifo", "edge.sources.piped", "Named pipe, or - for standard input.", "PATH",
        "stdin_format=FORMAT,stall_after=S", matches=_is_pipe,
    ),
    EndpointKind(
        "images", "edge.sources.images", "Image, or a folder or quoted glob of images, else videos.", "PATH",
        "rate=HZ", matches=_holds_images,
    ),
    EndpointKind(
        "snapshot", "edge.sources.snapshot", "Image on a web server, asked for again and again.",
        "URL", "rate=HZ,login=SECRET,insecure=1,stall_after=S,give_up_after=S,wait=1",
    ),
    EndpointKind(
        VECTORS, "edge.sources.vectors", "Vectors of features: .npz, .csv or .jsonl; - for JSON lines on "
        "standard input.", "PATH", "rate=HZ", matches=_holds_vectors,
    ),
    EndpointKind("video", "edge.sources.video", "Video file.", "PATH", matches=os.path.isfile),
    EndpointKind(
        "stream", "edge.sources.network", "What FFmpeg reads by rtsp, http, udp, ...", "URL",
        "decoder=NAME,transport=tcp|udp,login=SECRET,insecure=1,stall_after=S,give_up_after=S,wait=1",
        schemes=_PROTOCOLS,
    ),
)  # fmt: skip


def registry() -> Registry:
    """All kinds of sources."""
    return Registry("source", SourceError, KINDS, fallback="video")


def find_source(text: str | int) -> Endpoint:
    """What a text, or a camera's index, asks for. Raises SourceError for an unknown kind."""
    if isinstance(text, int):
        return registry().named("camera", str(text))
    is_whole = os.path.exists(text) or (" ! " in text and not text.startswith("camera:"))
    return registry().path(text) if is_whole else registry().find(text)


def open_source(source: str | int | Endpoint, needs: FrameNeeds = WHOLE) -> Source:
    """Open a camera index, a video file, a folder or glob of images, or a stream's URL.

    needs: what of its frames is looked at.  Raises SourceError with what to do if nothing can be read there.
    """
    request = source if isinstance(source, Endpoint) else find_source(source)
    opened: Source = registry().open(request, needs)
    return opened
