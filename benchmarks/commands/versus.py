"""edge-bench versus: two bundles in turn, which is the surest way to see a small difference."""

import click

from edge.commands.options import engine_options
from edge.engine.delegate import Delegate
from edge_common.command_line import json_option, one_line_errors

EXAMPLES = """\b
Examples:
  edge-bench versus old.edge new.edge
  edge-bench versus old.edge new.edge --threads 2 --processes 12
"""


@click.command(epilog=EXAMPLES)
@click.argument("before")
@click.argument("after")
@click.option(
    "--processes",
    type=click.IntRange(4),
    default=8,
    show_default=True,
    help="Fresh processes, in each of which both take turns.",
)
@click.option(
    "--source",
    metavar="URI",
    help="Frames to run both on: a video or a folder of images. [default: AFTER's golden frames]",
)
@engine_options
@json_option
@one_line_errors
def versus(
    before: str,
    after: str,
    processes: int,
    source: str | None,
    runtime: str,
    threads: int,
    delegate: Delegate,
    as_json: bool,
) -> None:
    """Measure two bundles in turn (A B A B ...) and say whether AFTER is faster or slower."""
    import json

    from edge.bundle.plain_tflite import open_any
    from edge.stream import StreamOptions
    from edge_benchmarks.judge.compare import compare_interleaved
    from edge_benchmarks.measure import processes as fresh
    from edge_benchmarks.measure.frames import choose_frames
    from edge_common.console import Progress
    from edge_common.data import encode

    options, progress = StreamOptions(runtime, threads, delegate), Progress()
    open_any(before, runtime=runtime)  # refused now, not by a child
    frames = choose_frames(open_any(after, runtime=runtime), None, source)
    with progress.count("both in turn, fresh processes", processes) as on_process:
        pairs = list(
            fresh.interleaved_floors_ms(
                before, after, options, frames, processes, plan=fresh.PLAN, on_process=on_process
            )
        )
    comparison = compare_interleaved(*zip(*pairs))
    low, high = comparison.interval
    if as_json:
        floors = dict(zip(("before_ms", "after_ms"), zip(*pairs)))
        click.echo(json.dumps({**encode(comparison), "verdict": comparison.verdict, **floors}))
        return
    click.echo(
        f"{after} against {before}: {comparison.verdict} (time x {comparison.ratio:.3f}, "
        f"95 % interval {low:.3f} to {high:.3f}, {processes} processes)"
    )
