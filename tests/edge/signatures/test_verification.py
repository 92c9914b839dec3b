"""Whose bundles run: of keys with expiry and revocation, in files that others cannot change."""

import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from edge.shipped import find_bundle
from edge.signatures import Release, ReleaseHistory, Verifier, trusted
from edge.signatures.minisign import Stamp, signature_path
from edge_common import BundleError, SignatureError
from edge_fleet.secret_keys import SecretKey
from tests.edge.signatures.test_minisign import flipped

pytest.importorskip("cryptography")  # the extra `signatures`

ACME, OTHER = SecretKey(b"acme-key", bytes(range(32))), SecretKey(b"otherkey", bytes(32))
SIGNED_AT = int(datetime(2026, 5, 1, tzinfo=timezone.utc).timestamp())
DAY_S = 86_400
Make = Callable[..., Verifier]


@pytest.fixture
def door(tmp_path: Path) -> Path:
    path = tmp_path / "door.edge"
    shutil.copy(find_bundle("faces-in-motion"), path)
    sign(path)
    return path


@pytest.fixture
def verifier(tmp_path: Path) -> Make:
    """Who trusts ACME until the end of May."""
    trust(tmp_path, "acme", ACME, "2026-05-31")

    def make(now: float = SIGNED_AT, **options: object) -> Verifier:
        history = ReleaseHistory(tmp_path / "state" / "bundles.json")
        places = [tmp_path / "system", tmp_path / "trusted"]
        return Verifier(places=places, history=history, now=lambda: now, **options)

    return make


def sign(path: Path, key: SecretKey = ACME, **fields: object) -> None:
    stamp = Stamp(**{"signed_at": SIGNED_AT, "file": path.name, **fields})
    signature_path(path).write_text(str(key.sign(path.read_bytes(), stamp)))


def trust(
    folder: Path,
    name: str,
    key: SecretKey,
    expires: str = "never",
    place: str = "trusted",
    **more: str,
) -> None:
    content = trusted.KeyFile(str(key.public_key), expires, **more)
    trusted.write(folder / place / f"{name}.toml", content)


def refusal(verifier: Verifier, path: Path) -> str:
    with pytest.raises(BundleError) as error:
        verifier.open(str(path))
    assert not verifier.verified and error.value.exit_code == 2
    return str(error.value)


def test_a_signed_bundle_is_opened(door: Path, verifier: Make) -> None:
    opened = verifier()
    assert opened.open(str(door)).manifest.name == "faces-in-motion"
    assert [str(each) for each in opened.verified] == [
        "faces-in-motion 1 of 2026-05-01 00:00:00 UTC, signed by acme (79656B2D656D6361)"
    ]
    assert opened.warnings() == [
        "key acme, which has signed faces-in-motion, expires on 2026-05-31"
    ]


def test_what_came_with_the_package_needs_none(verifier: Make, tmp_path: Path) -> None:
    (tmp_path / "link.edge").symlink_to(find_bundle("face"))
    for name in ("faces-in-motion", str(tmp_path / "link.edge")):
        assert verifier().open(name).manifest


def test_a_missing_signature_is_refused(door: Path, verifier: Make) -> None:
    signature_path(door).unlink()
    assert "door.edge is not signed: " in refusal(verifier(), door)
    assert "is a plain .tflite" in refusal(verifier(), door.with_suffix(".tflite"))


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_bundle_is_refused(
    tmp_path_factory: pytest.TempPathFactory, share: float, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    content = find_bundle("faces-in-motion").read_bytes()
    path = folder / "door.edge"
    path.write_bytes(content)
    sign(path)
    path.write_bytes(flipped(content, int(share * len(content)), bit))
    trust(folder, "acme", ACME)
    verifier = Verifier(
        places=[folder / "trusted"], history=ReleaseHistory(folder / "bundles.json")
    )
    assert "was changed after acme had signed" in refusal(verifier, path)
    path.unlink()


def test_a_cut_bundle_is_refused(door: Path, verifier: Make) -> None:
    door.write_bytes(door.read_bytes()[:-1])
    assert "was changed after acme had signed: copy both again" in refusal(verifier(), door)


def test_an_unknown_key_is_refused(door: Path, verifier: Make) -> None:
    sign(door, OTHER)
    assert "it is signed with key 79656B726568746F, and trusted are acme" in refusal(
        verifier(), door
    )


def test_a_key_counts_until_its_last_day_is_over(door: Path, verifier: Make) -> None:
    assert verifier(SIGNED_AT + 31 * DAY_S - 1).open(str(door))
    late = verifier(SIGNED_AT + 31 * DAY_S)
    assert "key acme, which has signed it, expired on 2026-05-31: sign with" in refusal(late, door)


def test_a_clock_that_is_behind_makes_no_key_younger(door: Path, verifier: Make) -> None:
    sign(door, signed_at=SIGNED_AT + 31 * DAY_S)
    assert "expired on 2026-05-31" in refusal(verifier(0), door)
    sign(door)
    assert verifier(0).open(str(door))
    verifier()._history.record({"yard": Release("1", SIGNED_AT + 31 * DAY_S, "")})
    assert "expired on 2026-05-31" in refusal(verifier(0), door)


@pytest.mark.parametrize("folder", ["trusted", "system"])
def test_a_revoked_key_counts_nowhere(
    door: Path, verifier: Make, tmp_path: Path, folder: str
) -> None:
    name = {"trusted": "acme", "system": "stolen"}[folder]
    trust(tmp_path, name, ACME, place=folder, revoked="2026-05-02", reason="laptop stolen")
    assert f"key {name}, which has signed it, was revoked on 2026-05-02, laptop stolen" in refusal(
        verifier(), door
    )


def test_two_keys_are_trusted_while_one_takes_the_others_place(
    door: Path, verifier: Make, tmp_path: Path
) -> None:
    trust(tmp_path, "acme-2027", OTHER)
    assert verifier().open(str(door))
    sign(door, OTHER, signed_at=SIGNED_AT + 1)
    assert verifier().open(str(door))
    trust(tmp_path, "acme", ACME, revoked="2026-05-02")
    assert verifier().open(str(door))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"file": "yard.edge"}, "its signature is of file 'yard.edge', not of 'door.edge'"),
        ({"name": "yard"}, "its signature is of name 'yard', not of 'faces-in-motion'"),
        ({"sha256": "0" * 64}, "its signature is of sha256 '000"),
        ({"version": "x"}, "its signature version 'x' is not of numbers with dots"),
        ({"signed_at": -1}, "its signature does not say when it was signed"),
    ],
)
def test_a_signature_of_something_else_is_refused(
    door: Path, verifier: Make, fields: dict[str, object], reason: str
) -> None:
    sign(door, **fields)
    assert reason in refusal(verifier(), door)


