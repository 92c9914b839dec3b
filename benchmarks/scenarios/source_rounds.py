"""How edge-run is measured on cameras of the network: the whole way, several at once, outages."""

from __future__ import annotations

import contextlib
import io
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from edge_benchmarks.scenarios import base
from edge_common import EngineError

if TYPE_CHECKING:
    from edge import sources
    from edge_benchmarks.measure import live_run

VIDEO_HZ = 25.0
CODECS = {
    "h264": "-pix_fmt yuv420p -c:v libx264 -preset veryfast -b:v 2500k -maxrate 2500k -bufsize 2500k -g 50",
    "mjpeg": "-pix_fmt yuvj420p -c:v mjpeg -q:v 4",
}
_PATTERN = "testsrc2=size={}x{}:rate={:g}:duration=5,noise=alls=4:allf=t"
_MOST_SPEED = 2.5
_LOAD = 0.4  # of a core, by decoding and engines: the rest leaves no frame waiting
_SETTLING = 75  # frames that are not measured: the start, and what came meanwhile
_STEP = math.sqrt(2)  # between two rates that are tried
_LOWEST_HZ = 6.0
_DELIVERED = 0.75  # of a rate that counts
_LOAD_FRAMES = 100  # of each source
_OUTAGE_S, _MOST_S, _POLL_S = 2.0, 60.0, 0.005


@dataclass(frozen=True)
class WholeWay:
    """Milliseconds of processor time a frame, user and system; one value a round.

    whole_ms: of edge-run and its children, from encoded bytes to a decision's JSON line.
    decode_ms: of `ffmpeg -threads 1 -f null -`.  engine_ms: of the parts, each invoked once.
    rate_hz: at which frames came.  dropped: of all rounds.
    """

    rate_hz: float
    whole_ms: base.Series = ()
    decode_ms: base.Series = ()
    engine_ms: base.Series = ()
    dropped: int = 0

    @property
    def least_ratio(self) -> float:
        """Of the least of each: what other programs do can only add time."""
        return min(self.whole_ms) / (min(self.decode_ms) + min(self.engine_ms))

    @property
    def ratios(self) -> base.Series:
        """Of the whole way to decoding and engines by themselves."""
        bare_ms = map(sum, zip(self.decode_ms, self.engine_ms))
        return tuple(whole / bare for whole, bare in zip(self.whole_ms, bare_ms))

    def with_round(self, whole: live_run.Usage, decode_ms: float, engine_ms: float) -> WholeWay:
        return replace(
            self,
            whole_ms=(*self.whole_ms, 1e3 * whole.cpu_s / whole.frames),
            decode_ms=(*self.decode_ms, decode_ms),
            engine_ms=(*self.engine_ms, engine_ms),
            dropped=self.dropped + whole.dropped,
        )


@dataclass(frozen=True)
class StreamLoad:
    """Several sources in one edge-run, at the highest rate that was tried without a drop.

    rate_hz: of each source; 0: there was none.  cores: processor seconds a second.
    pss_bytes: of all its processes.  runner_pss_bytes: without its children.
    """

    streams: int
    rate_hz: float = 0.0
    cores: float = 0.0
    pss_bytes: int | None = None
    runner_pss_bytes: int | None = None


@dataclass(frozen=True)
class Outages:
    """Seconds, one value a round.

    noticed_s: until it is known that nothing comes.  back_s: from the server's return to a frame.
    """

    noticed_s: base.Series = ()
    back_s: base.Series = ()


