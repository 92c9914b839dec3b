"""edge-bundle: sign bundles, verify them, and keep the keys that are trusted."""

import hashlib
import json
import sys
import time
from pathlib import Path

import click

from edge_common import SignatureError, __version__, command_line, console
from edge_fleet import key_commands

EXAMPLES = """\b
Examples:
  edge-bundle keys new acme.key
  edge-bundle sign door.edge --key acme.key
  edge-bundle keys trust acme.pub --expires 2028-12-31
  edge-bundle verify door.edge
  minisign -V -p acme.pub -m door.edge
  edge-run door.edge --require-signature --camera 0
"""


@click.group(cls=command_line.OneLineGroup, epilog=EXAMPLES)
@click.version_option(__version__)
def main() -> None:
    """Sign bundles, so that boards run only those of people whom they trust.

    Signatures and keys are minisign's: its program reads and writes them, too. docs/security.md says
    what that promises.
    """


@main.command()
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The secret key, of `edge-bundle keys new` or `minisign -G`.",
)
@key_commands.password_option
@click.option(
    "--bundle-version",
    metavar="1.4.2",
    help="Numbers with dots; boards run no smaller one. [default: what the bundle says]",
)
@command_line.one_line_errors
def sign(bundle: Path, key: Path, password: str | None, bundle_version: str | None) -> None:
    """Sign BUNDLE: NAME.edge.minisig is written beside it.

    Signed with it are the file's name, the network's name, version and date: a file is not renamed after
    it was signed. A second signature takes the first one's place, as by a new key.
    """
    from edge.bundle import open_bundle
    from edge.signatures import minisign, version_key
    from edge_common import whole_file
    from edge_fleet.secret_keys import SecretKey

    content = bundle.read_bytes()
    manifest = open_bundle(bundle, content=content).manifest
    version = bundle_version or manifest.version
    try:
        version_key(version)
    except ValueError as error:
        raise SignatureError(f"{error}: give --bundle-version") from None
    for text in (bundle.name, manifest.name):
        if not text.isprintable():
            raise SignatureError(f"{text!r} cannot stand in a signature: give it another name")
    secret = SecretKey.read(key, lambda: key_commands.read_password(password, f"of {key}"))
    sha256 = hashlib.sha256(content).hexdigest()
    stamp = minisign.Stamp(int(time.time()), bundle.name, manifest.name, version, sha256)
    signature, path = secret.sign(content, stamp), minisign.signature_path(bundle)
    if not signature.is_of(content, secret.public_key):
        raise SignatureError(
            "the signature is wrong: this machine computes wrongly; nothing was written"
        )
    with whole_file(path) as stream:
        stream.write(str(signature).encode())
    console.echo(f"{path}: {manifest.name} {version}, key {secret.public_key.fingerprint}")


@main.command()
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    metavar="FILE|RW...",
    help="Is it signed with this public key? [default: with one that is trusted here]",
)
@click.option("--allow-downgrade", is_flag=True, help="It may be older than what ran here.")
@command_line.json_option
@command_line.one_line_errors
def verify(bundle: Path, key: str | None, allow_downgrade: bool, as_json: bool) -> None:
    """Say who has signed BUNDLE, and whether `edge-run --require-signature` would take it here.

    Ends with code 2 and one line if not.
    """
    from edge.signatures import Verifier
    from edge.signatures.minisign import read_key

    verifier = Verifier(allow_downgrade, only=read_key(key) if key else None)
    verifier.open(str(bundle))
    if not verifier.verified:
        raise SignatureError(f"{bundle} came with edge-run, and is as trusted as that")
    (verified,) = verifier.verified
    if as_json:
        release, signer = verified.release, verified.key
        content = {"bundle": verified.name, **vars(release), "key": verified.public_key.fingerprint}
        console.echo(json.dumps(content | {"signer": signer.name if signer else None}))
    else:
        console.echo(f"{bundle}: {verified}")
    for warning in verifier.warnings():
        console.note(warning)


main.add_command(key_commands.keys)


if __name__ == "__main__":
    sys.exit(main(prog_name="edge-bundle"))
