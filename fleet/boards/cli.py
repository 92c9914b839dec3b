"""edge-fleet: a bundle on many boards, by an Ansible collection."""

from pathlib import Path
from typing import Any

import click

from edge_common import __version__, command_line

EXAMPLES = """\b
Examples:
  edge-fleet plan door.edge -i inventory/
  edge-fleet roll-out door.edge -i inventory/ --waves 1,10%,50%,all --watch-minutes 10
  edge-fleet status -i inventory/
  edge-fleet doctor -i inventory/ --limit pi_4
  edge-fleet collect -i inventory/ -o clips
  edge-fleet bench door.edge -i inventory/ -o records
"""
_USUAL_WAVES = "1,10%,50%,all"
_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHARED = (
    click.option(
        "-i", "--inventory", "inventories", multiple=True, required=True, metavar="PATH",
        type=click.Path(exists=True, path_type=Path),
        help="An inventory of Ansible's, a file or a folder; may be given again.",
    ),
    click.option("--limit", default="", metavar="PATTERN", help="Only these boards, as Ansible has it."),
    click.option(
        "--vault-password-file", type=_file, metavar="FILE",
        help="With the password of ansible-vault; mode 0600, or a program that prints it.",
    ),
    click.option(
        "--forks", type=click.IntRange(1, 500), default=20, show_default=True,
        help="Boards at a time.",
    ),
    click.option("--quiet", is_flag=True, help="Show no progress."),
    command_line.json_option,
)  # fmt: skip
_waves = click.option(
    "--waves", default=_USUAL_WAVES, show_default=True, metavar="N,N%,...",
    help="How many boards have it after each wave.",
)  # fmt: skip
_bundle = click.argument("bundle", type=_file)


def _shared(command: Any) -> Any:
    for option in reversed(_SHARED):
        command = option(command)
    return command


@click.group(cls=command_line.OneLineGroup, epilog=EXAMPLES)
@click.version_option(__version__)
def main() -> None:
    """Put edge-run and bundles on many boards, and see how they are (extra `fleet`).

    Boards stand in an inventory of Ansible's, in groups named after them (pi_4, jetson_nano). They
    are reached by ssh with keys; nothing asks for a password. Each command ends with a line for each
    board that it could not do, and code 1 then. docs/fleet.md says what to write where.
    """


@main.command()
@_bundle
@_waves
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Of a network."
)
@_shared
@command_line.one_line_errors
def plan(**options: Any) -> None:
    """Show the waves, and which boards must not get BUNDLE.

    Latency, memory and disk are predicted from the boards' profiles, and compared with what the
    inventory allows. No board is asked.
    """
    from edge_fleet.boards import commands

    commands.plan(**options)


@main.command("roll-out")
@_bundle
@_waves
@click.option(
    "--watch-minutes", type=command_line.FiniteFloat(0, 10_000), default=10.0, show_default=True,
    metavar="N", help="How long each wave has to be well before the next one.",
)  # fmt: skip
@click.option(
    "--most-age-ms", type=command_line.FiniteFloat(1), metavar="N",
    help="How old frames may be. [default: twice as old as before, 100 ms at least]",
)  # fmt: skip
@click.option(
    "--most-errors", type=command_line.FiniteFloat(0, 1), default=0.01, show_default=True,
    metavar="SHARE", help="Frames that may be dropped or unreadable.",
)  # fmt: skip
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Of a network."
)
@click.option("--again", is_flag=True, help="Begin anew, whatever an earlier roll-out of it did.")
@_shared
@command_line.one_line_errors
def roll_out(**options: Any) -> None:
    """Put BUNDLE on the boards, wave after wave, each of which has to be well for a while.

    At the first wave that is not, its boards get the bundle of before, and it ends with code 1.
    The same command goes on after an interruption, and tries again who could not be reached.
    """
    from edge_fleet.boards import commands

    commands.roll_out(**options)


@main.command("set-up")
@click.option("--bundle", type=_file, metavar="FILE", help="The first bundle of new boards.")
@_shared
@command_line.one_line_errors
def set_up(**options: Any) -> None:
    """Install edge-run, keys, settings and the service, as the inventory says; twice is once."""
    from edge_fleet.boards import visits

    visits.set_up(**options)


@main.command()
@_shared
@command_line.one_line_errors
def status(**options: Any) -> None:
    """Show which bundle runs on each board, and how it goes."""
    from edge_fleet.boards import visits

    visits.status(**options)


@main.command()
@_shared
@command_line.one_line_errors
def doctor(**options: Any) -> None:
    """Show what `edge-devices doctor` finds wrong with each board."""
    from edge_fleet.boards import visits

    visits.doctor(**options)


_folder = click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER", help="Where it goes, a folder or file a board; what is there already stays.",
)  # fmt: skip


@main.command()
@_bundle
@_folder
@click.option("--again", is_flag=True, help="Also boards that have a record of this bundle.")
@click.option(
    "--report", default="report.md", show_default=True, metavar="NAME",
    help="Of all records, in FOLDER: .html with plots (extra `report`), .md or .csv.",
)  # fmt: skip
@_shared
@command_line.one_line_errors
def bench(**options: Any) -> None:
    """Measure the bundle that runs, if it is BUNDLE, on each board; one report of all records."""
    from edge_fleet.boards import visits

    visits.bench(**options)


@main.command()
@_folder
@_shared
@command_line.one_line_errors
def collect(**options: Any) -> None:
    """Bring clips and events home, from the folders that edge_kept names in the inventory.

    Files that are here already, of the same size and time, are not sent again.
    """
    from edge_fleet.boards import visits

    visits.collect(**options)


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@command_line.one_line_errors
def collection(folder: Path) -> None:
    """Write the Ansible collection into FOLDER/ansible_collections, to be read, changed or run by hand."""
    from edge_fleet.boards import visits

    visits.write_collection(folder)


@main.command()
@click.option("--boards", type=click.IntRange(1, 1_000_000), default=1000, show_default=True)
@click.option("--forks", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option(
    "--model", type=_file, metavar="FILE.toml",
    help="Times, sizes and rates of failure that are to be assumed. [default: as docs/fleet.md says]",
)  # fmt: skip
@_waves
@click.option("--seed", type=int, default=0, show_default=True)
@command_line.json_option
@command_line.one_line_errors
def simulate(**options: Any) -> None:
    """Say what a roll-out and a day's collecting would take: time, traffic, disk. Simulated.

    By a simulation of events, with boards that fail as the model says.
    """
    from edge_fleet.boards import visits

    visits.simulate(**options)


if __name__ == "__main__":
    main(prog_name="edge-fleet")
