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
        failure = click.ClickException(str(error))
        failure.exit_code = 2  # type: ignore[misc]  # click reads it of the instance
        raise failure from None
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
        yield {"alerts": read.alerts, "names": read.names}
    except click.UsageError as error:
        error.message = read.located(error.message)  # type: ignore[misc]  # click reads it
        raise
    except EdgeError as error:
        if error.exit_code == 2:
            error.args = (read.located(str(error)),)
        raise


@click.command()
@command_line.one_line_errors
def schema() -> None:
    """Print the JSON schema of --config files, for editors."""
    from edge.cli import main
    from edge.commands import settings

    click.echo(settings.json_schema(main))
