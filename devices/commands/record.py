"""`edge-devices record`: the files that tell what a machine is, to attach to a bug report."""

from pathlib import Path

import click

from edge_common.command_line import one_line_errors

EXAMPLES = """\b
Examples:
  edge-devices record my-board
  tar czf my-board.tar.gz my-board
  edge-devices doctor --root my-board
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@one_line_errors
def record(folder: Path) -> None:
    """Save what this machine tells of itself into FOLDER, as small text files.

    Whoever gets the folder can run `show` and `doctor` on it. It holds no serial number, no
    name of host or user and nothing of your programs but the versions of Python, numpy and
    the TFLite runtimes; look through it before you send it.
    """
    from edge_devices.doctor.record import record as save

    click.echo(f"{save(folder)} files in {folder}; now: edge-devices doctor --root {folder}")
