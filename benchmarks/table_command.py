"""`edge-bench table utkface`: networks of others, built and measured, beside what they published."""

from pathlib import Path

import click

from devices.cache_folder import cache_folder
from edge.options import json_option, one_line_errors, threads_option

EXAMPLES = """\b
Examples:
  edge-bench table utkface -o table.html
  edge-bench table utkface --rows mtllnn,mtdnn --device pi-5
  edge-bench table utkface --json > table.json
"""


@click.group(epilog=EXAMPLES)
def table() -> None:
    """Tables of networks that others published, with figures measured here."""


@table.command(epilog=EXAMPLES)
@click.option("--rows", default="", metavar="NAME,...", help="Only these.  [default: all eleven]")
@click.option(
    "--device",
    default="pi-4,pi-5,jetson-nano",
    show_default=True,
    metavar="BOARD[,BOARD...]",
    help="Boards to predict for; `edge-devices list` shows them.",
)
@threads_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="FILE.md, FILE.html, FILE.csv or FILE.json; written anew after each row.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: cache_folder() / "utkface",
    show_default="~/.cache/edge-run/utkface",
    metavar="DIR",
    help="Where finished rows are kept; needs 4 GB of free space while building.",
)
@json_option
@one_line_errors
def utkface(
    rows: str, device: str, threads: int, output: Path | None, cache: Path, as_json: bool
) -> None:
    """Build every network of the thesis' UTKFace table and say what it costs.

    Beside the published accuracy and parameters: parameters as counted, multiply-adds, size and
    latency in int8 here, and latency as predicted for boards. Weights are random, which says
    nothing about accuracy but all about time. Each network is built and converted in processes
    of its own, one at a time; call it again to go on after an interruption. About a quarter of
    an hour on two cores, 6 GB of memory. The exit code is 1 where a row failed.

    Rows: randomized-bins, coral, one-task, cross-stitch, filter-groups, mobilenet-v2,
    insightface, dex, facenet, mtllnn, mtdnn.
    """
    from benchmarks.utkface.conversion import largest_child_bytes
    from benchmarks.utkface.figures import Failure, Found
    from benchmarks.utkface.files import as_json as json_of
    from benchmarks.utkface.run import lines, run_table
    from benchmarks.utkface.shown import Shown, notes
    from edge.progress import Progress

    progress = Progress()

    def on_row(found: Found, shown: Shown) -> None:
        if isinstance(found, Failure):
            progress.say(f"warning: {found.key}: {found.reason}")
        if not as_json:
            click.echo("\n".join(lines(found, shown)))

    shown = run_table(rows, device, threads, cache, output, on_row, progress.say)
    click.echo(json_of(shown) if as_json else "\n" + "\n".join(notes(shown)))
    if largest_child_bytes():
        progress.say(f"largest process: {largest_child_bytes() / 1e9:.1f} GB")
    if output is not None:
        progress.say(f"wrote {output}")
    if any(isinstance(found, Failure) for found in shown.found.values()):
        raise SystemExit(1)
