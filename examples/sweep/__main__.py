"""`python -m examples.sweep`: train members of the family alike, and plot what accuracy costs."""

from pathlib import Path

import click

from edge_common import command_line, console

EPILOG = """\b
Examples:
  python -m examples.sweep examples/sweep/fashion.toml -o out/sweeps/fashion
  python -m examples.sweep examples/sweep/orl.toml -o out/sweeps/orl --members b3,lite0
  python -m examples.sweep examples/sweep/orl.toml -o /shared/orl --scheduler tcp://10.0.0.5:8786
"""


@click.command(epilog=EPILOG)
@click.argument("path", metavar="SWEEP.toml", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True,
    metavar="FOLDER", help="Where members are trained, and sweep.md, .json and .png go.",
)  # fmt: skip
@click.option("--members", default="", metavar="NAME,...", help="Only these.  [default: all]")
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False), metavar="FOLDER",
    help="Where the data set lies, instead of the file's data.path.",
)  # fmt: skip
@click.option("--train-only", is_flag=True, help="Leave converting and measuring for later.")
@click.option(
    "--processes", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
    help="Fresh processes a bundle, whose shortest frames are its latency.",
)  # fmt: skip
@click.option("--time-again", is_flag=True, help="Time all bundles, also those that were.")
@command_line.scheduler_option
@click.option("--as-part", default="", hidden=True)  # of a sweep on a cluster: no comparison
@command_line.one_line_errors
def main(
    path: Path, output: Path, members: str, data: str | None,
    train_only: bool, processes: int, time_again: bool, scheduler: str, as_part: str,
) -> None:  # fmt: skip
    """Train, convert and measure every network that SWEEP.toml names, and compare them.

    What was done before is not done again: call it again after an interruption, or with
    more members. With --scheduler, workers that share the folders train members side by side.
    """
    from examples.sweep.plan import read_sweep

    sweep = read_sweep(path, data)
    names = members.split(",") if members else [member.name for member in sweep.members]
    selected = [sweep.member(name) for name in names]
    with console.captured_stderr():  # tensorflow's start-up notes would bury the progress
        from examples.sweep.compare import compare, train_and_convert
        from examples.sweep.on_cluster import train_members

    if scheduler:
        options = [*(["--data", data] if data else []), *(["--train-only"] if train_only else [])]
        train_members(selected, path, output, options, scheduler)
    else:
        train_and_convert(
            selected, output, convert=not train_only, int8_clips=sweep.int8_clips, part=as_part
        )
    if not (train_only or as_part):
        compare(sweep, output, processes=processes, again=time_again)
        click.echo(f"wrote {output}/sweep.md, sweep.json and sweep.png")


if __name__ == "__main__":
    main()
