"""What a board's system shows of itself, as a folder that qemu looks into before the real one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_devices.emulation.arm_python import SYSTEMS, ArmPython
from edge_devices.emulation.cache import Say, kept, key
from edge_devices.profiles.profile import Profile

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
