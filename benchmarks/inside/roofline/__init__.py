"""The machine's measured limits, and how near a part comes to them."""

from edge_benchmarks.inside.roofline.bandwidth import Bandwidth, measure_bandwidth
from edge_benchmarks.inside.roofline.peak import Peak, measure_peak
from edge_benchmarks.inside.roofline.point import (
    Roof,
    RooflinePoint,
    Work,
    measure_roof,
    place,
    steps,
    work_of,
)

__all__ = [
    "Bandwidth",
    "Peak",
    "Roof",
    "RooflinePoint",
    "Work",
    "measure_bandwidth",
    "measure_peak",
    "measure_roof",
    "place",
    "steps",
    "work_of",
]
