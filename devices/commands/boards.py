"""`edge-devices list` and `show`: boards, and what this machine tells of itself now."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edge_common import command_line, console
from edge_devices.commands import checked_root, root_option
from edge_devices.detection.detect import detect
from edge_devices.doctor.host import Host, State, read_state
from edge_devices.profiles import Catalogue, Profile, profile_named, read_catalogue
from edge_devices.telemetry.clocks import ClockPolicy
from edge_devices.telemetry.temperature import Throttling

LIST_EXAMPLES = """\b
Examples:
  edge-devices list
  edge-devices list --json
"""


@click.command(name="list", epilog=LIST_EXAMPLES)
@command_line.json_option
@command_line.one_line_errors
def list_boards(as_json: bool) -> None:
    """List all boards: the shipped ones and your own from ~/.config/edge/devices.

    A file of your own wins over a shipped one of its name. Files that cannot be used are
    listed with the reason.
    """
    listing = read_catalogue()
    detected = detect(boards=listing)
    this_name = detected.profile.name
    if as_json:
        console.echo(json.dumps(_as_json(listing, this_name), indent=1))
        return
    console.echo(_table(listing, this_name))
    console.echo(f"\n* this machine ({detected.statement})")
    for each in listing.broken:
        console.echo(f"broken, left out: {each.reason}")


def _as_json(listing: Catalogue, this_name: str) -> dict[str, Any]:
    boards = [
        {
            "name": each.name,
            "title": each.title,
            "cores": each.cpu.cores,
            "cpu": each.cpu.name,
            "clock_mhz": each.cpu.clock_mhz,
            "memory_mib": list(each.memory.size_mib),
            "is_this_machine": each.name == this_name,
            "file": str(listing.own.get(each.name, "")) or None,
        }
        for each in listing.profiles.values()
    ]
    broken = [{"file": str(each.path), "reason": each.reason} for each in listing.broken]
    return {"boards": boards, "broken": broken}


def _table(listing: Catalogue, this_name: str) -> str:
    rows = [
        (
            each.name + (" *" if each.name == this_name else ""),
            each.title,
            f"{each.cpu.cores} x {each.cpu.name}",
            each.cpu.clock_mhz,
            _memory(each.memory.size_mib),
            "yours" if each.name in listing.own else "shipped",
        )
        for each in listing.profiles.values()
    ]
    header = ("name", "board", "cores", "MHz", "memory", "profile")
    return console.text_table(header, rows, left_columns=(0, 1, 2, 5))


def _memory(sizes_mib: tuple[int, ...]) -> str:
    """`512 MB`, or `1 to 8 GB`."""
    least, most = min(sizes_mib), max(sizes_mib)
    if most < 1024:
        return f"{most} MB"
    return f"{least / 1024:g} to {most / 1024:g} GB" if least < most else f"{most / 1024:g} GB"


SHOW_EXAMPLES = """\b
Examples:
  edge-devices show
  edge-devices show pi-4
  edge-devices show --json | jq .now.temperature_c
  edge-devices show --root my-board
