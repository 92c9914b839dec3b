"""The machine's measured limits, and how near a part comes to them."""

from benchmarks.roofline.bandwidth import Bandwidth, measure_bandwidth
from benchmarks.roofline.peak import Peak, measure_peak
from benchmarks.roofline.point import (
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
