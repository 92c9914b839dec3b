"""`--config FILE`, whose settings hold where the command line says nothing, and `edge-run schema`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from edge_common import EdgeError, command_line

_META = "edge.settings"
_WHERE = ("camera", "source")  # who gives one of them means no camera of the file


class ConfigOption(click.Option):
    """Reads the file before the other options are looked at, and becomes their defaults."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, is_eager=True, **kwargs)

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        if path := opts.get(self.name or ""):
            _take(str(path), ctx, opts)
        return super().handle_parse_result(ctx, opts, args)


def _take(path: str, ctx: click.Context, opts: Mapping[str, Any]) -> None:
    from edge.commands import settings

    try:
        read = settings.read(Path(path), ctx.command, ctx)
    except EdgeError as error:
        raise command_line.CommandFailed(str(error), 2) from None
    defaults = dict(read.defaults)
    if any(opts.get(name) for name in _WHERE):
        defaults = {name: value for name, value in defaults.items() if name not in _WHERE}
    ctx.default_map, ctx.meta[_META] = defaults, read


@contextmanager
def settings_of(ctx: click.Context) -> Iterator[dict[str, Any]]:
    """What a file says that no option can; an error within says on which line it is."""
    read = ctx.meta.get(_META)
    if read is None:
        yield {}
        return
    try:
        zones = ctx.get_parameter_source("zone") is click.core.ParameterSource.COMMANDLINE
        file = {"config": read.path, "has_zone_options": zones}
        yield {"alerts": read.alerts, "names": read.names, "update": read.update, **file}
    except click.UsageError as error:
        error.message = read.located(error.message)  # type: ignore[misc]  # click reads it
        raise
    except EdgeError as error:
        if error.exit_code == 2:
            error.args = (read.located(str(error)),)
        raise


REPLAY_EXAMPLES = """\b
Examples:
  edge-run mine.edge --source film.mp4 --sink jsonl:day.jsonl:probabilities=1
  edge-run replay day.jsonl --config run.toml --jsonl events.jsonl
  edge-bench events truth.jsonl events.jsonl --hours 1
"""


@click.command(epilog=REPLAY_EXAMPLES)
@click.argument("decisions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--config", metavar="FILE", required=True, help="Whose bundle and alerts count.")
@click.option(
    "--jsonl", default="-", metavar="FILE", help="Write the events here. [default: stdout]"
)
@command_line.one_line_errors
def replay(decisions: Path, config: str, jsonl: str) -> None:
    """Judge the DECISIONS of a recorded day, JSON lines of edge-run, by a file's alerts.

    Other settings give other events, without the film. Another bundle needs the film: run it with
    `edge-run OTHER.edge --config FILE --source FILM`; `edge-bench events` compares both.
    """
    from edge.cli import main
    from edge.commands import replay as command, settings

    context = click.Context(main)
    command.replay_file(decisions, settings.read(Path(config), main, context), jsonl)


@click.command()
@command_line.one_line_errors
def schema() -> None:
    """Print the JSON schema of --config files, for editors."""
    from edge.cli import main
    from edge.commands import settings

    click.echo(settings.json_schema(main))


COMMANDS = {command.name: command for command in (replay, schema)}
