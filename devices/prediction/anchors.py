"""What the latency model is fitted to: latencies that others published, and instructions counted."""

import functools
from dataclasses import dataclass

from edge_devices.prediction.cores import Processor, Work, microarchitectures
from edge_devices.prediction.instructions import rows
from edge_devices.prediction.model import Observation

_CORES = 4  # of every board in the table; a Pixel 4 has four such cores, too


@dataclass(frozen=True)
class Anchor:
    """One published figure.  source: key into `data/anchor_sources.toml`."""

    source: str
    network: str
    precision: str
    observation: Observation


@functools.cache
def published() -> tuple[Anchor, ...]:
    """All shipped anchors, in the order of the table."""
    work = {
        (row["network"], row["precision"], row["kernels"]): Work(
            int(row["instructions"]),
            int(row["weight_bytes"]),
            int(row["tensor_bytes"]),
            int(row["operators"]),
            counted=True,
        )
        for row in rows("anchor_work.csv")
    }
    return tuple(_anchor(row, work) for row in rows("anchors.csv"))


def _anchor(row: dict[str, str], work: dict[tuple[str, str, str], Work]) -> Anchor:
    core, own_scale = microarchitectures()[row["microarchitecture"]], row["own_scale"] == "yes"
    board = row["board"]
    return Anchor(
        row["source"],
        row["network"],
        row["precision"],
        Observation(
            work[row["network"], row["precision"], core.kernels],
            Processor(board, core, _CORES, float(row["clock_ghz"]), float(row["bandwidth_gb_s"])),
            int(row["threads"]),
            float(row["ms"]),
            f"{board} {row['source']}" if own_scale else board,
            own_scale,
        ),
    )
