"""Checks of how much there is: cores, memory, swap, free space."""

from pathlib import Path

from edge_common.console import megabytes
from edge_devices.detection import cpuinfo, kernel_files, memory as topology
from edge_devices.doctor.host import Finding, Host, ok, problem, warning

# edge-run peaks at about 100 MB with the shipped network, see README.md
_NEEDED_BYTES, _COMFORTABLE_BYTES = 150e6, 300e6
_NO_DESKTOP = "sudo systemctl set-default multi-user.target"
_NEEDED_SPACE, _COMFORTABLE_SPACE = 100e6, 1e9


def cores(host: Host) -> Finding | None:
    """Whether this process may use all the cores that the board has."""
    online = cpuinfo.logical_cores(host.blocks)
    if not online:
        return None
    limits = topology.read_limits(host.root)
    allowed = topology.allowed_cores(host.root) or online
    has = online if host.profile.is_generic else host.profile.cpu.cores
    if online < has:
        return warning(f"{online} of the board's {has} cores are on line", *_why_off(host))
    if allowed < online:
        return warning(
            f"this process may use {allowed} of {online} cores",
            "look for taskset, cpuset or CPUAffinity= where it is started",
        )
    if limits.cpus is not None and limits.cpus < online:
        return warning(
            f"a control group allows {limits.cpus:g} of {online} cores",
            "raise the limit (docker run --cpus, CPUQuota=) or run with --threads 1",
        )
    return ok(f"all {online} usable")


def _why_off(host: Host) -> tuple[str, str]:
    """Advice and command."""
    modes = host.power_modes
    if modes and modes.faster:
        return "the power mode switches them off", f"sudo nvpmodel -m {modes.faster.number}"
    return "look for maxcpus= or nr_cpus= on the kernel's command line", "cat /proc/cmdline"


def memory(host: Host) -> Finding | None:
    """Whether edge-run will fit."""
    total, limit = topology.memory_bytes(host.root), topology.read_limits(host.root).memory_bytes
    available = kernel_files.read_kilobytes(host.root / "proc/meminfo", "MemAvailable")
    if limit is not None and (total is None or limit < total) and limit < _COMFORTABLE_BYTES:
        return _too_little(limit, f"a control group allows {megabytes(limit)}", "raise the limit")
    if available is not None and available < _COMFORTABLE_BYTES:
        fact = f"{megabytes(available)} available of {megabytes(total or 0)}"
        return _too_little(available, fact, "close programs, or do without a desktop", _NO_DESKTOP)
    if total is None:
        return None
    if total < _COMFORTABLE_BYTES:
        return _too_little(total, f"{megabytes(total)} in all", "use a board with more memory")
    limited = f", limited to {megabytes(limit)}" if limit is not None and limit < total else ""
    left = f", {megabytes(available)} available" if available is not None else ""
    return ok(f"{megabytes(total)}{limited}{left}")


def _too_little(size: float, fact: str, advice: str, command: str = "") -> Finding:
    if size < _NEEDED_BYTES:
        return problem(f"{fact}; edge-run needs about {megabytes(_NEEDED_BYTES)}", advice, command)
    return warning(fact, advice, command)


def swap(host: Host) -> Finding | None:
    """Whether memory is swapped, and whether to an SD card, which is slow and wears out."""
    areas = topology.read_swap(host.root)
    if areas is None:
        return None
    used_bytes = sum(area.used_bytes for area in areas if not area.compressed)
    on_card = [area for area in areas if area.on_memory_card]
    if on_card:
        return warning(
            f"on an SD card or eMMC ({_names(on_card)}), {megabytes(used_bytes)} of it in use",
            "swap to zram instead (package zram-tools), or switch it off",
            "sudo swapoff -a",
        )
    if used_bytes > _COMFORTABLE_BYTES / 10:
        return warning(
            f"{megabytes(used_bytes)} in use: memory was short",
            "close programs, then swap it back",
            "sudo swapoff -a && sudo swapon -a",
        )
    return ok(_names(areas) if areas else "none")


def _names(areas: tuple[topology.SwapArea, ...] | list[topology.SwapArea]) -> str:
    return ", ".join(Path(area.name).name for area in areas)


def space(host: Host) -> Finding | None:
    """Whether videos and records can be written to the working folder."""
    free = host.environment.free_bytes if host.environment else None
    if free is None:
        return None
    fact = f"{megabytes(free)} free in the working folder"
    if free >= _COMFORTABLE_SPACE:
        return ok(fact)
    severity = problem if free < _NEEDED_SPACE else warning
    return severity(fact, "delete files, or write elsewhere", "df -h")
