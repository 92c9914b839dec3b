"""What a machine tells about its state while it works: heat, clocks, throttling, power."""

from edge_devices.telemetry.energy import EnergyMeter
from edge_devices.telemetry.sampler import Sample, Sampler, Snapshot, TimeLine, read_snapshot

__all__ = ["EnergyMeter", "Sample", "Sampler", "Snapshot", "TimeLine", "read_snapshot"]
