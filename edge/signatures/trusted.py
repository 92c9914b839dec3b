"""Whom a board trusts: a file a key, `NAME.toml`, with when it expires and whether it was revoked."""

import json
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from edge.signatures.minisign import PublicKey, fingerprint_of
from edge_common import (
    DataError,
    SignatureError,
    config_folder,
    decode,
    nearest_or_all,
    read_toml,
    whole_file,
)

SYSTEM = Path("/etc/edge/trusted")  # the only one that a service with a user of its own sees
NEVER = "never"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOST_BYTES = 1 << 16


def folders() -> tuple[Path, ...]:
    """The machine's and the user's own: what either revokes is revoked."""
    return SYSTEM, config_folder("trusted")


def is_day(text: str) -> bool:
    """Whether it is a date in its one form, 2027-12-31."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True)
class KeyFile:
    """What stands in it.  expires: the last day on which it counts (ISO 8601, UTC), or `never`.

    Raises ValueError if a date is none.
    """

    public_key: str
    expires: str
    revoked: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        days = [self.expires] if self.expires != NEVER else []
        days += [self.revoked] if self.revoked else []
        for text in days:
            if not is_day(text):
                raise ValueError(f"{text!r} is no date such as 2027-12-31")

    def __str__(self) -> str:
        values = {key: value for key, value in vars(self).items() if value}
        lines = (
            f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()
        )
        return "\n".join([*lines, ""])


@dataclass(frozen=True)
class TrustedKey:
    """One that is or was trusted."""

    path: Path
    key: PublicKey
    file: KeyFile

    @property
    def name(self) -> str:
        return self.path.stem

    def problem(self, today: date) -> str:
        """Why it does not count; "": it does."""
        if self.file.revoked:
            reason = f", {self.file.reason}" if self.file.reason else ""
            return f"was revoked on {self.file.revoked}{reason}: sign with another key"
        if self.days_left(today) < 0:
            return (
                f"expired on {self.file.expires}: sign with a newer key, or trust it for longer with "
                "edge-bundle keys trust"
            )
        return ""

    def days_left(self, today: date) -> float:
        if self.file.expires == NEVER:
            return float("inf")
        return float((date.fromisoformat(self.file.expires) - today).days)


def read(places: Iterable[Path]) -> tuple[TrustedKey, ...]:
    """All keys of these folders, revoked ones, too; one file that is none spoils all.

    Raises SignatureError: nobody knows whether that file revokes a key.
    """
    keys = list[TrustedKey]()
    for folder in places:
        try:
            paths = sorted(folder.iterdir()) if _is_safe(folder) else []
            keys += [_read_file(path) for path in paths if path.suffix == ".toml"]
        except OSError as error:
            raise SignatureError(f"{folder} cannot be read: {error.strerror or error}") from error
    return tuple(keys)


def find(key_id: bytes, keys: Sequence[TrustedKey], places: Iterable[Path]) -> list[TrustedKey]:
    """Those of a number, of which some may be revoked. Raises SignatureError if there are none."""
    matches = [each for each in keys if each.key.key_id == key_id]
    if not matches:
        names = ", ".join(each.name for each in keys) or "nobody"
        raise SignatureError(
            f"it is signed with key {fingerprint_of(key_id)}, and trusted are {names} "
            f"({', '.join(map(str, places))}): if you know whose it is, edge-bundle keys trust FILE.pub"
        )
    return matches


def write(path: Path, content: KeyFile) -> None:
    """Whole, and readable by everybody, as a service may be anybody. Raises SignatureError."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with whole_file(path, 0o644) as stream:
            stream.write(str(content).encode())
    except OSError as error:
        hint = "; take sudo for --system" if path.parent == SYSTEM else ""
        reason = error.strerror or error
        raise SignatureError(f"{path} cannot be written: {reason}{hint}") from error


def named(name: str, folder: Path) -> TrustedKey:
    """Raises SignatureError if there is none."""
    keys = {each.name: each for each in read([folder])}
    if name not in keys:
        hint = nearest_or_all(name, keys) if keys else "; it holds none"
        raise SignatureError(f"there is no key '{name}' in {folder}{hint}")
    return keys[name]


def _read_file(path: Path) -> TrustedKey:
    _is_safe(path)
    try:
        file = decode(KeyFile, read_toml(path, _MOST_BYTES), str(path))
    except DataError as error:
        raise SignatureError(f"{error}; edge-bundle keys trust writes such files") from error
    except ValueError as error:
        raise SignatureError(f"{path}: {error}") from error
    return TrustedKey(path, PublicKey.parse(file.public_key, f"{path}: public_key"), file)


def _is_safe(path: Path) -> bool:
    """Whether it is there. Raises SignatureError if others could have changed it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    if status.st_uid not in (0, os.geteuid()):
        raise SignatureError(f"{path} belongs to another user, who could trust anybody: chown it")
    if status.st_mode & _OTHERS_WRITE:
        raise SignatureError(f"{path} may be written by others: chmod go-w {path}")
    return True
