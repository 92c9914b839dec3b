"""Checks of where this runs and what is installed: board, container, virtual machine, runtimes."""

from edge_common import command_line, runtimes
from edge_devices.detection import cpuinfo, detect, kernel_files
from edge_devices.doctor.host import Finding, Host, ok, problem, warning

# what docker, podman and systemd-nspawn leave for programs to find (systemd-detect-virt (1))
_CONTAINER_FILES = (".dockerenv", "run/.containerenv", "run/systemd/container")
_CONTAINER_GROUPS = ("docker", "containerd", "kubepods", "lxc", "libpod")
_VIRTUAL_MAKERS = ("QEMU", "VMware", "innotek", "Xen", "Amazon EC2", "Google", "Parallels")
_VIRTUAL_BOARDS = ("linux,dummy-virt", "qemu,pseries", "linux,kvm")


def board(host: Host) -> Finding:
    """Whether there is a profile for this board."""
    detected = host.detected
    if detected.is_known:
        return ok(f"{detected.profile.title}, {detected.statement}")
    fact, _, advice = detected.statement.partition("; ")
    return warning(fact, f"{advice} (docs/boards.md), for advice and predictions of this board")


def profiles(host: Host) -> Finding | None:
    """Whether all of the user's own profiles can be read."""
    broken, own = host.known.broken, host.known.own
    if broken:
        return warning("; ".join(each.reason for each in broken), "mend or remove it")
    return ok(f"{len(own)} of your own: {', '.join(sorted(own))}") if own else None


def container(host: Host) -> Finding | None:
    """A container hides sensors, firmware and cameras unless they are handed in."""
    groups = kernel_files.read_text(host.root / "proc/self/cgroup") or ""
    # only their being there counts: docker's file is empty, and a record keeps it
    marks = [name for name in _CONTAINER_FILES if (host.root / name).exists()]
    if not marks and not any(name in groups for name in _CONTAINER_GROUPS):
        return None
    return warning(
        "this is a container: sensors, the firmware and cameras may be hidden",
        "hand them in (docker run --device /dev/video0 --device /dev/vcio), or measure outside",
    )


def virtual_machine(host: Host) -> Finding | None:
    """Times taken on a shared host say little about a board."""
    maker = kernel_files.read_text(host.root / "sys/class/dmi/id/sys_vendor") or ""
    signs = (
        bool(cpuinfo.in_virtual_machine(host.blocks)),
        maker.startswith(_VIRTUAL_MAKERS),
        bool(set(detect.compatible(host.root)) & set(_VIRTUAL_BOARDS)),
    )
    if not any(signs):
        return None
    return warning(
        "this is a virtual machine: others share its cores",
        "fine for tests; measure on the board, or compare within one run (edge-bench versus)",
    )


# by architecture: the runtime and the Pythons that it has wheels for, as on PyPI
_WHEELS = {
    "aarch64": ("ai-edge-litert", (3, 10), (3, 14)),
    "x86_64": ("ai-edge-litert", (3, 10), (3, 14)),
    "armv7l": ("tflite-runtime", (3, 9), (3, 11)),
}
_OLDER_NUMPY = "pip install 'numpy<2'"
_32_BIT = ("armv6l", "armv7l", "i686")


def user_land(host: Host) -> Finding | None:
    """Whether a 32-bit system holds a 64-bit processor back."""
    if not host.blocks:
        return None
    if host.architecture in _32_BIT and cpuinfo.is_64_bit(host.blocks):
        return warning(
            f"32-bit ({host.architecture}) on a 64-bit processor: LiteRT has no 32-bit wheels, "
            "and tflite-runtime's int8 is slower",
            "install a 64-bit system, such as Raspberry Pi OS (64-bit)",
        )
    return ok(host.architecture)


def runtime(host: Host) -> Finding | None:
    """Whether a TFLite runtime is installed, or could be."""
    environment = host.environment
    if environment is None:
        return None
    installed = [
        f"{name} {environment.version(name)}"
        for name in runtimes.DISTRIBUTIONS
        if environment.version(name)
    ]
    if installed:
        return ok(", ".join(installed))
    wheels = _WHEELS.get(host.architecture)
    if wheels is None:
        return problem(
            f"no TFLite runtime is installed, and none has wheels for {host.architecture}",
            "use a 64-bit ARM or x86 system",
        )
    name, oldest, newest = wheels
    span = f"{_version(oldest)} to {_version(newest)}"
    if oldest <= _minor(environment.python) <= newest:
        pins = " 'numpy<2'" if name == "tflite-runtime" else ""
        return problem("no TFLite runtime is installed", "install one", f"pip install {name}{pins}")
    return problem(
        f"no TFLite runtime is installed, and {name} has no wheels for Python {environment.python}",
        f"make an environment with Python {span}",
        f"uv venv --python {_version(newest)}",
    )


def numpy(host: Host) -> Finding | None:
    """Whether tflite-runtime, built for numpy 1, meets numpy 2."""
    environment = host.environment
    version = environment.version("numpy") if environment else None
    if environment is None or version is None:
        return None
    if not environment.version("tflite-runtime") or _minor(version) < (2, 0):
        return ok(version)
    fact = f"{version} with tflite-runtime, which fails at the first network"
    if environment.version("ai-edge-litert"):
        return warning(fact, "use --runtime litert, or an older numpy", _OLDER_NUMPY)
    return problem(fact, "install numpy 1, for which tflite-runtime was built", _OLDER_NUMPY)


def opencv(host: Host) -> Finding | None:
    """Whether OpenCV can be imported: on a system without a desktop it often cannot."""
    environment = host.environment
    if environment is None or environment.opencv_error is None:
        return None
    packages = [each for each in environment.packages if each.name.startswith("opencv")]
    installed = [f"{package.name} {package.version}" for package in packages]
    if environment.opencv_error:
        advice = command_line.missing_library(environment.opencv_error)
        return problem(environment.opencv_error, advice or command_line.HEADLESS_FILES)
    if len(installed) > 1:
        owner = "opencv-python" if environment.opencv_windows else "opencv-python-headless"
        fact = f"{' and '.join(installed)} share the folder cv2; the files of {owner} are there"
        if environment.opencv_windows and len({package.version for package in packages}) == 1:
            return ok(fact)
        return warning(
            fact,
            "for windows (--show) install those of opencv-python again; without, remove both and "
            "install the headless one",
            command_line.WINDOW_FILES,
        )
    return ok(", ".join(installed) or "cv2 can be imported")


def _minor(version: str) -> tuple[int, int]:
    """(3, 11) of 3.11.2; zeros for what is no number."""
    numbers = [kernel_files.whole_number(part, least=0) or 0 for part in version.split(".")[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def _version(minor: tuple[int, int]) -> str:
    return f"{minor[0]}.{minor[1]}"
