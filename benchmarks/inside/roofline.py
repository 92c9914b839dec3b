"""Where a part stands under the roof: how much it works for each byte, and what bounds it.

S. Williams, A. Waterman, D. Patterson, 2009, "Roofline: an insightful visual performance
model for multicore architectures".
"""

from collections.abc import Callable
from dataclasses import dataclass

from edge.stream import StreamOptions
from edge.tflite.operators import read_operators
from edge_benchmarks.inside.bandwidth import Bandwidth, measure_bandwidth
from edge_benchmarks.inside.peak import PRECISIONS, Peak, measure_peak

_VIEWS = frozenset({"EXPAND_DIMS", "RESHAPE", "SQUEEZE"})  # move nothing
COMPUTE, MEMORY = "compute", "memory"


@dataclass(frozen=True)
class Roof:
    """What was measured of the machine, for one thread and for as many as were asked for."""

    peaks: tuple[Peak, ...]
    bandwidths: tuple[Bandwidth, ...]

    def peak(self, precision: str, threads: int) -> Peak:
        return next(p for p in self.peaks if (p.precision, p.threads) == (precision, threads))

    def bandwidth(self, threads: int) -> Bandwidth:
        return next(b for b in self.bandwidths if b.threads == threads)


@dataclass(frozen=True)
class Work:
    """One invocation of a part.

    operations: two a multiply-add.
    bytes_moved: weights, inputs and outputs of each operator, as if none were fused and
    nothing stayed in a cache.
    precision: `int8` if most of it is multiplied by integers, else `float32`.
    """

    operations: int
    bytes_moved: int
    precision: str

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return self.operations / self.bytes_moved if self.bytes_moved else 0.0


@dataclass(frozen=True)
class RooflinePoint:
    """A part under the roof.

    gops: what it reaches, 1e9 operations a second.  share_of_peak: of the measured peak.
    attainable_gops: the roof above it: the peak, or what the memory can feed if that is less.
    share_of_roof: above 1 if the caches feed it faster than the memory could.
    bound: `compute` or `memory`.
    """

    precision: str
    threads: int
    operations: int
    bytes_moved: int
    intensity: float
    gops: float
    share_of_peak: float
    attainable_gops: float
    share_of_roof: float
    bound: str


def measure_roof(
    options: StreamOptions, seconds: float = 0.3, on_step: Callable[[], None] = lambda: None
) -> Roof:
    """Run the two micro-benchmarks for each number of threads; `on_step` after each of them.

    seconds: for each shape of a matrix product. Raises EngineError if no model for
    them can be made, or the engine refuses it.
    """
    peaks, bandwidths = [], []
    for threads in thread_counts(options):
        engine = StreamOptions(options.runtime, threads, options.delegate)
        for precision in PRECISIONS:
            peaks.append(measure_peak(precision, engine, seconds))
            on_step()
        bandwidths.append(measure_bandwidth(threads))
        on_step()
    return Roof(tuple(peaks), tuple(bandwidths))


def thread_counts(options: StreamOptions) -> list[int]:
    """One thread, and the number asked for."""
    return sorted({1, options.threads})


def steps(options: StreamOptions) -> int:
    """How often `measure_roof` calls `on_step`."""
    return len(thread_counts(options)) * (len(PRECISIONS) + 1)


def work_of(model: bytes) -> Work:
    """What one invocation of a .tflite does. Raises EngineError without LiteRT."""
    operators = read_operators(model)
    total = sum(o.multiply_adds for o in operators)
    by_integers = sum(o.multiply_adds for o in operators if o.integer)
    bytes_moved = sum(o.bytes_moved for o in operators if o.name not in _VIEWS)
    return Work(2 * total, bytes_moved, "int8" if 2 * by_integers > total else "float32")


def place(work: Work, latency_ms: float, roof: Roof, threads: int) -> RooflinePoint:
    """Put a part that takes `latency_ms` (p50) under the roof of this many threads."""
    peak, bandwidth = roof.peak(work.precision, threads).gops, roof.bandwidth(threads).best_gb_s
    fed = work.intensity * bandwidth
    reached, attainable = work.operations / (latency_ms * 1e6), min(peak, fed)
    return RooflinePoint(
        precision=work.precision,
        threads=threads,
        operations=work.operations,
        bytes_moved=work.bytes_moved,
        intensity=work.intensity,
        gops=reached,
        share_of_peak=reached / peak,
        attainable_gops=attainable,
        share_of_roof=reached / attainable if attainable else 0.0,
        bound=COMPUTE if fed >= peak else MEMORY,
    )
