"""Checks of where this runs and what is installed: board, container, virtual machine, camera, runtimes."""

from edge_devices.detection import cpuinfo
from edge_devices.detection.board import compatible
from edge_devices.detection.kernel_files import read_text, whole_number
from edge_devices.doctor.host import Finding, Patient, ok, problem, warning

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


_RUNTIMES = ("ai-edge-litert", "tflite-runtime", "tensorflow")
# by architecture: the runtime and the Pythons that it has wheels for, as on PyPI
_WHEELS = {
    "aarch64": ("ai-edge-litert", (3, 10), (3, 14)),
    "x86_64": ("ai-edge-litert", (3, 10), (3, 14)),
    "armv7l": ("tflite-runtime", (3, 9), (3, 11)),
}
_OLDER_NUMPY = "pip install 'numpy<2'"
_32_BIT = ("armv6l", "armv7l", "i686")


def user_land(patient: Patient) -> Finding | None:
    """Whether a 32-bit system holds a 64-bit processor back."""
    if not patient.blocks:
        return None
    if patient.architecture in _32_BIT and cpuinfo.is_64_bit(patient.blocks):
        return warning(
            f"32-bit ({patient.architecture}) on a 64-bit processor: LiteRT has no 32-bit wheels, "
            "and tflite-runtime's int8 is slower",
            "install a 64-bit system, such as Raspberry Pi OS (64-bit)",
        )
    return ok(patient.architecture)


def runtime(patient: Patient) -> Finding | None:
    """Whether a TFLite runtime is installed, or could be."""
    here = patient.surroundings
    if here is None:
        return None
    found = [f"{name} {here.version(name)}" for name in _RUNTIMES if here.version(name)]
    if found:
        return ok(", ".join(found))
    wheels = _WHEELS.get(patient.architecture)
    if wheels is None:
        return problem(
            f"no TFLite runtime is installed, and none has wheels for {patient.architecture}",
            "use a 64-bit ARM or x86 system",
        )
    name, oldest, newest = wheels
    span = f"{_version(oldest)} to {_version(newest)}"
    if oldest <= _minor(here.python) <= newest:
        pins = " 'numpy<2'" if name == "tflite-runtime" else ""
        return problem("no TFLite runtime is installed", "install one", f"pip install {name}{pins}")
    return problem(
        f"no TFLite runtime is installed, and {name} has no wheels for Python {here.python}",
        f"make an environment with Python {span}",
        f"uv venv --python {_version(newest)}",
    )


def numpy(patient: Patient) -> Finding | None:
    """Whether tflite-runtime, built for numpy 1, meets numpy 2."""
    here = patient.surroundings
    version = here.version("numpy") if here else None
    if here is None or version is None:
        return None
    if not here.version("tflite-runtime") or _minor(version) < (2, 0):
        return ok(version)
    what = f"{version} with tflite-runtime, which fails at the first network"
    if here.version("ai-edge-litert"):
        return warning(what, "use --runtime litert, or an older numpy", _OLDER_NUMPY)
    return problem(what, "install numpy 1, for which tflite-runtime was built", _OLDER_NUMPY)


def _minor(version: str) -> tuple[int, int]:
    """(3, 11) of 3.11.2; zeros for what is no number."""
    numbers = [whole_number(part, least=0) or 0 for part in version.split(".")[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def _version(minor: tuple[int, int]) -> str:
    return f"{minor[0]}.{minor[1]}"
