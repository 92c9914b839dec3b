"""`edge-bench compare`, `versus`, `score` and `tracking`: two records, two bundles, a run and the truth."""

import json
from pathlib import Path

import click

from edge.commands.options import engine_options
from edge.commands.plain import PlainOptions, plain_options
from edge.engine import EngineOptions
from edge_benchmarks.commands.options import across_options
from edge_common import command_line, console, encode

EXAMPLES = """\b
Examples:
  edge-bench faces-in-motion -o before.json
  edge-bench faces-in-motion -o after.json
  edge-bench compare before.json after.json
  edge-bench compare before.json after.json --markdown >> "$GITHUB_STEP_SUMMARY"
"""

_record = click.Path(path_type=Path)


@click.command(epilog=EXAMPLES)
@click.argument("before", type=_record)
@click.argument("after", type=_record)
@across_options
@click.option("--markdown", is_flag=True, help="Print GitHub-flavoured Markdown.")
@command_line.json_option
@command_line.one_line_errors
def compare(
    before: Path,
    after: Path,
    across_machines: bool,
    across_settings: bool,
    markdown: bool,
    as_json: bool,
) -> None:
    """Compare the records BEFORE.json and AFTER.json of edge-bench.

    Says whether a frame takes longer, less or as long at 95 % confidence, resting on the
    shortest frames of several fresh processes, and lists every other figure that changed.
    Records of different machines or settings are refused. The exit code is 0 whatever the
    verdict is; `edge-bench gate` has one that tells.
    """
    from edge_benchmarks.judge.records import Across, compare_records
    from edge_benchmarks.record import read_record
    from edge_benchmarks.show.verdicts import as_markdown, as_text

    if markdown and as_json:
        raise click.UsageError("give one of --markdown and --json")
    comparison = compare_records(
        (str(before), str(after)),
        read_record(before),
        read_record(after),
        Across(across_machines, across_settings),
    )
    if as_json:
        console.echo(json.dumps(encode(comparison), indent=1))
    else:
        console.echo(as_markdown(comparison) if markdown else as_text(comparison))


VERSUS_EXAMPLES = """\b
Examples:
  edge-bench versus old.edge new.edge
  edge-bench versus old.edge new.edge --threads 2 --processes 12
"""


@click.command(epilog=VERSUS_EXAMPLES)
@click.argument("before")
@click.argument("after")
@click.option(
    "--processes",
    "count",
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
@plain_options
@command_line.json_option
@command_line.one_line_errors
def versus(
    before: str,
    after: str,
    count: int,
    source: str | None,
    engine: EngineOptions,
    plain: PlainOptions,
    as_json: bool,
) -> None:
    """Measure two bundles in turn (A B A B ...) and say whether AFTER is faster or slower."""
    from edge.bundle.plain_tflite import open_any
    from edge.stream import StreamOptions, golden_inputs, require_tasks
    from edge_benchmarks.judge.compare import compare_interleaved
    from edge_benchmarks.measure import conditions, processes

    options, progress = StreamOptions(**vars(engine), gate=False), console.Progress()
    plain.refuse_for(before, after)
    with (
        plain.as_bundle(before, engine.runtime) as first,
        plain.as_bundle(after, engine.runtime) as second,
    ):
        bundles = [open_any(name, runtime=engine.runtime) for name in (first, second)]
        for bundle in bundles:
            require_tasks(bundle)  # refused now, not by a child
        options = options.with_inputs(golden_inputs(bundles[1]))
        frames = conditions.choose_frames(bundles[1], None, source)
        with progress.count("both in turn, fresh processes", count) as on_process:
            floors_ms = processes.interleaved_floors_ms(
                first, second, options, frames, count, plan=processes.PLAN, on_process=on_process
            )
            pairs = list(floors_ms)
    comparison = compare_interleaved(*zip(*pairs))
    low, high = comparison.interval
    if as_json:
        floors = dict(zip(("before_ms", "after_ms"), zip(*pairs)))
        console.echo(json.dumps({**encode(comparison), "verdict": comparison.verdict, **floors}))
        return
    console.echo(
        f"{after} against {before}: {comparison.verdict} (time x {comparison.ratio:.3f}, "
        f"95 % interval {low:.3f} to {high:.3f}, {count} processes)"
    )


DEFAULT_WINDOW = 15

SCORE_EXAMPLES = """\b
Examples:
  edge-run mine.edge --source film.mp4 --jsonl decisions.jsonl
  edge-bench score decisions.jsonl film.truth.jsonl --bundle mine.edge
  edge-bench score decisions.jsonl film.truth.jsonl --window 15 --json

\b
TRUTH holds one segment of the film a line, frames counted from 0, both ends included:
  {"first_frame": 0, "last_frame": 23, "tasks": {"action": "left", "age": 34}}
"""

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=SCORE_EXAMPLES)
@click.argument("decisions", type=_file)
@click.argument("truth", type=_file)
@click.option(
    "--window",
    type=click.IntRange(1),
    metavar="N",
    help=f"Frames that a decision looks at. [default: the bundle's, else {DEFAULT_WINDOW}]",
)
@click.option("--bundle", metavar="BUNDLE", help="The bundle that decided: its window counts.")
@command_line.json_option
@command_line.one_line_errors
def score(
    decisions: Path, truth: Path, window: int | None, bundle: str | None, as_json: bool
) -> None:
    """Score DECISIONS.jsonl, as edge-run writes it, against the segments of TRUTH.jsonl.

    A decision counts only if its whole window lies within one segment. Windows of
    neighbouring frames overlap, so they are no independent samples: the interval is
    that of the segments, each judged by its last decision.
    """
    from edge.bundle import open_bundle
    from edge_benchmarks.judge.score import read_decisions, read_segments, score_decisions
    from edge_benchmarks.show.verdicts import score_report

    if window and bundle:
        raise click.UsageError("give one of --window and --bundle")
    if bundle:
        window = open_bundle(bundle).manifest.window
    result = score_decisions(
        read_decisions(decisions), read_segments(truth), window or DEFAULT_WINDOW
    )
    console.echo(json.dumps(encode(result), indent=1) if as_json else score_report(result))


TRACKING_EXAMPLES = """\b
Examples:
  edge-bench tracking mine.txt TUD-Campus/gt/gt.txt
  edge-run people.edge --detector person --source TUD-Campus/img1 --jsonl people.jsonl
  edge-bench tracking people.jsonl TUD-Campus/gt/gt.txt --json

\b
A line of both files (MOTChallenge), frames counted from 1:
  frame,id,left,top,width,height,confidence,...
"""


@click.command(epilog=TRACKING_EXAMPLES)
@click.argument("predicted", type=_file)
@click.argument("truth", type=_file)
@command_line.json_option
@command_line.one_line_errors
def tracking(predicted: Path, truth: Path, as_json: bool) -> None:
    """Score the tracks of PREDICTED against those of TRUTH: HOTA, MOTA, IDF1, ID switches.

    PREDICTED is a text file of MOTChallenge or the JSON lines of edge-run; these hold the
    people that were decided on in a frame, so others count as misses. Of a TRUTH with
    classes (MOT16 to MOT20) pedestrians count.
    """
    from edge_benchmarks.judge.track_files import read_tracks
    from edge_benchmarks.judge.tracking import score_tracking
    from edge_benchmarks.show.verdicts import tracking_report

    result = score_tracking(read_tracks(predicted), read_tracks(truth))
    console.echo(json.dumps(encode(result), indent=1) if as_json else tracking_report(result))
