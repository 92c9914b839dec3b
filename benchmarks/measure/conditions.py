"""How it is measured: the frames that are timed, and what has to agree between two records."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from edge import sources, stream
from edge.bundle import Bundle
from edge.check.clips import Clips
from edge.engine import delegate, runtimes
from edge_benchmarks.measure.timing import Plan
from edge_common import BundleError, SinkError, without_passwords

Pixels = np.ndarray  # of a frame: uint8 BGR (H, W, 3), or a vector float32 (F,)


@dataclass(frozen=True)
class FrameSet:
    """The frames that were timed: where they are from, how many and how large; a vector is a row."""

    source: str
    count: int
    height: int
    width: int


@dataclass(frozen=True)
class Setup:
    """How it was measured: what has to agree before two records may be compared.

    delegate: as asked for; `auto` is the runtime's own choice.
    device: `emulated:BOARD` if that board was emulated: then every latency is predicted.
    """

    runtime: str
    runtime_version: str
    threads: int
    delegate: str
    frames: FrameSet
    min_frames: int
    min_seconds: float
    rounds: int
    warmup_frames: int
    device: str = ""

    @classmethod
    def of(cls, options: stream.StreamOptions, frames: FrameSet, plan: Plan) -> "Setup":
        """Raises EngineError if the runtime is not installed."""
        runtime = runtimes.load(options.runtime)
        return cls(
            runtime=runtime.name,
            runtime_version=runtime.version,
            threads=options.board.threads if options.board else options.threads,
            delegate=str(options.delegate),
            frames=frames,
            min_frames=plan.frames,
            min_seconds=plan.seconds,
            rounds=plan.rounds,
            warmup_frames=plan.warmup,
            device=options.device,
        )

    def settings(self, *, left_out: bool) -> dict[str, str]:
        """What changes the meaning of a frame's time, in words.

        left_out: whether the delegate was not used in the end.
        """
        # xnnpack and auto differ in words alone
        is_default = self.delegate == delegate.XNNPACK
        label = delegate.label_of(delegate.DEFAULT if is_default else self.delegate)
        return {
            "runtime": f"{self.runtime} {self.runtime_version}",
            "threads": str(self.threads),
            "delegate": f"{label} (left out)" if left_out else label,
            "device": self.device or "this machine",
            "frames": f"{self.frames.count} of {self.frames.width} x {self.frames.height}",
        }

    @property
    def engine(self) -> str:
        """`litert 2.3.0, 2 threads, delegate x.so, predicted (emulated:pi-4)`."""
        threads = f"{self.threads} thread" + ("s" if self.threads > 1 else "")
        label = delegate.label_of(self.delegate)
        suffix = "" if self.delegate == delegate.DEFAULT else f", delegate {label}"
        predicted = f", predicted ({self.device})" if self.device else ""
        return f"{self.runtime} {self.runtime_version}, {threads}{suffix}{predicted}"


MAX_FRAMES = 120
_MORE_THAN_A_WINDOW = 4  # frames, enough to see that each costs the same


@dataclass(frozen=True)
class BenchFrames:
    """Frames and where they are from.

    uri: what edge-run can read them from itself, or None.
    """

    origin: str
    pixels: tuple[Pixels, ...]
    uri: str | None = None

    def describe(self) -> FrameSet:
        height, width = (1, *self.pixels[0].shape[:2])[-2:]
        return FrameSet(self.origin, len(self.pixels), height, width)

    @property
    def _are_vectors(self) -> bool:
        return self.pixels[0].ndim == 1

    @contextmanager
    def readable(self, count: int) -> Iterator[str]:
        """Where another process finds `count` of them; in files for so long, if need be."""
        if self.uri is not None:
            yield self.uri
            return
        with TemporaryDirectory(prefix="edge-bench-") as folder:
            if self._are_vectors:
                path = Path(folder, "vectors.npz")
                np.savez(path, vectors=np.resize(self.pixels, (count, len(self.pixels[0]))))
                yield str(path)
                return
            self.write_images(Path(folder), count)
            yield folder

    def write_images(self, folder: Path, count: int) -> None:
        """Write `count` frames as PNG files, from the first again after the last."""
        for number in range(count):
            picture = self.pixels[number % len(self.pixels)]
            if not cv2.imwrite(str(folder / f"{number:05}.png"), picture):
                raise SinkError(f"{folder} cannot be written: free some space")


def choose_frames(bundle: Bundle, clips: Clips | None, source: str | None) -> BenchFrames:
    """From `source` if given, else of the clips, else the bundle's golden frames.

    Raises SourceError if the source delivers none, BundleError if nothing is given
    and the bundle holds none.
    """
    if source is not None:
        return _from_source(source)
    if clips is not None:
        return _from_stored(clips.short_name, clips.windows, bundle)
    if "frames" in bundle.golden:
        return _from_stored("golden frames", [bundle.golden["frames"]], bundle)
    raise BundleError(
        f"{bundle.manifest.name} holds no golden frames to measure with: give --source or --data"
    )


def golden_or_black(bundle: Bundle) -> np.ndarray:
    """The golden frames, uint8 RGB (N, H, W, 3) or vectors (N, F); else of zeros, which cost as much."""
    if "frames" in bundle.golden:
        return bundle.golden["frames"]
    spec, window = bundle.manifest.input, bundle.manifest.window
    if spec.is_features:
        return np.zeros((window + _MORE_THAN_A_WINDOW, spec.width), np.float32)
    return np.zeros((window + _MORE_THAN_A_WINDOW, spec.height, spec.width, 3), np.uint8)


def frames_of(bundle: Bundle) -> BenchFrames:
    """What any bundle can be run on, if its answers do not matter."""
    return _from_stored("golden or black frames", [golden_or_black(bundle)], bundle)


def _from_source(uri: str) -> BenchFrames:
    with sources.open_source(uri) as source:
        pixels = tuple(frame.pixels for frame in islice(source, MAX_FRAMES))
    return BenchFrames(Path(without_passwords(uri)).name, pixels, uri)


def _from_stored(origin: str, windows: Iterable[np.ndarray], bundle: Bundle) -> BenchFrames:
    frames = (frame for window in windows for frame in window)
    pixels = (stream.from_stored(frame, bundle.manifest.input) for frame in frames)
    return BenchFrames(origin, tuple(islice(pixels, MAX_FRAMES)))
