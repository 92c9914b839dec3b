"""Instructions that XNNPACK's kernels spend on each unit of work, on each kind of core.

`data/instructions.csv` is fitted to exact counts of 30 networks (`make anchors`), by least squares
with no negative figure (Lawson and Hanson, Solving Least Squares Problems, chapter 23).
"""

import functools

from devices.errors import DeviceError
from devices.prediction.tables import rows

# of the logarithm of an estimate over the count, as `make anchors` prints it, each network left out
ESTIMATE_SPREAD = 0.11


@functools.cache
def instructions_per_unit(kernels: str) -> dict[tuple[str, str], float]:
    """(kind, precision) -> instructions, for one core's kernels; raises DeviceError for an unknown core."""
    table = {
        (row["kind"], row["precision"]): float(row["instructions"])
        for row in rows("instructions.csv")
        if row["kernels"] == kernels
    }
    if not table:
        raise DeviceError(f"no instruction counts are known of '{kernels}'")
    return table