"""


@click.command(epilog=SHOW_EXAMPLES)
@click.argument("name", required=False)
@root_option
@command_line.json_option
@command_line.one_line_errors
def show(name: str | None, root: Path, as_json: bool) -> None:
    """Show the profile of board NAME; without NAME that of this machine, and its state now.

    The profile says what the board can do, the state what it does: clocks, governor,
    temperature, throttling, power, memory, limits and usable cores.
    """
    for each in read_catalogue().broken:
        console.echo(f"left out: {each.reason}", err=True)
    if name is not None:
        profile = profile_named(name)
        text = json.dumps({"profile": asdict(profile)}, indent=1)
        console.echo(text if as_json else profile_text(profile))
        return
    host = Host(checked_root(root))
    state, detected = read_state(host), host.detected
    if as_json:
        recognition = {"how": detected.how, "evidence": detected.evidence, "board": detected.board}
        answer = {
            "detected": recognition,
            "profile": asdict(detected.profile),
            "now": asdict(state),
        }
        console.echo(json.dumps(answer, indent=1))
        return
    texts = (
        console.printable(detected.statement),
        state_text(state),
        profile_text(detected.profile),
    )
    console.echo("\n\n".join(texts))


_CACHES = (("L1 data", "l1d_kib"), ("L2", "l2_kib"), ("L3", "l3_kib"))


def profile_text(profile: Profile) -> str:
    """What is known of a board."""
    cpu, memory, run = profile.cpu, profile.memory, profile.run
    caches = ((name, getattr(cpu, key)) for name, key in _CACHES)
    copied_gb_s = memory.measured_bandwidth_gb_s
    pairs = (
        ("processor", f"{cpu.cores} x {cpu.name} at {cpu.clock_mhz} MHz, {cpu.architecture}"),
        ("int8", "dot products" if cpu.dot_product else "no dot products"),
        ("caches", ", ".join(f"{name} {kib} KiB" for name, kib in caches if kib)),
        ("memory", f"{_either([str(mib) for mib in memory.size_mib])} MiB"),
        (
            "bandwidth",
            f"{memory.bandwidth_gb_s:g} GB/s at the bus"
            + (f", {copied_gb_s:g} GB/s copied by one core" if copied_gb_s else ""),
        ),
        ("run with", _run_options(profile)),
        ("delegates", ", ".join(run.delegates)),
        ("capture", run.capture),
        ("emulated by", f"qemu -cpu {cpu.qemu_cpu}" if cpu.qemu_cpu else "nothing"),
        *(("sources" if i == 0 else "", source) for i, source in enumerate(profile.sources)),
    )
    return console.section(f"{profile.title} ({profile.name}), as its profile has it", pairs)


def _either(words: list[str]) -> str:
    """`1024, 2048 or 4096`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _run_options(profile: Profile) -> str:
    cores = ",".join(map(str, profile.run.affinity))
    start = f"taskset -c {cores} edge-run" if cores else "edge-run"
    threads = profile.run.threads
    return f"{start} --threads {threads}" + (" (try it against 1)" if threads > 1 else "")


def state_text(state: State) -> str:
    """What a machine tells of itself now."""
    now, mode = state.snapshot, state.power_modes
    pairs = (
        ("board", state.board or "does not name itself"),
        ("processor", state.cpu or "not told"),
        ("int8", _dot_product(state.features)),
        ("cores", f"{state.cores}, usable {state.usable_cores:g}" if state.cores else "not told"),
        *(("clock", _clock(policy)) for policy in now.clocks),
        ("clock", None if now.clocks else "not told"),
        ("power mode", mode.now.name if mode else None),
        ("temperature", _or_not_told(state.temperature_c, "{:.0f} degrees Celsius")),
        ("throttling", _throttling(state)),
        ("power", f"{now.power.watts:.2f} W ({now.power.covers})" if now.power else "not told"),
        ("memory", _memory_lines(state)),
        ("limits", _limits(state)),
        ("system", f"{state.os or 'not told'}, kernel {state.kernel or 'not told'}"),
        ("programs", state.architecture + (f", Python {state.python}" if state.python else "")),
    )
    return console.section("Now", pairs)


def _dot_product(features: tuple[str, ...]) -> str | None:
    extensions = [
        name for name in ("asimddp", "i8mm", "avx_vnni", "avx512_vnni") if name in features
    ]
    if not features:
        return None
    return f"dot products ({', '.join(extensions)})" if extensions else "no dot products"


def _clock(policy: ClockPolicy) -> str:
    now = f"{policy.current_khz / 1000:.0f} MHz" if policy.current_khz else "not told"
    limit = f" of {policy.max_khz / 1000:.0f}" if policy.max_khz else ""
    cores = f" (cores {policy.cores})" if policy.cores else ""
    return f"{now}{limit}{f', {policy.governor}' if policy.governor else ''}{cores}"


def _throttling(state: State) -> str:
    throttling = state.snapshot.throttling
    if throttling is not None:
        return _conditions(throttling)
    if state.cooling is None:
        return "not told"
    return ", ".join(each.name for each in state.cooling) or "none now"


def _conditions(throttling: Throttling) -> str:
    now = " and ".join(throttling.now) or "none"
    return f"{now} now; {' and '.join(throttling.since_boot) or 'none'} since boot"


def _memory_lines(state: State) -> str:
    if state.memory_bytes is None:
        return "not told"
    available = state.available_bytes
    return console.megabytes(state.memory_bytes) + (
        f", {console.megabytes(available)} available" if available is not None else ""
    )


def _limits(state: State) -> str:
    limits = state.snapshot.limits
    memory = f"memory {console.megabytes(limits.memory_bytes)}" if limits.memory_bytes else ""
    cpus = f"{limits.cpus:g} cores" if limits.cpus else ""
    return ", ".join(filter(None, (memory, cpus))) or "none by control groups"


def _or_not_told(value: float | None, form: str) -> str:
    return "not told" if value is None else form.format(value)
