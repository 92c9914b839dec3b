"""`ffmpeg` as a child process: it reads, decodes and scales, and only what is looked at comes here."""

import functools
import re
import shutil
import subprocess
from collections.abc import Sequence

from edge.sources import FrameNeeds, capture_process, formats, is_playlist
from edge_common import SourceError

_LOOK_US = "1000000"  # what comes meanwhile is old when it gets here; FFmpeg would take 5 s or more
_USUAL_SIZE = 640, 480  # of a camera that sends JPEG, or more
_PASSTHROUGH_SINCE = (5, 1)  # when -fps_mode took the place of -vsync
PIPES = ("pipe:", "fd:")
_URL = re.compile(r"^\S+://\S*: ")  # before the reason
_HINTS = {
    r"Connection refused": ": nothing listens there; check host and port",
    r"Invalid data found": ": what answers is no such stream; check scheme, port and path",
    r"\b40[13]\b": ": its NAME:PASSWORD@ before the host is missing or wrong",
    r"\b404\b": ": give another address",
    r"[Ee]rror (while )?opening.* decoder": ": this machine has none of its hardware, or it is in use",
}
# what no later attempt changes
_NEVER = {
    r"Option \w+ not found|[Uu]nknown decoder": ": `ffmpeg -decoders` lists them",
    r"Protocol not found": ": `ffmpeg -protocols` lists what it reads",
}


def is_installed() -> bool:
    return shutil.which("ffmpeg") is not None


class FfmpegStream:
    """What ffmpeg reads at a URL; called, it opens it once more.

    needs: how large frames are looked at.  decoder: of ffmpeg, such as `h264_v4l2m2m`; "": its own
    choice.  transport: of rtsp, `tcp` or `udp`; "": tcp if the server has it.
    insecure: certificates are not verified.
    """

    def __init__(
        self,
        url: str,
        needs: FrameNeeds,
        *,
        decoder: str = "",
        transport: str = "",
        insecure: bool = False,
    ) -> None:
        self._url, self._needs, self._decoder = url, needs, decoder
        self._transport, self._insecure = transport, insecure
        self._is_pipe = url.startswith(PIPES)  # which can be opened but once
        # what else comes by http is noticed, at the price of one more connection
        self._is_playlist = is_playlist(url)
        is_jpeg = url.startswith(("http:", "https:")) and not self._is_playlist
        self._lowres = self._useful_lowres(_USUAL_SIZE) if is_jpeg else None

    def __call__(self, timeout_s: float) -> capture_process.CaptureProcess:
        """Raises SourceError if nothing can be read in that time, with ffmpeg's own reason."""
        capture = self._open(timeout_s)
        if (
            self._url.startswith("https:")
            and not self._insecure
            and _reads_playlist(capture.messages)
        ):
            from edge.sources import servers

            capture.close()
            raise SourceError(f"{self._url} {servers.UNVERIFIED_PLAYLIST}")
        capture.is_recording = _is_recording(capture.messages)
        lowres = self._fitting_lowres(capture.messages)
        if lowres != self._lowres and not capture.is_recording:
            capture.close()
            self._lowres = lowres
            capture = self._open(timeout_s)
        if not (capture.is_recording or self._is_pipe):
            capture.skip_backlog()
        return capture

    def _open(self, timeout_s: float) -> capture_process.CaptureProcess:
        return capture_process.CaptureProcess(
            self._url,
            self._command,
            timeout_s,
            formats.Yuv4Mpeg(),
            _reason,
            stdin=None if self._is_pipe else subprocess.DEVNULL,
        )

    @property
    def _command(self) -> list[str]:
        decoding = ["-threads", "1"]  # more of them hold frames back
        if self._decoder:
            decoding += ["-c:v", self._decoder]
        if self._lowres is not None:  # half a JPEG is no frame
            decoding += ["-lowres", str(self._lowres), "-err_detect", "explode"]
        return [
            "ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", "-fpsprobesize", "0",
            *decoding, *self._protocol, "-i", self._url,
            "-map", "0:v:0", *_passthrough(), "-filter_threads", "1", "-vf", _scaling(self._needs),
            "-f", "yuv4mpegpipe", "-flush_packets", "1", "pipe:1",
        ]  # fmt: skip

    @property
    def _protocol(self) -> Sequence[str]:
        scheme = self._url.partition(":")[0]
        if scheme in ("rtsp", "rtsps"):  # whose server says what comes, so that none has to look
            at_once = ["-probesize", "32", "-analyzeduration", "0"]
            if self._transport:
                return [*at_once, "-rtsp_transport", self._transport]
            return [*at_once, "-rtsp_flags", "prefer_tcp"]
        look = ["-analyzeduration", _LOOK_US]
        if self._is_playlist:  # whose segments come at once
            look.append("-re")
        if scheme == "https" and not self._insecure:
            from edge.sources import servers

            return ["-tls_verify", "1", "-ca_file", servers.trusted_file(), *look]
        return look

    def _fitting_lowres(self, messages: str) -> int | None:
        """That which it was opened with, or less if frames would be too small; None: no JPEG."""
        match = re.search(r": Video: mjpeg.*? (\d+)x(\d+)", messages)
        if not match or self._lowres is None:
            return None
        return min(self._lowres, self._useful_lowres((int(match[1]), int(match[2]))))

    def _useful_lowres(self, size: tuple[int, int]) -> int:
        """How often frames of that width and height can be halved before they are too small."""
        return 0 if self._decoder else self._needs.jpeg_halvings(*size)


