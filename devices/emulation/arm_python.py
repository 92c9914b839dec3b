"""A Python of another architecture with the real wheels, in the cache folder."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devices.emulation.apt import distribution, unpack
from devices.emulation.cache import Say, arm_folder, kept, key
from devices.emulation.commands import run
from devices.emulation.systems import SYSTEMS, System
from devices.emulation.unavailable import BuildFailed, Unavailable

_LAYOUT = "1"  # to be raised where `_unpack_system` does something else
_PLATFORMS = (
    *("manylinux_2_36", "manylinux_2_35", "manylinux_2_34", "manylinux_2_31", "manylinux_2_28"),
    *("manylinux_2_27", "manylinux_2_17", "manylinux2014"),
)


@dataclass(frozen=True)
class ArmPython:
    """root: the system's files, /usr and /lib.  site: what was installed with pip."""

    architecture: str
    root: Path
    site: Path

    @property
    def program(self) -> Path:
        """The interpreter, such as ROOT/usr/bin/python3.11."""
        return next(p for p in sorted((self.root / "usr/bin").glob("python3.*")) if p.is_file())

    @property
    def bytecode(self) -> Path:
        """Where that of the packages is kept; made by the first emulated run."""
        return arm_folder() / f"bytecode-{key(self.root.name, self.site.name)}"

    @property
    def version(self) -> str:
        """`3.11`."""
        return self.program.name.removeprefix("python")


def arm_python(
    say: Say, architecture: str = "aarch64", wheels: Sequence[str] | None = None
) -> ArmPython:
    """Build it, or take what was built before; 10 to 30 s and 320 MB for aarch64.

    wheels: other requirements for pip than a board of this architecture has.
    Raises Unavailable without apt, BuildFailed where a step of it fails.
    """
    if architecture not in SYSTEMS:
        raise Unavailable(f"no Python is emulated for {architecture}: take {', '.join(SYSTEMS)}")
    system = SYSTEMS[architecture]
    root = kept(
        f"root-{architecture}-{key(distribution(), str(system.packages), _LAYOUT)}",
        lambda folder: _unpack_system(system, folder),
        f"downloading Debian's Python for {architecture}",
        say,
    )
    wanted = sorted(system.wheels() if wheels is None else wheels)
    python = ArmPython(architecture, root, root)
    site = kept(
        f"site-{architecture}-{python.version}-{key(*wanted)}",
        lambda folder: _install(wanted, python, folder, system.dependencies),
        f"downloading wheels for {architecture}: {', '.join(wanted)}",
        say,
    )
    return ArmPython(architecture, root, site)


def _unpack_system(system: System, root: Path) -> None:
    unpack(system.packages, system.debian, root, beside_installed=False)
    version = ArmPython(system.debian, root, root).version
    # there and empty, so that qemu does not look for them on this machine
    for name in (f"usr/local/lib/python{version}", "usr/lib/python3"):
        (root / name / "dist-packages").mkdir(parents=True, exist_ok=True)
    # the links to numpy's BLAS are made by scripts that are not run here
    for library in root.glob("usr/lib/*/*/lib*.so.3"):
        if library.parent.name in ("blas", "lapack"):
            (library.parent.parent / library.name).symlink_to(
                library.relative_to(library.parents[1])
            )


def _install(wanted: Sequence[str], python: ArmPython, folder: Path, dependencies: bool) -> None:
    """Let this environment's pip install wheels for the other Python."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    pip += ["--no-input", "--no-compile", "--root-user-action=ignore", "--only-binary=:all:"]
    platforms = [f"--platform={name}_{python.architecture}" for name in _PLATFORMS]
    if not dependencies:
        pip.append("--no-deps")
    target = ["--implementation=cp", f"--python-version={python.version}", *platforms]
    try:
        run(
            [*pip, *target, f"--target={folder}", *wanted], f"pip install for {python.architecture}"
        )
    except BuildFailed as error:
        raise BuildFailed(f"{error} (is pip installed here, and its index reachable?)") from error
