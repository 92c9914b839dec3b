"""`edge-bench score`: decisions of a run against what was really to be seen."""

from pathlib import Path

import click

from edge_common.command_line import json_option, one_line_errors

DEFAULT_WINDOW = 15

EXAMPLES = """\b
Examples:
  edge-run mine.edge --source film.mp4 --jsonl decisions.jsonl
  edge-bench score decisions.jsonl film.truth.jsonl --bundle mine.edge
  edge-bench score decisions.jsonl film.truth.jsonl --window 15 --json

\b
TRUTH holds one segment of the film a line, frames counted from 0, both ends included:
  {"first_frame": 0, "last_frame": 23, "tasks": {"action": "left", "age": 34}}
"""

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=EXAMPLES)
@click.argument("decisions", type=_file)
@click.argument("truth", type=_file)
@click.option(
    "--window",
    type=click.IntRange(1),
    metavar="N",
    help=f"Frames that a decision looks at. [default: the bundle's, else {DEFAULT_WINDOW}]",
)
@click.option("--bundle", metavar="BUNDLE", help="The bundle that decided: its window counts.")
@json_option
@one_line_errors
def score(
    decisions: Path, truth: Path, window: int | None, bundle: str | None, as_json: bool
) -> None:
    """Score DECISIONS.jsonl, as edge-run writes it, against the segments of TRUTH.jsonl.

    A decision counts only if its whole window lies within one segment. Windows of
    neighbouring frames overlap, so they are no independent samples: the interval is
    that of the segments, each judged by its last decision.
    """
    import json

    from edge.bundle.archive import open_bundle
    from edge_benchmarks.judge.score import read_decisions, read_segments, score_decisions
    from edge_benchmarks.show.verdicts import score_report
    from edge_common.data import encode

    if window and bundle:
        raise click.UsageError("give one of --window and --bundle")
    if bundle:
        window = open_bundle(bundle).manifest.window
    result = score_decisions(
        read_decisions(decisions), read_segments(truth), window or DEFAULT_WINDOW
    )
    click.echo(json.dumps(encode(result), indent=1) if as_json else score_report(result))
