"""minisign's files, as its own program writes them, and what was changed in them."""

import base64
import re

import pytest
from hypothesis import given, strategies as st

from edge.signatures.minisign import PublicKey, Signature, Stamp
from edge_common import SignatureError

pytest.importorskip("cryptography")  # the extra `signatures`

# by minisign 0.11: `minisign -G -W`, and `minisign -Sm f` of a file f that holds "hi\n"
CONTENT = b"hi\n"
KEY = "RWTqQ9crrLKrUzNyCUh4RjlIOq999KtaqsEULVzg7PrFLNPbHPyL2ZbQ"
FILE = f"untrusted comment: minisign public key 53ABB2AC2BD743EA\n{KEY}\n"
SIGNED = b"""untrusted comment: signature from minisign secret key
RUTqQ9crrLKrU3sFjrCvILjkI5F+TczRC/vDIE/pgzYbU9p7OE9aFLNzZKmEKeZ+8RvrEAx7toqZiSEeu7YQM6/F/aBobfLPBgk=
trusted comment: timestamp:1795806154\tfile:f\thashed
JDorOQg2sxpj7gw+cU9TBT+cvYB1Flc1IyCVwaHa4lNXANVW9BB9EOWeEvzACRkkTNaG//rJXVx2pnVI6m2xBQ==
"""
LEGACY = b"""untrusted comment: signature from minisign secret key
RWTqQ9crrLKrUw17X1k2+0xdHmLda/oJZI6PpD2wI5RRR5F5WZ5X/VdjDbNi3LPzqZ+9N096Wd4406m4+bv4csM/+svqmrrh2QA=
trusted comment: timestamp:1795806155\tfile:f
TYjNDFvyVSGN8OkLy0EsnmEImxQXhmpvCbc80JiKDn3jjdHLhK8uj1YKDAXEXX25DofBcLNYjLXj0L3XZYgdBQ==
"""
COMMENT_BEGIN, COMMENT_END = len(b"untrusted comment: "), SIGNED.index(b"\n")


def is_valid(content: bytes, signature: bytes, key: str = FILE) -> bool:
    """Whether all of it may be believed; what is refused in words is not."""
    try:
        parsed = Signature.parse(signature)
        Stamp.parse(parsed.comment)
        return parsed.is_of(content, PublicKey.parse(key))
    except (ValueError, SignatureError):
        return False


def flipped(content: bytes, position: int, bit: int) -> bytes:
    return bytes([*content[:position], content[position] ^ (1 << bit), *content[position + 1 :]])


def test_what_minisign_signs_is_valid() -> None:
    assert is_valid(CONTENT, SIGNED)
    assert is_valid(CONTENT, SIGNED, KEY)
    assert PublicKey.parse(FILE).fingerprint == "53ABB2AC2BD743EA"
    assert str(PublicKey.parse(FILE)) == KEY
    assert Stamp.parse(Signature.parse(SIGNED).comment) == Stamp(1795806154, "f")


bits = st.integers(0, 7)


@given(st.integers(0, len(CONTENT) - 1), bits)
def test_a_flipped_bit_of_the_file_is_refused(position: int, bit: int) -> None:
    assert not is_valid(flipped(CONTENT, position, bit), SIGNED)


@given(st.integers(0, len(SIGNED) - 1), bits)
def test_a_flipped_bit_of_the_signature_is_refused(position: int, bit: int) -> None:
    """But in the words of the untrusted comment, which nothing reads."""
    if COMMENT_BEGIN <= position < COMMENT_END:
        return
    assert not is_valid(CONTENT, flipped(SIGNED, position, bit))


@given(st.integers(0, len(KEY) - 1), bits)
def test_a_flipped_bit_of_the_key_is_refused(position: int, bit: int) -> None:
    key = flipped(KEY.encode(), position, bit).decode("latin-1")
    assert not is_valid(CONTENT, SIGNED, key)


@given(st.integers(0, len(SIGNED) - 2))
def test_a_cut_signature_is_refused(length: int) -> None:
    assert not is_valid(CONTENT, SIGNED[:length])


@given(st.binary(max_size=300))
def test_what_is_no_signature_is_refused(content: bytes) -> None:
    assert not is_valid(CONTENT, content)


def test_the_old_way_of_signing_is_refused_with_its_reason() -> None:
    with pytest.raises(
        ValueError, match="signs in the old way, without a hash: leave out minisign"
    ):
        Signature.parse(LEGACY)


@pytest.mark.parametrize("old", ["53ABB2AC2BD743EA\n", "\n"])
def test_a_key_file_that_is_none_is_refused(old: str) -> None:
    for text in (FILE.replace(old, "x"), "", "\n\n", FILE + FILE, KEY[:-4], KEY.lower()):
        with pytest.raises(
            SignatureError, match=r"acme.pub is no public key of minisign, which is"
        ):
            PublicKey.parse(text, "acme.pub")


def test_a_secret_key_is_not_taken_for_a_public_one() -> None:
    secret = base64.b64encode(b"Ed" + bytes(156)).decode()
    with pytest.raises(
        SignatureError, match="is a secret key, to be shown to nobody: give its .pub"
    ):
        PublicKey.parse(f"untrusted comment: minisign encrypted secret key\n{secret}\n")


@pytest.mark.parametrize(
    "comment", ["", "file:f", "timestamp:1\thashed", "timestamp:-1\tfile:f", "timestamp:1e3\tfile:f",
                "timestamp:1\tfile:f\ttimestamp:2", "timestamp:١\tfile:f"],
)  # fmt: skip
def test_a_comment_that_says_too_little_is_refused(comment: str) -> None:
    with pytest.raises(ValueError, match=re.compile("does not say when|twice")):
        Stamp.parse(comment)


@given(
    st.integers(0, 10**11 - 1),
    *[st.text(st.characters(categories=["L", "N", "P"]), min_size=n, max_size=9) for n in (1, 0)],
)
def test_a_comment_is_read_as_it_was_written(signed_at: int, file: str, name: str) -> None:
    stamp = Stamp(signed_at, file, name, "1.2", "0" * 64)
    assert Stamp.parse(str(stamp)) == stamp