class SourceRounds:
    """The measurements, each by itself. Raises SourceError without ffmpeg."""

    def __init__(self, inputs: base.Inputs, size: tuple[int, int], folder: Path) -> None:
        self._inputs, self._size, self._folder = inputs, size, folder
        self._cores = inputs.engine.threads
        for codec in CODECS:
            self._encode(codec)

    @property
    def video(self) -> str:
        """What is sent."""
        return "test pattern" if self._inputs.frames.uri is None else self._inputs.frames.origin

    def whole_way(self, codec: str) -> WholeWay:
        """Without a round yet, at a rate that leaves a core time."""
        busy_s = (self._decode_ms(codec) + self._engine_ms) / 1e3
        return WholeWay(min(_MOST_SPEED * VIDEO_HZ, _LOAD / busy_s))

    def with_round(self, way: WholeWay, codec: str) -> WholeWay:
        """All on as many cores as parts have threads: two busy ones slow each other down."""
        from edge_benchmarks.measure import live_run

        with live_run.on_few_cores(self._cores):
            decode_ms, engine_ms = self._decode_ms(codec), self._engine_ms
        usage = self._run(codec, way.rate_hz, 1, self._inputs.plan.frames, self._cores)
        return way.with_round(usage, decode_ms, engine_ms)

    def load(self, streams: int) -> StreamLoad:
        """The highest rate of steps of 41 %, up or down from one that leaves time."""
        rate_hz = self.whole_way("h264").rate_hz * _STEP / streams
        best = self._load_at(rate_hz, streams)
        factor = _STEP if best else 1 / _STEP
        while rate_hz * factor > _LOWEST_HZ:
            rate_hz *= factor
            load = self._load_at(rate_hz, streams)
            if factor > 1 and load is None:
                break
            best = load
            if factor < 1 and load:
                break
        return best or StreamLoad(streams)

    def _load_at(self, rate_hz: float, streams: int) -> StreamLoad | None:
        """None if frames were dropped, or the server, which has no more, did not give so many."""
        frames = min(_LOAD_FRAMES, self._inputs.plan.frames)
        usage = self._run("h264", rate_hz, streams, frames)
        if usage.dropped or usage.frames < _DELIVERED * rate_hz * streams * usage.wall_s:
            return None
        cores = usage.cpu_s / usage.wall_s
        return StreamLoad(streams, rate_hz, cores, usage.pss_bytes, usage.runner_pss_bytes)

    def _run(
        self, codec: str, rate_hz: float, streams: int, frames: int, cores: int | None = None
    ) -> live_run.Usage:
        from edge_benchmarks.measure import live_run, processes, video_server

        command = processes.edge_run(self._inputs.bundle_name, self._inputs.engine)
        with contextlib.ExitStack() as stack:
            speed = rate_hz / VIDEO_HZ
            server = stack.enter_context(video_server.VideoServer(self._path(codec), speed))
            urls = [f"{server.url}{number}" for number in range(streams)]
            run = stack.enter_context(live_run.LiveRun(command, urls, cores))
            run.measure(streams * _SETTLING)
            return run.measure(streams * frames)

    def _path(self, codec: str) -> Path:
        """Time stamps of a container that can be played ever again; those of MPEG-TS overlap."""
        return self._folder / f"{codec}.mkv"

    def _encode(self, codec: str) -> None:
        import cv2

        from edge_benchmarks.measure.video_server import run_ffmpeg

        width, height = self._size
        pixels = self._inputs.frames.pixels if self._inputs.frames.uri else ()
        source = ["-f", "lavfi", "-i", _PATTERN.format(width, height, VIDEO_HZ)]
        if pixels:
            size, rate = f"{width}x{height}", f"{VIDEO_HZ:g}"
            source = f"-f rawvideo -pix_fmt bgr24 -s {size} -r {rate} -i pipe:0".split()
        images = (cv2.resize(each, self._size, interpolation=cv2.INTER_AREA) for each in pixels)
        encoder = CODECS[codec].split()
        run_ffmpeg(*source, *encoder, self._path(codec), images=map(bytes, images))

    def _decode_ms(self, codec: str) -> float:
        """A frame, the start left out."""
        from edge_benchmarks.measure.video_server import run_ffmpeg

        frames = self._inputs.plan.frames
        source = ["-threads", 1, "-stream_loop", -1, "-i", self._path(codec)]
        first, all_frames = (
            run_ffmpeg(*source, "-frames:v", count, "-f", "null", "-")
            for count in (_SETTLING, _SETTLING + frames)
        )
        return 1e3 * max(all_frames - first, 0.0) / frames

    @cached_property
    def _engines(self) -> list[Callable[[], None]]:
        engines = self._inputs.stream().network.engines.values()
        return [engine.invoke for engine in engines]

    @property
    def _engine_ms(self) -> float:
        frames = self._inputs.plan.frames
        for number in range(_SETTLING + frames):
            if number == _SETTLING:
                started_s = time.process_time()
            for invoke in self._engines:
                invoke()
        return 1e3 * (time.process_time() - started_s) / frames

    def outages(self, rounds: int) -> Iterator[tuple[str, Outages]]:
        """What is known after each: a server that freezes, and one that dies and is started again."""
        from edge import sources
        from edge_benchmarks.measure.video_server import VideoServer

        frozen, dead = Outages(), Outages()
        with contextlib.redirect_stderr(io.StringIO()), contextlib.ExitStack() as stack:
            server = stack.enter_context(VideoServer(self._path("mjpeg")))
            needs = sources.FrameNeeds(self._inputs.bundle.manifest.input.size)
            source = stack.enter_context(sources.open_source(server.url, needs))
            viewer = Viewer(source)
            for number in range(rounds):
                pause_s = _OUTAGE_S + number / rounds  # as pauses between attempts are whole
                viewer.let_flow()
                server.freeze()
                noticed_s = viewer.time_to_stall()
                time.sleep(pause_s)
                server.thaw()
                back_s = viewer.time_to_frame()
                frozen = Outages((*frozen.noticed_s, noticed_s), (*frozen.back_s, back_s))
                yield "freeze", frozen
                viewer.let_flow()
                server.close()
                time.sleep(pause_s)
                server.start()
                dead = Outages((), (*dead.back_s, viewer.time_to_frame()))
                yield "restart", dead


class Viewer:
    """Takes a live source's frames in a thread of its own.

    Raises EngineError if what it waits for does not come.
    """

    _FLOWING = 30  # frames, more than a rate needs to be known

    def __init__(self, source: sources.Source) -> None:
        assert source.gaps is not None
        self._source, self._frames, self._restart_s = source, 0, 0.0
        threading.Thread(target=self._read, daemon=True).start()

    def let_flow(self) -> None:
        enough = self._frames + self._FLOWING
        self._wait(lambda: self._frames >= enough)

    def time_to_stall(self) -> float:
        """Seconds from now."""
        before = self._stalls()
        return self._wait(lambda: self._stalls() > before)

    def _stalls(self) -> int:
        return self._source.gaps.stalls if self._source.gaps else 0

    def time_to_frame(self) -> float:
        """Seconds from now to the first one behind a gap."""
        began_s = time.monotonic()
        self._wait(lambda: self._restart_s > began_s)
        return self._restart_s - began_s

    def _wait(self, condition: Callable[[], bool]) -> float:
        began_s = time.monotonic()
        while not condition():
            if time.monotonic() - began_s > _MOST_S:
                raise EngineError(f"{self._source.name} was silent for {_MOST_S:g} s")
            time.sleep(_POLL_S)
        return time.monotonic() - began_s

    def _read(self) -> None:
        for frame in self._source:
            self._frames += 1
            if frame.restart:
                self._restart_s = frame.captured_at
