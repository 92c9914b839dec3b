"""edge-batch: a bundle over many recordings, and two bundles compared on them."""

from pathlib import Path
from typing import Any

import click

from edge.commands import options as shared_options, scene_options
from edge_common import __version__, command_line, named_numbers

EXAMPLES = """\b
Examples:
  edge-batch mine.edge recordings/ -o decisions.parquet
  edge-batch mine.edge 'day/*.mp4' more.txt -o decisions.parquet --workers 2
  edge-batch mine.edge s3://footage/2026 -o decisions.parquet --scheduler tcp://10.0.0.5:8786
  edge-batch mine.edge day/ -o decisions.parquet --config run.toml --events events.jsonl
  edge-batch compare old.edge new.edge recordings/ -o report
"""
_CHUNK = 750

_workers = click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Workers on this machine. [default: one a core]",
)
_chunk = click.option(
    "--chunk-frames",
    type=click.IntRange(50),
    default=_CHUNK,
    show_default=True,
    metavar="N",
    help="Of a long recording, frames that a worker decides on at once: what is lost with a worker.",
)
_quiet = click.option("--quiet", is_flag=True, help="Show no progress.")
_SHARED = (
    shared_options.region_option, shared_options.rate_option, shared_options.hop_option,
    shared_options.gate_option, named_numbers.input_option, shared_options.sensitive_option,
    shared_options.runtime_option, _chunk, _workers,
    command_line.scheduler_option,
    _quiet, command_line.json_option,
)  # fmt: skip


def _shared(command: Any) -> Any:
    for option in reversed(_SHARED):
        command = option(command)
    return command


COMPARE_EXAMPLES = """\b
Examples:
  edge-batch compare old.edge new.edge recordings/ -o report
  edge-batch compare face new.edge 'doors/*.mp4' -o report --region square --clips 30
"""


@click.command(cls=command_line.OneLineCommand, epilog=COMPARE_EXAMPLES)
@click.argument("old")
@click.argument("new")
@click.argument("recordings", nargs=-1, required=True, metavar="SOURCES...")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FOLDER",
    help="Where the report, its clips and all decisions go.",
)  # fmt: skip
@click.option(
    "--clips", type=click.IntRange(0), default=12, show_default=True, metavar="N",
    help="Cut out so many of the stretches that differ most.",
)  # fmt: skip
@click.option(
    "--tolerance", type=command_line.FiniteFloat(0), default=0.05, show_default=True, metavar="SHARE",
    help="Numbers differ if they are further apart than this share of their range in OLD's answers.",
)  # fmt: skip
@click.option("--blur/--no-blur", default=True, help="Cover faces in clips. [default: they are]")
@_shared
@command_line.one_line_errors
def compare(**options: Any) -> None:
    """Show where two bundles disagree on recordings: FOLDER/index.html, with clips to look at.

    Of each task that both have: the share of decisions that differ, with its 95 % interval. Code 1
    if not all recordings could be compared.
    """
    from edge_fleet.batch import report

    report.compare(**options)


@click.command(
    cls=command_line.CommandWithSubcommands, subcommands={"compare": compare}, epilog=EXAMPLES
)
@click.argument("bundle")
@click.argument("recordings", nargs=-1, required=True, metavar="SOURCES...")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE", help="Write all decisions here (Parquet).",
)  # fmt: skip
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Judge by the alerts of this file, as `edge-run --config` does; its other settings do not count.",
)  # fmt: skip
@click.option(
    "--events", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the events of --config here (JSON lines).",
)  # fmt: skip
@click.option(
    "--vectors", is_flag=True,
    help="Write descriptors, too: biometric data of all who are seen.",
)  # fmt: skip
@scene_options.scene_options
@_shared
@click.version_option(__version__)
@command_line.one_line_errors
def main(**options: Any) -> None:
    """Run BUNDLE (a .edge file or a shipped name) over recordings, as `edge-run` would over each.

    SOURCES are files, folders, quoted globs, URLs of fsspec (s3://, gs://, ssh://, https://, ...)
    and .txt files that list them. Long videos are cut into chunks, with the same answers. What was
    finished is kept beside FILE: the same command goes on there. Code 1 if not all was decided.
    """
    from edge_fleet.batch import command

    command.run(**options)


if __name__ == "__main__":
    main(prog_name="edge-batch")
