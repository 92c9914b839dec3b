"""Latencies that others published, of networks that anyone can build: what the model is fitted to.

`data/anchors.csv` holds the figures, `data/anchor_sources.toml` who published them where, and
`data/anchor_work.csv` what each network asks of each kind of core (`make anchors` counts anew).
"""

import functools
from dataclasses import dataclass

from devices.prediction.cores import Processor, microarchitectures
from devices.prediction.model import Observation
from devices.prediction.tables import rows
from devices.prediction.work import Work

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
