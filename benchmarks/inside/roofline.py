"""Where a part stands under the roof: how much it works for each byte, and what bounds it.

S. Williams, A. Waterman, D. Patterson, 2009, "Roofline: an insightful visual performance
model for multicore architectures".

How many bytes a second go through the memory is measured after STREAM (J. D. McCalpin, 1995,
"Memory bandwidth and machine balance in current high performance computers"): copy a = b and
triad a = b + s c over arrays of 8-byte numbers, each at least four times as large as the last
cache; bytes are those of the arrays named in the kernel; the best of several passes counts, the
first one is left out.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from edge.stream import StreamOptions
from edge.tflite.operators import read_operators
from edge_benchmarks.inside.peak import PRECISIONS, Peak, measure_peak
from edge_benchmarks.measure.timing import Clock
from edge_devices.detection.kernel_files import children, read_text, whole_number

_ITEM_BYTES = 8
_TIMES_LAST_CACHE = 4
_UNKNOWN_CACHE_BYTES = 8 << 20
_SHARE_OF_MEMORY = 1 / 8  # an array, of what is free; there are three
_PASSES = 6
_BLOCK = 1 << 15  # numbers whose product with s stays in the first caches
_SCALAR = 3.0
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Bandwidth:
    """1e9 bytes a second, read and written ones together.

    larger_than_cache: whether the arrays had the size that STREAM asks for.
    """

    threads: int
    copy_gb_s: float
    triad_gb_s: float
    array_bytes: int
    larger_than_cache: bool

    @property
    def best_gb_s(self) -> float:
        return max(self.copy_gb_s, self.triad_gb_s)


def last_cache_bytes(root: Path = Path("/")) -> int | None:
    """The largest cache of the first core, as sysfs tells it; None if it does not."""
    sizes = (
        read_text(index / "size")
        for index in children(root / "sys/devices/system/cpu/cpu0/cache", "index")
    )
    return max((size for size in map(_bytes, sizes) if size), default=None)


def measure_bandwidth(
    threads: int = 1, array_bytes: int | None = None, clock: Clock = time.perf_counter_ns
) -> Bandwidth:
    """Copy and triad by `threads` threads, each over its share of the arrays."""
    sufficient = _TIMES_LAST_CACHE * (last_cache_bytes() or _UNKNOWN_CACHE_BYTES)
    free = int(psutil.virtual_memory().available * _SHARE_OF_MEMORY)
    size = array_bytes or min(sufficient, free)
    numbers = size // _ITEM_BYTES
    a, b, c = (np.full(numbers, value) for value in (1.0, 2.0, 0.5))
    shares = _shares(numbers, threads)
    with ThreadPoolExecutor(threads) as pool:
        copy_ns = _best_ns(pool, lambda part: np.copyto(a[part], b[part]), shares, clock)
        triad_ns = _best_ns(pool, lambda part: _triad(a[part], b[part], c[part]), shares, clock)
    array_bytes_used = numbers * _ITEM_BYTES
    return Bandwidth(
        threads,
        2 * array_bytes_used / copy_ns,
        3 * array_bytes_used / triad_ns,
        array_bytes_used,
        size >= sufficient,
    )


def _triad(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    """a = b + s c, block by block: numpy has no such operation in one pass."""
    product = np.empty(min(_BLOCK, len(a)))
    for start in range(0, len(a), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(a)))
        scaled = product[: block.stop - start]
        np.multiply(c[block], _SCALAR, out=scaled)
        np.add(b[block], scaled, out=a[block])


def _best_ns(
    pool: ThreadPoolExecutor, work: Callable[[slice], None], shares: Sequence[slice], clock: Clock
) -> int:
    passes_ns = []
    for _ in range(_PASSES):
        started = clock()
        list(pool.map(work, shares))
        passes_ns.append(clock() - started)
    return max(min(passes_ns[1:]), 1)


def _shares(numbers: int, threads: int) -> list[slice]:
    edges = [numbers * i // threads for i in range(threads + 1)]
    return [slice(start, end) for start, end in zip(edges, edges[1:])]


def _bytes(size: str | None) -> int | None:
    """`32768K` in bytes."""
    if not size or size[-1] not in _UNITS:
        return whole_number(size, least=0)
    number = whole_number(size[:-1], least=0)
    return None if number is None else number * _UNITS[size[-1]]


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
class PartWork:
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


def work_of(model: bytes) -> PartWork:
    """What one invocation of a .tflite does. Raises EngineError without LiteRT."""
    operators = read_operators(model)
    total = sum(o.multiply_adds for o in operators)
    by_integers = sum(o.multiply_adds for o in operators if o.integer)
    bytes_moved = sum(o.bytes_moved for o in operators if o.name not in _VIEWS)
    return PartWork(2 * total, bytes_moved, "int8" if 2 * by_integers > total else "float32")


def place(work: PartWork, latency_ms: float, roof: Roof, threads: int) -> RooflinePoint:
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
