"""minisign's public keys and signatures, read strictly and verified: Ed25519 over a BLAKE2b hash.

The format is minisign's (https://jedisct1.github.io/minisign/): texts of two and four lines. Only
the untrusted comment is not signed, and nothing reads it.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from edge_common import SignatureError, console

SUFFIX = ".minisig"
ALGORITHM, PREHASHED = b"Ed", b"ED"
UNTRUSTED, TRUSTED = "untrusted comment: ", "trusted comment: "
ID_BYTES, POINT_BYTES, SIGNATURE_BYTES = 8, 32, 64
SECRET_BYTES = 158
_MOST_BYTES = 16_384  # two comments of at most 1,024 and 8,192 bytes
_NO_KEY = "is no public key of minisign, which is two lines such as `minisign -G` writes"


@dataclass(frozen=True)
class PublicKey:
    """key_id: 8 bytes that only say which key it is.  point: 32 bytes of Ed25519 (RFC 8032)."""

    key_id: bytes
    point: bytes

    @property
    def fingerprint(self) -> str:
        """The number of the key as minisign prints it."""
        return fingerprint_of(self.key_id)

    def __str__(self) -> str:
        """As `minisign -P` takes it."""
        return base64.b64encode(ALGORITHM + self.key_id + self.point).decode()

    @classmethod
    def parse(cls, text: str, place: object = "it") -> "PublicKey":
        """One in base64, or a file's two lines.  place: what messages call it. Raises SignatureError."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) == 2 and lines[0].startswith(UNTRUSTED):
            del lines[0]
        content = _decoded(lines[0]) if len(lines) == 1 else b""
        if len(content) == SECRET_BYTES:
            raise SignatureError(f"{place} is a secret key, to be shown to nobody: give its .pub")
        if len(content) != 2 + ID_BYTES + POINT_BYTES or not content.startswith(ALGORITHM):
            raise SignatureError(f"{place} {_NO_KEY}")
        return cls(content[2 : 2 + ID_BYTES], content[2 + ID_BYTES :])

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether it is of this message by this key. Raises ModuleNotFoundError without cryptography."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.point).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Stamp:
    """What a signer says in the trusted comment.

    signed_at: seconds since 1970, UTC.  file: its name as it was signed.
    version: "" is what the bundle's manifest says.  sha256: of the whole file.
    """

    signed_at: int
    file: str
    name: str = ""
    version: str = ""
    sha256: str = ""

    def __str__(self) -> str:
        """As minisign begins its own comments, so that both can be read alike."""
        fields = [f"timestamp:{self.signed_at}", f"file:{self.file}", "hashed"]
        more = {"name": self.name, "version": self.version, "sha256": self.sha256}
        return "\t".join([*fields, *(f"{key}:{value}" for key, value in more.items() if value)])

    @classmethod
    def parse(cls, comment: str) -> "Stamp":
        """Raises ValueError that says what is wrong."""
        pairs = [field.partition(":")[::2] for field in comment.split("\t")]
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise ValueError("says something twice")
        if not re.fullmatch(r"[0-9]{1,11}", fields.get("timestamp", "")) or not fields.get("file"):
            raise ValueError("does not say when it was signed, and as which file")
        optional = (fields.get(key, "") for key in ("name", "version", "sha256"))
        return cls(int(fields["timestamp"]), fields["file"], *optional)


@dataclass(frozen=True)
class Signature:
    """One file's, beside it.

    signature: of the BLAKE2b-512 hash of the file.  comment: the trusted one.
    comment_signature: of `signature` and `comment`.
    """

    key_id: bytes
    signature: bytes
    comment: str
    comment_signature: bytes

    @classmethod
    def read(cls, path: Path) -> "Signature":
        """Raises SignatureError if it is not there, or is none."""
        try:
            with path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            raise SignatureError(
                f"{path.with_suffix('')} is not signed: {path} is not there; "
                "sign it with edge-bundle sign, or copy its signature, too"
            ) from None
        except OSError as error:
            raise SignatureError(f"{path} cannot be read: {error.strerror or error}") from error
        try:
            return cls.parse(content)
        except ValueError as error:
            hint = "copy it again, or sign again with edge-bundle sign"
            raise SignatureError(f"{path} is no whole signature ({error}): {hint}") from error

    @classmethod
    def parse(cls, content: bytes) -> "Signature":
        """Raises ValueError that says what is wrong."""
        if len(content) > _MOST_BYTES:
            raise ValueError("it is larger than any")
        lines = content.decode().removesuffix("\n").split("\n")
        if len(lines) != 4 or not (lines[0].startswith(UNTRUSTED) and lines[2].startswith(TRUSTED)):
            raise ValueError("it is not the four lines of minisign")
        first, second = _decoded(lines[1]), _decoded(lines[3])
        if len(first) != 2 + ID_BYTES + SIGNATURE_BYTES or len(second) != SIGNATURE_BYTES:
            raise ValueError("its base64 is damaged")
        if first.startswith(ALGORITHM):
            raise ValueError("it signs in the old way, without a hash: leave out minisign's -l")
        if not first.startswith(PREHASHED):
            raise ValueError("its algorithm is unknown")
        key_id, signature = first[2 : 2 + ID_BYTES], first[2 + ID_BYTES :]
        return cls(key_id, signature, lines[2].removeprefix(TRUSTED), second)

    def __str__(self) -> str:
        first = base64.b64encode(PREHASHED + self.key_id + self.signature).decode()
        second = base64.b64encode(self.comment_signature).decode()
        comment = f"{UNTRUSTED}signature by key {fingerprint_of(self.key_id)}"
        return "\n".join([comment, first, TRUSTED + self.comment, second, ""])

    def is_of(self, content: bytes, key: PublicKey) -> bool:
        """Whether this key has signed exactly these bytes, and the trusted comment with them."""
        return (
            self.key_id == key.key_id
            and key.verify(self.signature, hashed(content))
            and key.verify(self.comment_signature, commented(self.signature, self.comment))
        )


def hashed(content: bytes) -> bytes:
    """What is signed of a file."""
    return hashlib.blake2b(content).digest()


def commented(signature: bytes, comment: str) -> bytes:
    """What is signed of a comment."""
    return signature + comment.encode()


def fingerprint_of(key_id: bytes) -> str:
    return f"{int.from_bytes(key_id, 'little'):016X}"


def signature_path(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


def read_key(text: str) -> PublicKey:
    """Of a file, or as `minisign -P` takes it. Raises SignatureError."""
    if re.fullmatch(r"RW[\w+/=]{54}", text):
        return PublicKey.parse(text, "the key")
    try:
        with open(text, encoding="utf-8") as file:
            return PublicKey.parse(file.read(_MOST_BYTES), text)
    except UnicodeDecodeError:
        raise SignatureError(f"{text} {_NO_KEY}") from None
    except OSError as error:
        shown = console.visible(text)
        raise SignatureError(f"{shown} cannot be read: {error.strerror or error}") from error


def _decoded(line: str) -> bytes:
    """Of base64 in its one form; else nothing, as other bits of it would mean the same."""
    try:
        content = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return content if base64.b64encode(content).decode() == line else b""
