"""Instructions that XNNPACK's kernels spend on each unit of work, on each kind of core."""

import csv
import functools
from collections.abc import Iterator
from importlib import resources

from edge_common.errors import DeviceError


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a table in `devices/data/`, each by column."""
    text = resources.files("edge_devices").joinpath("data", name).read_text("utf-8")
    return csv.DictReader(text.splitlines())


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
