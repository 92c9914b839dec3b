"""Of what the emulated Python of each architecture is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata

from devices.emulation.apt import Packages

LITERT = "ai-edge-litert"
_PYTHON = ("python3-minimal", "libpython3-stdlib", "libstdc++6")


@dataclass(frozen=True)
class System:
    """debian: its name of the architecture.  packages: Debian's.  wheels: requirements for pip.

    dependencies: whether pip installs what they need; else Debian's packages hold it.
    own_paths: whether programs find all their files in qemu's -L folder, by paths that say
    nothing of the cache; qemu does not look there for statx, which 32-bit programs call.
    """

    debian: str
    packages: Packages
    wheels: Callable[[], tuple[str, ...]]
    dependencies: bool = True
    own_paths: bool = True


def _as_here() -> tuple[str, ...]:
    """What a board installs: the very runtime of this environment, of the others none newer."""
    others = ("numpy", "click", "psutil", "opencv-python", "pip")
    return (_pinned(LITERT, "=="), *(_pinned(name, "<=") for name in others))


def _pinned(name: str, sign: str) -> str:
    try:
        return f"{name}{sign}{metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return name


SYSTEMS: Mapping[str, System] = {
    "aarch64": System(
        "arm64",
        # libgl1 itself would bring all of Mesa, of which OpenCV calls nothing without a window
        Packages((*_PYTHON, "libglib2.0-0", "libx11-6"), ("libgl1", "libglx0", "libglvnd0")),
        _as_here,
    ),
    # the package index has no wheels of numpy, psutil and OpenCV for it
    "armv7l": System(
        "armhf",
        Packages((*_PYTHON, "python3-numpy", "python3-psutil")),
        lambda: ("tflite-runtime==2.14.0", _pinned("click", "<="), _pinned("pip", "<=")),
        dependencies=False,
        own_paths=False,
    ),
}
