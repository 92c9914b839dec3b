"""What a machine tells about its state while it works: heat, clocks, throttling, power."""

from devices.telemetry.energy import EnergyMeter
from devices.telemetry.sampler import Sample, Sampler, TimeLine
from devices.telemetry.snapshot import Snapshot, read_snapshot

__all__ = ["EnergyMeter", "Sample", "Sampler", "Snapshot", "TimeLine", "read_snapshot"]
