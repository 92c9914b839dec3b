"""`edge-bench compare`: what changed between two records."""

from pathlib import Path

import click

from edge_benchmarks.commands.options import across_options
from edge_common.command_line import json_option, one_line_errors

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
@json_option
@one_line_errors
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
    import json

    from edge_benchmarks.judge.records import Across, compare_records
    from edge_benchmarks.record.file import read_record
    from edge_benchmarks.show.comparison import as_markdown, as_text
    from edge_common.data import encode

    if markdown and as_json:
        raise click.UsageError("give one of --markdown and --json")
    comparison = compare_records(
        (str(before), str(after)),
        read_record(before),
        read_record(after),
        Across(across_machines, across_settings),
    )
    if as_json:
        click.echo(json.dumps(encode(comparison), indent=1))
    else:
        click.echo(as_markdown(comparison) if markdown else as_text(comparison))
