"""Where the time of an inference goes, in four terms; each is the least that it could take.

The roofline's reasoning (Williams, Waterman, Patterson, CACM 52(4), 2009) taken term by term:
issue of instructions, weights streamed from a second-level cache, tensors through memory, and
threads that wait for each other after each operator. How far above its least each term is, is
fitted (`devices.prediction.model`).
"""

import numpy as np

from devices.prediction.cores import Processor
from devices.prediction.work import Work

TERMS = ("instructions", "weights through the cache", "memory", "threads waiting")
_BARRIER_CYCLES = 10_000


def least_ms(work: Work, processor: Processor, threads: int) -> np.ndarray:
    """The four terms, float64 (4,), in milliseconds, for so many threads on cores of their own."""
    cycles_a_ms, core = processor.clock_ghz * 1e6, processor.core
    caches = 1 if core.l2_shared else threads
    return np.array(
        [
            work.instructions / (core.issue_width * threads) / cycles_a_ms,
            work.weight_bytes / (core.l2_bytes_a_cycle * caches) / cycles_a_ms,
            work.tensor_bytes / (processor.bandwidth_gb_s * 1e6),
            (threads > 1) * work.operators * _BARRIER_CYCLES / cycles_a_ms,
        ]
    )
