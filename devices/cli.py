"""edge-devices: which boards are known, which one this is, and what is wrong with it."""

import click

from edge_common import __version__, command_line
from edge_devices.commands.boards import list_boards, show
from edge_devices.commands.doctor import cameras, doctor, record

EXAMPLES = """\b
Examples:
  edge-devices list
  edge-devices show pi-5
  edge-devices doctor
  edge-devices cameras
  edge-devices record my-board
"""


@click.group(cls=command_line.OneLineGroup, epilog=EXAMPLES)
@click.version_option(__version__)
def main() -> None:
    """Boards known by name, the state of this one, and what is wrong with it.

    A board of your own is one TOML file in ~/.config/edge/devices; docs/boards.md explains it.
    """


main.add_command(list_boards)
main.add_command(show)
main.add_command(doctor)
main.add_command(cameras)
main.add_command(record)


if __name__ == "__main__":
    main(prog_name="edge-devices")
