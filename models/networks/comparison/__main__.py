"""What the thesis' table asks for, network by network: `python -m edge_models.networks.comparison`."""

from pathlib import Path

import click

from edge_common import command_line, console

EPILOG = """\b
Example:
  python -m edge_models.networks.comparison coral out/coral
"""


@click.command(epilog=EPILOG)
@click.argument("row")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--network", type=click.IntRange(0), default=0, show_default=True, help="Its number.")
@click.option(
    "--width", type=command_line.FiniteFloat(0, 1, min_open=True), default=1.0, show_default=True,
    help="Share of the filters of each layer, to try things out.",
)  # fmt: skip
@command_line.one_line_errors
def main(row: str, folder: Path, network: int, width: float) -> None:
    """Build a network of ROW with random weights and export it as SavedModels into FOLDER.

    Its answers mean nothing; its time, memory and size are those of the trained one.
    """
    with console.captured_stderr():
        from edge_models.networks.comparison.catalogue import export_network, networks_of

    networks = networks_of(row)
    if network >= len(networks):
        raise click.BadParameter(f"{row} has {len(networks)} networks, counted from 0")
    folder.mkdir(parents=True, exist_ok=True)
    export_network(networks[network], folder, width, len(networks))
    console.echo(f"exported {networks[network].name} ({network + 1} of {len(networks)})")


if __name__ == "__main__":
    main()
