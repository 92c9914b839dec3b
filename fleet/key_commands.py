"""`edge-bundle keys`: make a key, trust one, list and revoke those that are trusted."""

import json
import sys
import time
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_common import SignatureError, command_line, config_folder, console

if TYPE_CHECKING:
    from edge.signatures.trusted import TrustedKey

EXAMPLES = """\b
Examples:
  edge-bundle keys new acme.key
  edge-bundle keys trust acme.pub --expires 2028-12-31
  sudo edge-bundle keys trust acme.pub --expires never --system
  edge-bundle keys list
  edge-bundle keys revoke acme --reason 'laptop stolen'
"""
password_option = click.option(
    "--password",
    metavar="FILE|env:NAME",
    help="Of the secret key: what a file of mode 0600 or a variable holds. [default: asked for]",
)
_system = click.option(
    "--system",
    is_flag=True,
    help="For all users and services of this machine: /etc/edge/trusted.",
)


def read_password(place: str | None, owner: str, confirm: bool = False) -> str:
    """Never of the command line, which others see. Raises EdgeError if there is none."""
    if place:
        from edge.sources import login

        if text := login.read_secret(place, "password"):
            return text
        raise SignatureError(f"the password {place} is empty")
    if not sys.stdin.isatty():
        raise SignatureError(
            f"no terminal asks for the password {owner}: give --password FILE or --password env:NAME"
        )
    prompt = f"Password {owner}"
    try:
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))
    except click.Abort:  # by Ctrl-C, as anywhere else
        raise KeyboardInterrupt from None


@click.group(cls=command_line.OneLineGroup, epilog=EXAMPLES)
def keys() -> None:
    """Make a key, trust one, list and revoke those that are trusted.

    A trusted key is a file NAME.toml in ~/.config/edge/trusted, or in /etc/edge/trusted for the whole
    machine.
    """


@keys.command()
@click.argument("file", type=click.Path(path_type=Path))
@password_option
@click.option("--no-password", is_flag=True, help="Whoever has the file can sign.")
@command_line.one_line_errors
def new(file: Path, password: str | None, no_password: bool) -> None:
    """Make a key pair: FILE is secret, of mode 0600, and FILE with .pub is for boards."""
    from edge_fleet.secret_keys import SecretKey, write_pair

    if file.suffix == ".pub":
        raise click.UsageError(
            f"{file} is the name of a public key: take {file.with_suffix('.key')}"
        )
    if no_password and password:
        raise click.UsageError("--no-password goes without --password")
    key = SecretKey.new()
    text = "" if no_password else read_password(password, f"of {file}", confirm=True)
    public = write_pair(file, key, key.to_text(text))
    console.echo(f"{file}: secret; {public}: key {key.public_key.fingerprint}, {key.public_key}")


class ExpiryParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """The last day of a key, or never."""

    name = "date"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        from edge.signatures import trusted

        text = str(value)
        if text != trusted.NEVER and not trusted.is_day(text):
            self.fail(f"{text!r} is no date such as 2028-12-31, and not `never`.", param, ctx)
        return text


@keys.command()
@click.argument("file")
@click.option(
    "--expires",
    type=ExpiryParam(),
    required=True,
    metavar="YYYY-MM-DD|never",
    help="The last day on which it counts, UTC. A board runs nothing of it later: renew it before.",
)
@click.option("--name", metavar="NAME", help="What it is called here. [default: the file's name]")
@_system
@command_line.one_line_errors
def trust(file: str, expires: str, name: str | None, system: bool) -> None:
    """Trust the public key in FILE (or RW..., as `minisign -P` takes it); several may be trusted.

    The same key again gets the new date. A key that was revoked is not trusted again.
    """
    from edge.signatures import minisign, trusted

    key, folder = minisign.read_key(file), _folder(system)
    name = name or Path(file).stem
    if not trusted.NAME.fullmatch(name):
        raise SignatureError(f"{name!r} is no name of letters, digits, . _ and -: give --name")
    if expires != trusted.NEVER and date.fromisoformat(expires) < _today():
        raise SignatureError(f"{expires} is over: give --expires a day to come, or never")
    for each in trusted.read(trusted.folders()):
        is_same = each.key.point == key.point
        if is_same and each.file.revoked:
            raise SignatureError(f"{file} {each.problem(_today())}")
        if each.path.parent == folder and is_same != (each.name == name):
            reason = f"is trusted as {each.name}: --name {each.name}" if is_same else _TAKEN
            raise SignatureError(f"{file} {reason}")
    path = folder / f"{name}.toml"
    trusted.write(path, trusted.KeyFile(str(key), expires))
    until = "for ever" if expires == trusted.NEVER else f"until {expires}"
    console.echo(f"{path}: key {key.fingerprint} is trusted {until}")


_TAKEN = "is another key than the one of that name: give --name"


@keys.command("list")
@command_line.json_option
@command_line.one_line_errors
def list_keys(as_json: bool) -> None:
    """List the keys that are trusted here, and those that are no more."""
    from edge.signatures import trusted

    every = trusted.read(trusted.folders())
    rows = [(k.name, k.key.fingerprint, k.file.expires, _state(k), str(k.path)) for k in every]
    titles = ["name", "key", "expires", "state", "file"]
    if as_json:
        console.echo(json.dumps([dict(zip(titles, row)) for row in rows]))
    else:
        console.echo(console.text_table(titles, rows) if rows else "nobody is trusted")


@keys.command()
@click.argument("name")
@click.option("--reason", default="", metavar="TEXT", help="Is told with each refusal.")
@_system
@command_line.one_line_errors
def revoke(name: str, reason: str, system: bool) -> None:
    """Trust the key NAME no more, from now on and for good; its file stays, and says so."""
    from edge.signatures import trusted

    if not reason.isprintable():
        raise SignatureError("a reason is one line of text")
    key = trusted.named(name, _folder(system))
    if key.file.revoked:
        raise SignatureError(f"{name} {key.problem(_today())}")
    content = trusted.KeyFile(key.file.public_key, key.file.expires, str(_today()), reason)
    trusted.write(key.path, content)
    console.echo(f"{key.path}: key {key.key.fingerprint} is revoked")


def _folder(system: bool) -> Path:
    from edge.signatures import trusted

    return trusted.SYSTEM if system else config_folder("trusted")


def _today() -> date:
    return datetime.fromtimestamp(time.time(), timezone.utc).date()


def _state(key: "TrustedKey") -> str:
    if key.file.revoked:
        return f"revoked on {key.file.revoked}"
    return "expired" if key.days_left(_today()) < 0 else "trusted"
