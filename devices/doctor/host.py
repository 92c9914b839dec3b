"""The machine that the checks look at: its tree, and what several of them need of it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edge_devices.detection import cpuinfo
from edge_devices.detection.board import userland_architecture
from edge_devices.detection.detect import Detected, detect
from edge_devices.doctor.environment import Surroundings, read_surroundings, vcgencmd_of
from edge_devices.profiles.catalogue import Catalogue, catalogue
from edge_devices.profiles.profile import Profile
from edge_devices.telemetry.clocks import ClockPolicy, read_clocks
from edge_devices.telemetry.nvpmodel import PowerModes, read_power_modes
from edge_devices.telemetry.temperature import read_temperature_c
from edge_devices.telemetry.throttling import Vcgencmd


@dataclass(frozen=True)
class Patient:
    """A machine by the folder that holds its /proc, /sys and /etc; the rest is read on demand."""

    root: Path = Path("/")

    @cached_property
    def known(self) -> Catalogue:
        return catalogue()

    @cached_property
    def detected(self) -> Detected:
        return detect(self.root, self.known)

    @property
    def profile(self) -> Profile:
        return self.detected.profile

    @cached_property
    def blocks(self) -> tuple[cpuinfo.Block, ...]:
        return cpuinfo.read_blocks(self.root)

    @cached_property
    def clocks(self) -> tuple[ClockPolicy, ...]:
        return read_clocks(self.root)

    @cached_property
    def power_modes(self) -> PowerModes | None:
        return read_power_modes(self.root)

    @cached_property
    def architecture(self) -> str:
        return userland_architecture(self.root, self.blocks)

    @cached_property
    def temperature_c(self) -> float | None:
        """By its zones' types, or else at the places that the profile names."""
        return read_temperature_c(self.root, self.profile.telemetry.temperature)

    @cached_property
    def surroundings(self) -> Surroundings | None:
        return read_surroundings(self.root)

    @cached_property
    def vcgencmd(self) -> Vcgencmd:
        return vcgencmd_of(self.root)
