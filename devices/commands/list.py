"""`edge-devices list`: every known board, and which one this is."""

import click

from edge_common.command_line import json_option, one_line_errors

EXAMPLES = """\b
Examples:
  edge-devices list
  edge-devices list --json
"""


@click.command(name="list", epilog=EXAMPLES)
@json_option
@one_line_errors
def list_boards(as_json: bool) -> None:
    """List all boards: the shipped ones and your own from ~/.config/edge/devices.

    A file of your own wins over a shipped one of its name. Files that cannot be used are
    listed with the reason.
    """
    import json

    from edge_common.console import text_table
    from edge_devices.detection.detect import detect
    from edge_devices.profiles.catalogue import catalogue

    known = catalogue()
    detected = detect(known=known)
    here = detected.profile.name
    if as_json:
        boards = [
            {
                "name": each.name,
                "title": each.title,
                "cores": each.cpu.cores,
                "cpu": each.cpu.name,
                "clock_mhz": each.cpu.clock_mhz,
                "memory_mib": list(each.memory.size_mib),
                "is_this_machine": each.name == here,
                "file": str(known.own.get(each.name, "")) or None,
            }
            for each in known.profiles.values()
        ]
        broken = [{"file": str(each.path), "reason": each.reason} for each in known.broken]
        click.echo(json.dumps({"boards": boards, "broken": broken}, indent=1))
        return
    rows = [
        (
            each.name + (" *" if each.name == here else ""),
            each.title,
            f"{each.cpu.cores} x {each.cpu.name}",
            each.cpu.clock_mhz,
            _memory(each.memory.size_mib),
            "yours" if each.name in known.own else "shipped",
        )
        for each in known.profiles.values()
    ]
    header = ("name", "board", "cores", "MHz", "memory", "profile")
    click.echo(text_table(header, rows, left=(0, 1, 2, 5)))
    click.echo(f"\n* this machine ({detected.statement})")
    for each in known.broken:
        click.echo(f"broken, left out: {each.reason}")


def _memory(sizes_mib: tuple[int, ...]) -> str:
    """`512 MB`, or `1 to 8 GB`."""
    least, most = min(sizes_mib), max(sizes_mib)
    if most < 1024:
        return f"{most} MB"
    return f"{least / 1024:g} to {most / 1024:g} GB" if least < most else f"{most / 1024:g} GB"
