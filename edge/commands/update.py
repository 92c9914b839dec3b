"""`edge-run update`: another version of the bundle, for a run that goes on."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.commands.service import NameParam
from edge_common import ConfigError, command_line, console

if TYPE_CHECKING:
    from edge.updates import changes, inbox, slots

EXAMPLES = """\b
Examples:
  edge-run update door.edge --config run.toml
  edge-run update --config run.toml --json
  sudo edge-run update door.edge --config /etc/edge-run/run.toml --service edge-run
"""
FAILED = 1
_LOOK_S, _PATIENCE_S = 0.5, 10.0


@click.command(epilog=EXAMPLES)
@click.argument(
    "bundle", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The settings that the run was started with; they hold a table [update].",
)
@click.option(
    "--service", type=NameParam(), metavar="NAME", help="It is this service of the system."
)
@click.option("--no-wait", is_flag=True, help="Hand it over, and end.")
@command_line.json_option
@command_line.one_line_errors
def update(
    bundle: Path | None, config: Path, service: str | None, no_wait: bool, as_json: bool
) -> None:
    """Give a running edge-run the next version of its BUNDLE; without one, say how the newest did.

    It is verified, tried in a process of its own, answers for a while as a shadow that nobody hears, and
    is on probation then. If it fails, the one before goes on, or comes back: the exit code is 1
    then (docs/updates.md).
    """
    from edge.bundle import open_bundle
    from edge.updates import inbox, slots

    state = Path("/var/lib", service, "edge-run") if service else None
    box = inbox.Inbox(slots.folder_for(config, state))
    if bundle is None:
        good = slots.Slots(box.updates).good
        raise SystemExit(_show_newest(config, box.status, good.record if good else None, as_json))
    if bundle.suffix != ".edge":
        raise ConfigError(f"{bundle} is no bundle: edge-convert makes one, NAME.edge")
    content = bundle.read_bytes()
    open_bundle(bundle, content=content)  # what is damaged need not be sent
    request = box.hand_over(bundle, content)
    if not no_wait:
        raise SystemExit(_follow(box, request, as_json))
    console.echo(f"{bundle}: handed over")


def _show_newest(
    config: Path,
    status: "changes.UpdateChange | None",
    kept: "slots.SlotRecord | None",
    as_json: bool,
) -> int:
    """How the newest update did, and what was kept last; the exit code. Raises ConfigError if neither is."""
    if status is None and kept is None:
        raise ConfigError(f"{config}: no update was given to a run by these settings")
    if as_json:
        fields = status.to_json() if status else {}
        console.echo(json.dumps({**fields, **({"kept_sha256": kept.sha256} if kept else {})}))
    elif status:
        _show(status, as_json)
    elif kept:
        console.echo(f"{kept.file} runs; no update was given to it")
    return FAILED if status and status.has_failed else 0


def _follow(box: "inbox.Inbox", request: "inbox.UpdateRequest", as_json: bool) -> int:
    """Show each step until the last one; the exit code."""
    shown, silent_since = "", time.monotonic()
    while True:
        status = box.status
        is_taken = status is not None and status.request == request.identity
        if status and is_taken and str(status) != shown:
            shown = str(status)
            _show(status, as_json)
        if status and is_taken and status.is_over:
            return FAILED if status.has_failed else 0
        if is_taken and box.has_run:
            silent_since = time.monotonic()
        if time.monotonic() - silent_since > _PATIENCE_S:
            raise _silence(box, is_taken)
        time.sleep(_LOOK_S)


def _silence(box: "inbox.Inbox", is_taken: bool) -> ConfigError:
    """Why nothing more comes; what nobody has taken is taken back."""
    if is_taken:
        return ConfigError("the run ended in the middle: its next start says what became of it")
    box.clear()
    return ConfigError(f"no run took it within {_PATIENCE_S:g} s: is it stuck?")


def _show(status: "changes.UpdateChange", as_json: bool) -> None:
    console.echo(json.dumps(status.to_json()) if as_json else str(status))


COMMANDS = {"update": update}
