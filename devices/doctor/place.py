"""Checks of where this runs: which board, in a container, in a virtual machine, with a camera."""

from edge_devices.detection import cpuinfo
from edge_devices.detection.board import compatible
from edge_devices.detection.kernel_files import read_text
from edge_devices.doctor.finding import Finding, ok, problem, warning
from edge_devices.doctor.host import Patient

# what docker, podman and systemd-nspawn leave for programs to find (systemd-detect-virt (1))
_CONTAINER_FILES = (".dockerenv", "run/.containerenv", "run/systemd/container")
_CONTAINER_GROUPS = ("docker", "containerd", "kubepods", "lxc", "libpod")
_VIRTUAL_MAKERS = ("QEMU", "VMware", "innotek", "Xen", "Amazon EC2", "Google", "Parallels")
_VIRTUAL_BOARDS = ("linux,dummy-virt", "qemu,pseries", "linux,kvm")


def board(patient: Patient) -> Finding:
    """Whether there is a profile for this board."""
    found = patient.detected
    if found.is_known:
        return ok(f"{found.profile.title}, {found.statement}")
    what, _, advice = found.statement.partition("; ")
    return warning(what, f"{advice} (docs/boards.md), for advice and predictions of this board")


def profiles(patient: Patient) -> Finding | None:
    """Whether all of the user's own profiles can be read."""
    broken, own = patient.known.broken, patient.known.own
    if broken:
        return warning("; ".join(each.reason for each in broken), "mend or remove it")
    return ok(f"{len(own)} of your own: {', '.join(sorted(own))}") if own else None


def container(patient: Patient) -> Finding | None:
    """A container hides sensors, firmware and cameras unless they are handed in."""
    groups = read_text(patient.root / "proc/self/cgroup") or ""
    # only their being there counts: docker's file is empty, and a record keeps it
    marks = [name for name in _CONTAINER_FILES if (patient.root / name).exists()]
    if not marks and not any(name in groups for name in _CONTAINER_GROUPS):
        return None
    return warning(
        "this is a container: sensors, the firmware and cameras may be hidden",
        "hand them in (docker run --device /dev/video0 --device /dev/vcio), or measure outside",
    )


def virtual_machine(patient: Patient) -> Finding | None:
    """Times taken on a shared host say little about a board."""
    maker = read_text(patient.root / "sys/class/dmi/id/sys_vendor") or ""
    signs = (
        bool(cpuinfo.in_virtual_machine(patient.blocks)),
        maker.startswith(_VIRTUAL_MAKERS),
        bool(set(compatible(patient.root)) & set(_VIRTUAL_BOARDS)),
    )
    if not any(signs):
        return None
    return warning(
        "this is a virtual machine: others share its cores",
        "fine for tests; measure on the board, or compare within one run (edge-bench versus)",
    )


def cameras(patient: Patient) -> Finding | None:
    """Whether this user may open the video devices."""
    found = patient.surroundings.cameras if patient.surroundings else ()
    if not found:
        return None
    locked = [camera.device for camera in found if not camera.usable]
    if locked:
        return problem(
            f"no rights to {_some(locked)}",
            "join the group video, then log in again",
            'sudo usermod -aG video "$USER"',
        )
    return ok(_some([camera.device for camera in found]))


def _some(devices: list[str]) -> str:
    more = f" and {len(devices) - 3} more" if len(devices) > 3 else ""
    return ", ".join(devices[:3]) + more
