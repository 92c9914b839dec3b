"""`edge-bench events`: what alerts told, against what was to be told."""

import json
from pathlib import Path

import click

from edge_common import command_line, console, encode

EXAMPLES = """\b
Examples:
  edge-bench events truth.jsonl events.jsonl
  edge-bench events truth.jsonl raw.jsonl judged.jsonl --hours 1.2 --json
  edge-bench events yesterday.jsonl today.jsonl

\b
TRUTH holds one interval a line, seconds of the film, or is a run's own file, whose events are then what
the others should tell:
  {"alert": "fall", "start_s": 12.5, "end_s": 14.0}
"""

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=EXAMPLES)
@click.argument("truth", type=_file)
@click.argument("runs", type=_file, nargs=-1, required=True, metavar="EVENTS...")
@click.option(
    "--hours",
    type=command_line.FiniteFloat(0, min_open=True),
    metavar="H",
    help="How long the film is. [default: as long as decisions beside the events, or in TRUTH, span]",
)
@click.option(
    "--late",
    type=command_line.FiniteFloat(0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="An event that is told so long behind an interval is still right.",
)
@command_line.json_option
@command_line.one_line_errors
def events(
    truth: Path, runs: tuple[Path, ...], hours: float | None, late: float, as_json: bool
) -> None:
    """Score the EVENTS of edge-run, or of `edge-run replay`, against the intervals of TRUTH.

    False alarms an hour, missed intervals and the delay from their start, with 95 % intervals,
    as MLPerf Tiny judges streaming wake words. An event is right if it is told within an interval.
    """
    from edge_benchmarks.judge.event_score import read_record, score_events
    from edge_benchmarks.show.event_table import event_table

    expected = read_record(truth)
    records = [(path.stem, read_record(path)) for path in runs]
    scores = [
        score_events(
            name,
            record.intervals,
            expected.intervals,
            hours or record.hours or expected.hours,
            late,
        )
        for name, record in records
    ]
    console.echo(json.dumps(encode(scores), indent=1) if as_json else event_table(scores))
