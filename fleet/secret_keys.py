"""Secret keys in minisign's format: Ed25519, encrypted by a password with scrypt, or not at all.

The format is minisign's (https://jedisct1.github.io/minisign/); its costs of scrypt become N, r and p
as libsodium's crypto_pwhash_scryptsalsa208sha256 has it.
"""

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge.signatures.minisign import (
    ALGORITHM,
    ID_BYTES,
    POINT_BYTES,
    SECRET_BYTES,
    UNTRUSTED,
    PublicKey,
    Signature,
    Stamp,
    commented,
    hashed,
)
from edge_common import SignatureError, whole_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SCRYPT, _PLAIN, _BLAKE2B = b"Sc", b"\0\0", b"B2"
_SALT_BYTES, _CHECK_BYTES = 32, 32
_HEAD_BYTES = 6 + _SALT_BYTES + 16
_BODY_BYTES = SECRET_BYTES - _HEAD_BYTES
_R = 8
_MOST_MEMORY_BYTES = (1 << 31) - 1  # that OpenSSL takes
_NO_KEY = "is no secret key of minisign, which is two lines such as `minisign -G` writes"


@dataclass(frozen=True)
class Costs:
    """Of one guess at a password; the usual ones are minisign's: 1 GiB and some seconds."""

    operations: int = 1 << 25
    memory_bytes: int = 1 << 30

    def key_stream(self, password: str, salt: bytes) -> bytes:
        """Raises SignatureError if this machine, or any, cannot pay them."""
        n, p = self._n_and_p()
        needed = 128 * _R * (n + p) + (1 << 20)
        problem = SignatureError(f"the password of this key costs {needed >> 20} MiB of memory")
        if needed > _MOST_MEMORY_BYTES:
            raise problem
        try:
            return hashlib.scrypt(
                password.encode(), salt=salt, n=n, r=_R, p=p, maxmem=needed, dklen=_BODY_BYTES
            )
        except (MemoryError, ValueError) as error:
            raise problem from error

    def _n_and_p(self) -> tuple[int, int]:
        operations = max(self.operations, 1 << 15)
        is_small = operations < self.memory_bytes // 32
        most = operations // (4 * _R) if is_small else self.memory_bytes // (128 * _R)
        n = 2
        while n <= most // 2 and n < 1 << 62:
            n *= 2
        return n, 1 if is_small else max(1, min(operations // 4 // n, (1 << 30) - 1) // _R)


@dataclass(frozen=True)
class SecretKey:
    """seed: 32 bytes that make the key (RFC 8032); no text of this object shows them."""

    key_id: bytes
    seed: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "SecretKey":
        return cls(os.urandom(ID_BYTES), os.urandom(POINT_BYTES))

    @property
    def public_key(self) -> PublicKey:
        """Raises ModuleNotFoundError without cryptography."""
        return PublicKey(self.key_id, self._private_key().public_key().public_bytes_raw())

    def _private_key(self) -> "Ed25519PrivateKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign(self, content: bytes, stamp: Stamp) -> Signature:
        private_key = self._private_key()
        signature = private_key.sign(hashed(content))
        second = private_key.sign(commented(signature, str(stamp)))
        return Signature(self.key_id, signature, str(stamp), second)

    def to_text(self, password: str, costs: Costs = Costs()) -> str:
        """The two lines of a file.  password: "" leaves the key as it is."""
        body = self.key_id + self.seed + self.public_key.point
        body += hashlib.blake2b(ALGORITHM + body, digest_size=_CHECK_BYTES).digest()
        salt, numbers = bytes(_SALT_BYTES), bytes(16)
        if password:
            salt = os.urandom(_SALT_BYTES)
            numbers = b"".join(n.to_bytes(8, "little") for n in vars(costs).values())
            body = _xor(body, costs.key_stream(password, salt))
        head = ALGORITHM + (_SCRYPT if password else _PLAIN) + _BLAKE2B + salt + numbers
        comment = f"{UNTRUSTED}minisign {'encrypted' if password else 'unencrypted'} secret key"
        return f"{comment}\n{base64.b64encode(head + body).decode()}\n"

    @classmethod
    def read(cls, path: Path, ask_password: Callable[[], str]) -> "SecretKey":
        """ask_password: is called if there is one. Raises SignatureError."""
        try:
            with path.open("rb") as file:
                lines = file.read(4096).decode().removesuffix("\n").split("\n")
            content = base64.b64decode(lines[-1], validate=True)
        except OSError as error:
            raise SignatureError(f"{path} cannot be read: {error.strerror or error}") from error
        except ValueError:
            raise SignatureError(f"{path} {_NO_KEY}") from None
        if len(lines) != 2 or len(content) != SECRET_BYTES or content[:2] != ALGORITHM:
            raise SignatureError(f"{path} {_NO_KEY}")
        kind, body = content[2:4], content[_HEAD_BYTES:]
        if kind not in (_SCRYPT, _PLAIN) or content[4:6] != _BLAKE2B:
            raise SignatureError(f"{path} is encrypted in a way that minisign does not know")
        if kind == _SCRYPT:
            salt, numbers = content[6 : 6 + _SALT_BYTES], content[6 + _SALT_BYTES : _HEAD_BYTES]
            costs = Costs(*(int.from_bytes(n, "little") for n in (numbers[:8], numbers[8:])))
            body = _xor(body, costs.key_stream(ask_password(), salt))
        return cls._checked(path, body, kind == _SCRYPT)

    @classmethod
    def _checked(cls, path: Path, body: bytes, is_encrypted: bool) -> "SecretKey":
        key_bytes, check = body[:-_CHECK_BYTES], body[-_CHECK_BYTES:]
        # minisign writes none for a key without a password
        has_check = is_encrypted or any(check)
        expected = hashlib.blake2b(ALGORITHM + key_bytes, digest_size=_CHECK_BYTES).digest()
        if has_check and check != expected:
            reason = "the password is wrong, or the file" if is_encrypted else "it"
            raise SignatureError(f"{path}: {reason} was changed")
        key = cls(key_bytes[:ID_BYTES], key_bytes[ID_BYTES : ID_BYTES + POINT_BYTES])
        if key.public_key.point != key_bytes[ID_BYTES + POINT_BYTES :]:
            raise SignatureError(f"{path}: it was changed: its two halves do not belong together")
        return key


def write_pair(path: Path, key: SecretKey, text: str) -> Path:
    """The secret key for its owner alone, and the public one beside it; returns the latter's path.

    Raises SignatureError if one of them is there already, OSError.
    """
    public = path.with_suffix(".pub")
    for each in (path, public):
        if each.exists() or each.is_symlink():
            raise SignatureError(f"{each} is there already: a key is never written over")
    with whole_file(public) as stream:
        comment = f"{UNTRUSTED}minisign public key {key.public_key.fingerprint}"
        stream.write(f"{comment}\n{key.public_key}\n".encode())
    try:
        with whole_file(path, 0o600) as stream:
            stream.write(text.encode())
    except OSError:
        public.unlink(missing_ok=True)
        raise
    return public


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right))
