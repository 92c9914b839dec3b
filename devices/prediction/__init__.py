"""Latency on a board that is not here, predicted from instruction counts and published figures.

Nothing here is a measurement: every figure that comes out of this package is *predicted*.
"""

from edge_devices.prediction.cores import Work, instructions_per_unit, processor_of
from edge_devices.prediction.fitted import latency_model, predicted
from edge_devices.prediction.measured import Anchor, published
from edge_devices.prediction.model import CONFIDENCE, Latency, LatencyModel, Observation

__all__ = [
    "CONFIDENCE", "Anchor", "Latency", "LatencyModel", "Observation", "Work", "instructions_per_unit",
    "latency_model", "predicted", "processor_of", "published",
]  # fmt: skip
