"""`edge-bench [run] BUNDLE`: measure one bundle on this machine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edge.commands.options import engine_options
from edge.commands.plain import PlainOptions, plain_options
from edge.shipped import BENCHMARK_BUNDLE
from edge_benchmarks.commands.options import analysis_options, counting_options, scenario_options
from edge_benchmarks.remote.board import Board, board_options
from edge_common import (
    EdgeError,
    SinkError,
    cache_folder,
    can_be_written,
    command_line,
    console,
    only_writer,
)

EXAMPLES = """\b
Examples:
  edge-bench mine.edge
  edge-bench mine.edge --source clip.mp4 --threads 2 -o record.json
  edge-bench mine.edge --data test.npz
  edge-bench mine.edge --data test.npz --baselines --model mine.keras
  edge-bench model.tflite --mean 127.5 --std 127.5 --resize letterbox --labels names.txt
  edge-bench mine.edge --count --device pi-4,pi-5
  edge-bench mine.edge --device emulated:pi-4 --scenario camera
  edge-bench --host pi@board mine.edge --data test.npz -o record.json
"""

_existing = click.Path(exists=True, path_type=Path)


@scenario_options
@click.command(epilog=EXAMPLES)
@click.argument("bundle", default=BENCHMARK_BUNDLE)
@click.option(
    "--data",
    type=_existing,
    metavar="CLIPS",
    help="Clips, for accuracy labelled ones: an .npz of `clips` and one array a task.",
)
@click.option(
    "--clips",
    type=click.IntRange(1),
    metavar="N",
    help="Answer at most N of the clips, drawn over all of them. [default: all]",
)
@click.option(
    "--source",
    metavar="URI",
    help="Frames to time: video file, image folder, quoted glob. [default: --data, else golden]",
)
@click.option(
    "--baselines", is_flag=True, help="Also run both parts anew over the window, each frame."
)
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="MODEL.keras",
    help="With --baselines: also the uncut network in TFLite int8, float32 and Keras.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    default=lambda: cache_folder() / "baselines",
    show_default="~/.cache/edge-run/baselines",
    help="Keep converted baselines there.",
)
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    metavar="N",
    help="Measure at least N frames ...",
)
@click.option(
    "--seconds",
    type=command_line.FiniteFloat(0, min_open=True),
    default=3.0,
    show_default=True,
    metavar="S",
    help="... and at least S seconds.",
)
@click.option(
    "--baseline-frames",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="Enough frames of a baseline.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Rounds in which streaming and baselines take turns.",
)
@click.option(
    "--processes",
    type=click.IntRange(0),
    metavar="N",
    help="Fresh processes whose shortest frames comparisons rest on. [default: 20 with -o, else 0]",
)
@analysis_options
@counting_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="RECORD.json",
    help="Write the record, for comparisons.",
)
@board_options
@engine_options
@plain_options
@command_line.json_option
@command_line.one_line_errors
def run(
    board: Board | None, output: Path | None, as_json: bool, plain: PlainOptions, **values: Any
) -> None:
    """Measure BUNDLE (a .edge file, a shipped name or a plain .tflite) on this machine.

    Without BUNDLE the shipped faces-in-motion is measured, as in docs/results.md.

    Reports size, parameters and multiply-adds, latency of each stage and of a whole
    frame, what edge-run adds around the runtime, accuracy on labelled clips, cold
    start and peak memory of a fresh process, and the same for slower ways to run the
    same network (--baselines).
    """
    from edge_benchmarks.record import to_json, write_record
    from edge_benchmarks.remote.session import measure_there
    from edge_benchmarks.run import bench, request
    from edge_benchmarks.show.terminal import report

    request.refuse_contradictions(values, board is not None)
    if output:
        _check_writable(output)
    run_request = request.request_of(values, recorded=output is not None)
    progress = console.Progress()
    plain.refuse_for(run_request.bundle)
    with only_writer(output), run_request.options.confined():
        if board:
            record = measure_there(board, output, progress)
        else:
            with plain.as_bundle(run_request.bundle, run_request.options.runtime) as name:
                record = bench.Bench(replace(run_request, bundle=name), progress).run()
    progress.say("done")
    if output and not board:
        write_record(output, record)
    console.echo(to_json(record).rstrip() if as_json else "\n" + report(record))
    if not record.complete:
        raise KeyboardInterrupt
    if record.failures:
        raise SystemExit(EdgeError.exit_code)


def _check_writable(output: Path) -> None:
    """A run takes minutes: find out before it, not after."""
    if output.suffix != ".json":
        raise SinkError(f"{output} is no name for a record: it ends in .json")
    if not can_be_written(output):
        raise SinkError(f"{output} cannot be written: its folder is missing or read-only")
