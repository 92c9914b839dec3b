"""edge-bundle: what it makes, what it refuses in one line, and Debian's minisign as its judge."""

import base64
import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge.shipped import find_bundle
from edge.signatures import trusted
from edge_common import SignatureError
from edge_fleet import secret_keys
from edge_fleet.bundle_cli import main
from tests.edge.signatures.test_minisign import flipped

pytest.importorskip("cryptography")  # the extra `signatures`
MINISIGN = shutil.which("minisign")
needs_minisign = pytest.mark.skipif(not MINISIGN, reason="minisign is not installed")
CHEAP = secret_keys.Costs(1 << 15, 1 << 24)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With `door.edge`, and nobody who is trusted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trusted, "SYSTEM", tmp_path / "system")
    shutil.copy(find_bundle("faces-in-motion"), "door.edge")
    return tmp_path


@pytest.fixture
def signed(folder: Path) -> Path:
    """And with `acme.key`, by which it is signed."""
    call("keys", "new", "acme.key", "--no-password")
    call("sign", "door.edge", "--key", "acme.key", "--bundle-version", "1.4.2")
    return folder


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def call(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def refusal(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 2 and not done.stdout, done.output
    (line,) = done.stderr.splitlines()
    return line.removeprefix("Error: ")


def minisign(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(MINISIGN), *arguments]
    return subprocess.run(command, input=typed, capture_output=True, text=True)


def test_a_key_is_made_used_trusted_and_revoked(signed: Path) -> None:
    assert stat.S_IMODE((signed / "acme.key").stat().st_mode) == 0o600
    assert "trusted are nobody" in refusal("verify", "door.edge")
    call("keys", "trust", "acme.pub", "--expires", "2999-12-31")
    assert "faces-in-motion 1.4.2 of 2" in call("verify", "door.edge")
    told = json.loads(call("verify", "door.edge", "--json"))
    assert (told["signer"], told["version"]) == ("acme", "1.4.2")
    (row,) = json.loads(call("keys", "list", "--json"))
    assert (row["name"], row["expires"], row["state"]) == ("acme", "2999-12-31", "trusted")
    call("keys", "revoke", "acme", "--reason", 'laptop "stolen"')
    assert "revoked on 2" in refusal("verify", "door.edge")
    assert "was revoked on" in refusal("keys", "trust", "acme.pub", "--expires", "never")
    for again in (("acme.pub", "--system"), ("acme.pub", "--name", "other")):
        assert "was revoked on" in refusal("keys", "trust", *again, "--expires", "never")
    assert "was revoked on" in refusal("keys", "revoke", "acme")
    assert "revoked on" in call("keys", "list")


def test_a_key_is_trusted_for_longer_and_names_are_not_mixed_up(signed: Path) -> None:
    call("keys", "trust", "acme.pub", "--expires", "2999-01-01")
    call("keys", "trust", "acme.pub", "--expires", "never")
    call("keys", "trust", "acme.pub", "--expires", "never", "--system")
    assert [row["expires"] for row in json.loads(call("keys", "list", "--json"))] == ["never"] * 2
    call("keys", "new", "b.key", "--no-password")
    trust = ("keys", "trust", "--expires", "never", "--name")
    assert "is trusted as acme: --name acme" in refusal(*trust, "b", "acme.pub")
    assert "is another key than the one of that name" in refusal(*trust, "acme", "b.pub")
    assert "is no name of letters" in refusal(*trust, "../x", "b.pub")
    assert "is over: give --expires" in refusal("keys", "trust", "b.pub", "--expires", "2020-01-01")
    assert "is no date such as" in refusal("keys", "trust", "b.pub", "--expires", "soon")
    assert "there is no key 'acne'" in refusal("keys", "revoke", "acne")


def test_nothing_is_written_over_and_nothing_half_written(signed: Path) -> None:
    before = {path: path.read_bytes() for path in signed.iterdir() if path.is_file()}
    assert "is there already" in refusal("keys", "new", "acme.key", "--no-password")
    assert "is no secret key of minisign" in refusal("sign", "door.edge", "--key", "acme.pub")
    assert "is no secret key of minisign" in refusal("sign", "door.edge", "--key", "door.edge")
    assert "is a secret key" in refusal("keys", "trust", "acme.key", "--expires", "never")
    assert "is no public key" in refusal("keys", "trust", "door.edge", "--expires", "never")
    assert "damaged or is no bundle" in refusal("sign", "acme.pub", "--key", "acme.key")
    version = ("--bundle-version", "1.2-rc1")
    assert "give --bundle-version" in refusal("sign", "door.edge", "--key", "acme.key", *version)
    assert "no terminal asks for the password" in refusal("keys", "new", "b.key")
    assert {path: path.read_bytes() for path in signed.iterdir() if path.is_file()} == before


def test_a_password_comes_from_a_file_of_mode_0600_or_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_keys.SecretKey.to_text, "__defaults__", (CHEAP,))
    (folder / "password").write_text("right\n")
    new = ("keys", "new", "acme.key", "--password")
    assert "may be read by others: chmod 600" in refusal(*new, "password")
    (folder / "password").chmod(0o600)
    call(*new, "password")
    monkeypatch.setenv("WORD", "right")
    call("sign", "door.edge", "--key", "acme.key", "--password", "env:WORD")
    monkeypatch.setenv("WORD", "wrong")
    sign = ("sign", "door.edge", "--key", "acme.key", "--password", "env:WORD")
    assert refusal(*sign) == "acme.key: the password is wrong, or the file was changed"


@pytest.mark.parametrize("password", ["", "right"])
def test_any_flipped_byte_of_a_secret_key_is_refused(folder: Path, password: str) -> None:
    """Of what makes the key: its number, both halves, and the hash of them."""
    key, path = secret_keys.SecretKey.new(), folder / "acme.key"
    comment, line, _ = key.to_text(password, CHEAP).split("\n")
    content = base64.b64decode(line)
    for position in range(54, len(content), 9 if password else 1):
        changed = base64.b64encode(flipped(content, position, position % 7)).decode()
        path.write_text(f"{comment}\n{changed}\n")
        with pytest.raises(SignatureError):
            secret_keys.SecretKey.read(path, lambda: password)
    path.write_text(f"{comment}\n{line}\n")
    assert secret_keys.SecretKey.read(path, lambda: password) == key
    assert key.seed.hex() not in repr(key) and repr(key.seed) not in repr(key)


def test_costs_that_no_machine_can_pay_are_refused() -> None:
    with pytest.raises(SignatureError, match=r"costs \d+ MiB of memory"):
        secret_keys.Costs(1 << 60, 1 << 60).key_stream("x", bytes(32))
    # of libsodium, by the limits that minisign writes
    assert secret_keys.Costs()._n_and_p() == (1 << 20, 1)
    assert secret_keys.Costs(1 << 15, 1 << 24)._n_and_p() == (1 << 10, 1)


@needs_minisign
def test_minisign_verifies_what_is_signed_here(signed: Path) -> None:
    done = minisign("-V", "-H", "-p", "acme.pub", "-m", "door.edge")
    assert done.returncode == 0 and "Signature and comment signature verified" in done.stdout
    assert "version:1.4.2" in done.stdout
    with (signed / "door.edge").open("ab") as file:
        file.write(b"x")
    assert minisign("-V", "-p", "acme.pub", "-m", "door.edge").returncode != 0


@needs_minisign
def test_minisign_signs_with_a_key_of_here(signed: Path) -> None:
    assert minisign("-S", "-W", "-s", "acme.key", "-m", "door.edge").returncode == 0
    assert "faces-in-motion 1 of 2" in call("verify", "door.edge", "--key", "acme.pub")
    assert minisign("-S", "-l", "-W", "-s", "acme.key", "-m", "door.edge").returncode == 0
    assert "signs in the old way" in refusal("verify", "door.edge", "--key", "acme.pub")


@needs_minisign
def test_keys_with_passwords_go_both_ways(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of minisign costs 1 GiB and some seconds, once here; one of here costs less in this test."""
    pair = ("-p", "theirs.pub", "-s", "theirs.key")
    assert minisign("-G", *pair, typed="right\nright\n").returncode == 0
    monkeypatch.setenv("WORD", "right")
    call("sign", "door.edge", "--key", "theirs.key", "--password", "env:WORD")
    assert minisign("-V", "-p", "theirs.pub", "-m", "door.edge").returncode == 0
    key = secret_keys.SecretKey.new()
    public = secret_keys.write_pair(folder / "ours.key", key, key.to_text("right", CHEAP))
    sign = ("-S", "-s", "ours.key", "-m", "door.edge")
    assert minisign(*sign, typed="wrong\n").returncode != 0
    assert minisign(*sign, typed="right\n").returncode == 0
    assert "faces-in-motion 1 of 2" in call("verify", "door.edge", "--key", str(public))
