"""What a machine is and tells of itself now, read from its files alone."""

from dataclasses import dataclass

from edge_devices.detection import cpuinfo
from edge_devices.detection import memory as topology
from edge_devices.detection.board import device_tree_model, dmi_product, os_name
from edge_devices.detection.kernel_files import read_kilobytes, read_text
from edge_devices.doctor.host import Patient
from edge_devices.telemetry.clocks import Cooling, read_cooling
from edge_devices.telemetry.nvpmodel import PowerModes
from edge_devices.telemetry.sampler import Snapshot, read_snapshot


@dataclass(frozen=True)
class State:
    """None or empty: not told.

    usable_cores: what affinity and control groups leave; may be 1.5.  architecture: of the
    installed programs.  python: of this environment, or of the one that was recorded.
    """

    board: str | None
    cpu: str | None
    cores: int
    usable_cores: float
    features: tuple[str, ...]
    memory_bytes: int | None
    available_bytes: int | None
    kernel: str | None
    os: str | None
    architecture: str
    python: str | None
    temperature_c: float | None
    power_modes: PowerModes | None
    cooling: tuple[Cooling, ...] | None
    snapshot: Snapshot


def read_state(patient: Patient) -> State:
    """Read everything once."""
    root, blocks = patient.root, patient.blocks
    snapshot = read_snapshot(root, patient.vcgencmd)
    cores = cpuinfo.logical_cores(blocks)
    return State(
        board=device_tree_model(root) or cpuinfo.board_name(blocks) or dmi_product(root),
        cpu=cpuinfo.cpu_name(blocks),
        cores=cores,
        usable_cores=min(
            cores, topology.allowed_cores(root) or cores, snapshot.limits.cpus or cores
        ),
        features=cpuinfo.simd_features(blocks),
        memory_bytes=topology.memory_bytes(root),
        available_bytes=read_kilobytes(root / "proc/meminfo", "MemAvailable"),
        kernel=read_text(root / "proc/sys/kernel/osrelease"),
        os=os_name(root),
        architecture=patient.architecture,
        python=patient.surroundings.python if patient.surroundings else None,
        temperature_c=patient.temperature_c,
        power_modes=patient.power_modes,
        cooling=read_cooling(root),
        snapshot=snapshot,
    )
