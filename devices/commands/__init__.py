"""The commands of `edge-devices`, and the option that they share: whose tree to look at."""

from pathlib import Path

import click

from edge_common import DeviceError

root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default="/",
    metavar="FOLDER",
    help="Look at a machine recorded by `edge-devices record FOLDER` instead of this one.",
)

_TOPS = ("proc", "sys", "etc")


def checked_root(root: Path) -> Path:
    """The folder, if it can be a machine's; else raise DeviceError."""
    if not any((root / top).is_dir() for top in _TOPS):
        raise DeviceError(
            f"{root} holds no {', '.join(_TOPS)}: give a folder made by `edge-devices record`"
        )
    return root