def _is_recording(messages: str) -> bool:
    """Whether ffmpeg knows how long it lasts, so that it has an end."""
    return re.search(r"^  Duration: \d", messages, re.MULTILINE) is not None


def reads_image(messages: str) -> bool:
    """Whether ffmpeg found an image, and no stream or video."""
    return re.search(r"^Input #0, (image2|\w+_pipe),", messages, re.MULTILINE) is not None


def _reads_playlist(messages: str) -> bool:
    return re.search(r"^Input #0, (hls|dash|concat)", messages, re.MULTILINE) is not None


def _scaling(needs: FrameNeeds) -> str:
    """A filter for no larger frames than needed; small ones keep all of their colours' pixels.

    `area` has no shift (`fast_bilinear` has), and is no dearer. The limited range is what
    FFmpeg's own scaler goes back to if frames change their size.
    """
    if needs.size is None:
        size, pixels = "w=trunc(iw/2)*2:h=trunc(ih/2)*2", "yuv420p"
    else:
        width, height = needs.size
        aspect = ":force_original_aspect_ratio=increase" if needs.keeps_aspect else ""
        size, pixels = f"w='min({width},iw)':h='min({height},ih)'{aspect}", "yuv444p"
    return f"scale={size}:out_range=limited:out_color_matrix=bt601:flags=area,format={pixels}"


@functools.cache
def _passthrough() -> tuple[str, str]:
    """The option by which it neither repeats frames nor leaves any out."""
    try:
        text = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout
    except OSError as error:
        raise SourceError(f"ffmpeg cannot be started: {error.strerror}") from error
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", text)
    is_old = version and tuple(map(int, version.groups())) < _PASSTHROUGH_SINCE
    return ("-vsync" if is_old else "-fps_mode", "passthrough")


def _reason(messages: str) -> str:
    """The last line, or the one before it if a part of FFmpeg said that: it knows more.

    Raises ValueError for what it can never open.
    """
    lines = [line.strip() for line in messages.strip().splitlines()[-2:]]
    line = next(filter(capture_process.SPEAKER.match, lines), lines[-1])
    reason = capture_process.SPEAKER.sub("", _URL.sub("", line))
    reason = re.sub(r"Connection to \S+ failed: ", "", reason)  # its address has our options
    for pattern, hint in _NEVER.items():
        if re.search(pattern, messages):
            raise ValueError(reason + hint)
    hints = (text for pattern, text in _HINTS.items() if re.search(pattern, messages))
    return reason + next(hints, "")
