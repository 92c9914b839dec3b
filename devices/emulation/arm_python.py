"""A Python of another architecture with the real wheels, and the files that a board shows around it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_common import BuildFailed, Unavailable, children
from edge_devices.emulation.apt import distribution, unpack
from edge_devices.emulation.cache import Say, arm_folder, kept, key, run
from edge_devices.profiles import Profile

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
    packages: tuple[str, ...]
    wheels: Callable[[], tuple[str, ...]]
    dependencies: bool = True
    own_paths: bool = True


def _as_here() -> tuple[str, ...]:
    """What a board installs: the very runtime of this environment, of the others none newer."""
    others = ("numpy", "click", "psutil", "opencv-python-headless", "pip")
    return (_pinned(LITERT, "=="), *(_pinned(name, "<=") for name in others))


def _pinned(name: str, sign: str) -> str:
    try:
        return f"{name}{sign}{metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return name


SYSTEMS: Mapping[str, System] = {
    "aarch64": System(
        "arm64",
        _PYTHON,
        _as_here,
    ),
    # the package index has no wheels of numpy, psutil and OpenCV for it
    "armv7l": System(
        "armhf",
        (*_PYTHON, "python3-numpy", "python3-psutil"),
        lambda: ("tflite-runtime==2.14.0", _pinned("click", "<="), _pinned("pip", "<=")),
        dependencies=False,
        own_paths=False,
    ),
}


_LAYOUT = "1"  # to be raised if `_unpack_system` does something else
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
    """Build it, or take what was built before; 10 to 30 s and 270 MB for aarch64.

    wheels: other requirements for pip than a board of this architecture has.
    Raises Unavailable without apt, BuildFailed if a step of it fails.
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
    requirements = sorted(system.wheels() if wheels is None else wheels)
    python = ArmPython(architecture, root, root)
    site = kept(
        f"site-{architecture}-{python.version}-{key(*requirements)}",
        lambda folder: _install(requirements, python, folder, system.dependencies),
        f"downloading wheels for {architecture}: {', '.join(requirements)}",
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


def _install(
    requirements: Sequence[str], python: ArmPython, folder: Path, dependencies: bool
) -> None:
    """Let this environment's pip install wheels for the other Python."""
    pip = children.module_command("pip", "install", "-q", "--disable-pip-version-check")
    pip += ["--no-input", "--no-compile", "--root-user-action=ignore", "--only-binary=:all:"]
    platforms = [f"--platform={name}_{python.architecture}" for name in _PLATFORMS]
    if not dependencies:
        pip.append("--no-deps")
    target = ["--implementation=cp", f"--python-version={python.version}", *platforms]
    try:
        run(
            [*pip, *target, f"--target={folder}", *requirements],
            f"pip install for {python.architecture}",
        )
    except BuildFailed as error:
        raise BuildFailed(f"{error} (is pip installed here, and its index reachable?)") from error


_SITE, _BYTECODE = "site", "bytecode"
_MILLIDEGREES = 48_000
_CPUFREQ = "sys/devices/system/cpu/cpufreq/policy0"
_ZONE = "sys/class/thermal/thermal_zone0"


@dataclass(frozen=True)
class Seen:
    """Paths as a program on the board sees them."""

    program: str
    site: str
    bytecode: str


def seen(python: ArmPython) -> Seen:
    """The same wherever the cache lies: what a program sees of paths changes what it executes."""
    if not SYSTEMS[python.architecture].own_paths:
        return Seen(str(python.program), str(python.site), str(python.bytecode))
    program = python.program.relative_to(python.root)
    return Seen(f"/{program}", f"/{_SITE}", f"/{_BYTECODE}")


def overlay(profile: Profile, python: ArmPython, say: Say) -> Path:
    """The folder for `qemu -L`: the board's own files, the system's, and the packages'."""
    files = dict(board_files(profile))
    links = {entry.name: entry for entry in python.root.iterdir()}
    links |= {_SITE: python.site, _BYTECODE: python.bytecode}
    made_from = (f"{name} {content}" for name, content in sorted({**files, **links}.items()))
    return kept(
        f"board-{profile.name}-{key(*made_from)}",
        lambda folder: _fill(folder, files, links),
        f"laying out the files of {profile.title}",
        say,
    )


def board_files(profile: Profile) -> Iterator[tuple[str, str]]:
    """Path and text of each file by which a board is recognised and watched."""
    cpu = profile.cpu
    yield "proc/cpuinfo", cpu.cpuinfo.lstrip("\n")
    if profile.recognise.models:
        model = f"{profile.recognise.models[0].rstrip()} emulated by qemu"
        yield "proc/device-tree/model", f"{model}\0"
    if profile.recognise.compatible:
        names = "".join(f"{name}\0" for name in profile.recognise.compatible)
        yield "proc/device-tree/compatible", names
    zones = profile.telemetry.temperature or (f"{_ZONE}/temp",)
    for zone in zones:
        yield zone, f"{_MILLIDEGREES}\n"
        if zone.endswith("/temp"):
            yield f"{zone.removesuffix('temp')}type", "cpu-thermal\n"
    khz = f"{cpu.clock_mhz * 1000}\n"
    for name in ("scaling_cur_freq", "scaling_max_freq", "cpuinfo_max_freq"):
        yield f"{_CPUFREQ}/{name}", khz
    yield f"{_CPUFREQ}/scaling_governor", "ondemand\n"
    yield f"{_CPUFREQ}/related_cpus", " ".join(map(str, range(cpu.cores))) + "\n"


def _fill(folder: Path, files: Mapping[str, str], links: Mapping[str, Path]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, target in links.items():
        (folder / name).symlink_to(target)