def test_an_older_bundle_is_refused_once_a_newer_one_ran(door: Path, verifier: Make) -> None:
    old = door.read_bytes()
    newer = verifier()
    door.write_bytes(_with_comment(old))
    sign(door, version="1.1", signed_at=SIGNED_AT + 5)
    newer.open(str(door))
    newer.accept()
    door.write_bytes(old)
    for fields in ({}, {"version": "1.1", "signed_at": SIGNED_AT}, {"signed_at": SIGNED_AT + 9}):
        sign(door, **fields)
        assert "or another one of then, which ran here: --allow" in refusal(verifier(), door)
    back = verifier(allow_downgrade=True)
    back.open(str(door))
    back.accept()
    again = verifier()
    again.open(str(door))
    again.accept()


def test_an_older_bundle_of_another_name_is_refused_in_the_same_place(
    door: Path, verifier: Make, tmp_path: Path
) -> None:
    newer = verifier()
    newer.open(str(door))
    newer.accept()
    door.write_bytes(find_bundle("person").read_bytes())
    sign(door, signed_at=SIGNED_AT - 1)
    assert f"'{door}' 1 of 2026-04-30 23:59:59 UTC is older" in refusal(verifier(), door)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = shutil.copy(door, tmp_path / "elsewhere" / "door.edge")
    shutil.copy(signature_path(door), f"{elsewhere}.minisig")
    assert verifier().open(str(elsewhere))


def _with_comment(bundle: bytes) -> bytes:
    """The same zip in other bytes: with a comment at its end."""
    return bundle[:-2] + (3).to_bytes(2, "little") + b"new"


def test_what_is_loaded_are_the_bytes_that_were_verified(door: Path, verifier: Make) -> None:
    """A file that is replaced while it is read is either what was signed, or refused."""
    expected = dict(verifier().open(str(door)).members)
    evil = find_bundle("person").read_bytes()

    class Swapping(ReleaseHistory):
        def check(self, name: str, release: Release) -> None:
            door.write_bytes(evil)

    swapped = Verifier(
        places=[door.parent / "trusted"], history=Swapping(door.parent / "x"), now=lambda: SIGNED_AT
    )
    assert dict(swapped.open(str(door)).members) == expected
    assert "was changed after acme had signed" in refusal(verifier(), door)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "public_key = 'x'\nexpires = 'never'\n",
        f"public_key = '{ACME.public_key}'\n",
        f"public_key = '{ACME.public_key}'\nexpires = 'soon'\n",
        f"public_key = '{ACME.public_key}'\nexpires = '2026-5-1'\n",
        f"public_key = '{ACME.public_key}'\nexpires = ''\n",
        f"public_key = '{ACME.public_key}'\nexpires = 2026-12-31\n",
        f"public_key = '{ACME.public_key}'\nexpires = 'never'\nrevokd = '2026-05-01'\n",
        "public_key = [",
    ],
)
def test_one_key_file_that_is_none_spoils_all(
    door: Path, verifier: Make, tmp_path: Path, content: str
) -> None:
    (tmp_path / "trusted" / "other.toml").write_text(content)
    message = refusal(verifier(), door)
    assert "other.toml" in message and "\n" not in message


def test_files_that_others_may_change_are_not_trusted(
    door: Path, verifier: Make, tmp_path: Path
) -> None:
    for path in (tmp_path / "trusted" / "acme.toml", tmp_path / "trusted"):
        mode = path.stat().st_mode
        path.chmod(mode | 0o020)
        assert f"{path} may be written by others: chmod go-w" in refusal(verifier(), door)
        path.chmod(mode)
    assert verifier().open(str(door))


def test_nobody_is_trusted_at_first(door: Path, tmp_path: Path) -> None:
    verifier = Verifier(
        places=[tmp_path / "none"], history=ReleaseHistory(tmp_path / "bundles.json")
    )
    assert "trusted are nobody" in refusal(verifier, door)


def test_a_key_given_by_hand_takes_the_place_of_those_that_are_trusted(
    door: Path, verifier: Make
) -> None:
    assert verifier(only=ACME.public_key).open(str(door))
    assert "is not of this key" in refusal(verifier(only=OTHER.public_key), door)
    with pytest.raises(SignatureError):
        trusted.named("acme", door.parent / "none")
