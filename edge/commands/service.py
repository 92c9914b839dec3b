"""`edge-run service`: a run as a service of systemd, which starts with the machine."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_common import ConfigError, command_line, console

if TYPE_CHECKING:
    from edge.service.unit import Unit

F = TypeVar("F", bound=Callable[..., Any])

EXAMPLES = """\b
Examples:
  edge-run --config /etc/edge-run/run.toml --check
  edge-run service unit --config /etc/edge-run/run.toml
  sudo edge-run service install --config /etc/edge-run/run.toml
  edge-run service status
  sudo systemctl reload edge-run
  sudo edge-run service uninstall
"""
NAME, NOT_RUNNING = "edge-run", 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


class NameParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """Of a unit, and of the folders of a service."""

    name = "name"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not _NAME.fullmatch(str(value)):
            self.fail(f"{value!r} is no name of a service: letters, digits, _ and -.", param, ctx)
        return str(value)


_name = click.option(
    "--name", type=NameParam(), default=NAME, show_default=True, help="Of the service."
)
_user = click.option("--user", is_flag=True, help="A service of yours alone, without root.")


def _unit_options(command: F) -> F:
    for option in reversed(
        (
            click.option(
                "--config",
                type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
                required=True,
                metavar="FILE",
                help="The settings, which stay where they are; checked before anything is written.",
            ),
            _name,
            _user,
            click.option(
                "--run-as",
                metavar="USER",
                default="",
                help="An existing user. [default: one that systemd makes up while it runs]",
            ),
            click.option(
                "--memory-mb",
                type=click.IntRange(64),
                default=512,
                show_default=True,
                help="Memory at which it is ended, and started again.",
            ),
            click.option(
                "--watchdog-s",
                type=click.IntRange(10, 3600),
                default=30,
                show_default=True,
                help="Seconds without a sign of life after which it is started again.",
            ),
            click.option(
                "--require-signature",
                is_flag=True,
                help="Run only signed bundles, whatever the settings say (docs/security.md).",
            ),
            click.option(
                "--allow-device",
                multiple=True,
                metavar="DEVICE",
                help="What a delegate needs, such as /dev/apex_0 or char-drm; may be given again.",
            ),
        )
    ):
        command = option(command)
    return command


@click.group(epilog=EXAMPLES)
def service() -> None:
    """Run as a service of systemd: it starts with the machine, and again if it fails or hangs.

    It has a user of its own, reads the system and writes only what its settings name.
    """


@service.command()
@_unit_options
@command_line.one_line_errors
def unit(**options: Any) -> None:
    """Print the unit that `install` would write."""
    click.echo(str(_unit_of(**options)), nl=False)


@service.command()
@_unit_options
@click.option("--force", is_flag=True, help="Write over a unit that says something else.")
@click.option("--no-start", is_flag=True, help="Start it with the machine, not now.")
@click.option("--dry-run", is_flag=True, help="Print the unit, and do nothing.")
@command_line.one_line_errors
def install(force: bool, no_start: bool, dry_run: bool, **options: Any) -> None:
    """Write the unit, start it now and with the machine."""
    from edge.service import manager

    built_unit = _unit_of(**options)
    if dry_run:
        click.echo(str(built_unit), nl=False)
        return
    systemd = manager.Manager.of(built_unit.is_user)
    systemd.require()
    is_new = systemd.install(built_unit.name, str(built_unit), force, not no_start)
    path = systemd.path(built_unit.name)
    console.echo(f"{path}: {'written' if is_new else 'as it was'}")
    if built_unit.is_user:
        console.note("it ends when you log out, unless: loginctl enable-linger")


@service.command()
@_name
@_user
@command_line.json_option
@command_line.one_line_errors
def status(name: str, user: bool, as_json: bool) -> None:
    """Say how it goes; ends with code 1 if it does not run."""
    from edge.service import manager

    systemd = manager.Manager.of(user)
    systemd.require(writes=False)
    properties = systemd.properties(name)
    if as_json:
        console.echo(json.dumps(properties))
    else:
        console.echo(console.section(name, manager.status_lines(properties)))
    if properties.get("ActiveState") not in ("active", "reloading"):
        console.note(f"it does not run: {systemd.journal(name)} says why")
        raise SystemExit(NOT_RUNNING)


@service.command()
@_name
@_user
@command_line.one_line_errors
def uninstall(name: str, user: bool) -> None:
    """Stop it and remove its unit; settings and outputs stay."""
    from edge.service import manager

    systemd = manager.Manager.of(user)
    systemd.require()
    systemd.uninstall(name)
    console.echo(f"{systemd.path(name)}: removed; its settings and outputs stay")


def _unit_of(
    config: Path,
    name: str,
    user: bool,
    run_as: str,
    memory_mb: int,
    watchdog_s: int,
    require_signature: bool,
    allow_device: tuple[str, ...],
) -> "Unit":
    """Raises EdgeError or click.ClickException if the settings or the service cannot be."""
    from edge.commands import execute, reload
    from edge.service import manager, needs, unit

    if user and run_as:
        raise ConfigError("--user is a service of yours: leave out --run-as")
    flags = ("--require-signature",) if require_signature else ()
    request = reload.read_again(["--config", str(config), *flags], execute.checked_request)
    state = Path("/var/lib", name)
    account = needs.Account(run_as)
    run_needs = needs.needs_of(request.options, config, state, account)
    if not user:
        needs.refuse_own_keys(request.options)
        account.check(run_needs, state)
    return unit.Unit(
        name,
        config,
        run_needs,
        account,
        allow_device,
        memory_mb,
        watchdog_s,
        manager.version(),
        user,
        flags,
    )


COMMANDS = {"service": service}
