"""Which bundles ran here, so that none runs that is older: by version and date of signing."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from edge_common import (
    DataError,
    SignatureError,
    decode,
    encode,
    locked,
    read_json,
    state_folder,
    whole_file,
)

_MOST_BYTES = 4 << 20
_MOST_SECONDS = 10**11
_FILE = "signed-bundles.json"


@dataclass(frozen=True)
class Release:
    """One bundle by one signature.  version: numbers with dots.  signed_at: seconds since 1970.

    sha256: of its file.
    """

    version: str
    signed_at: int
    sha256: str

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.signed_at, timezone.utc)
        return f"{self.version} of {when:%Y-%m-%d %H:%M:%S} UTC"

    def follows(self, other: "Release") -> bool:
        """Whether it may take the other's place: neither number falls, and one rises.

        The same file may always.
        """
        if self.sha256 == other.sha256:
            return True
        version, version_before = version_key(self.version), version_key(other.version)
        if version < version_before or self.signed_at < other.signed_at:
            return False
        return version > version_before or self.signed_at > other.signed_at


def version_key(version: str) -> tuple[int, ...]:
    """By which versions are ordered: 1.10 is behind 1.9, and 1.0 is 1. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,7}", version):
        raise ValueError(f"version '{version}' is not of numbers with dots, such as 1.4.2")
    numbers = [int(part) for part in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


class ReleaseHistory:
    """The newest release of each bundle, by its name and by its file's path, in a file of its own.

    By both, so that neither another name in the old file nor another place makes it new.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or state_folder() / _FILE

    def read(self) -> Mapping[str, Release]:
        """Raises SignatureError if the file is damaged: what is not known cannot be compared."""
        if not (self.path.exists() or self.path.is_symlink()):
            return {}
        try:
            releases = decode(dict[str, Release], read_json(self.path, _MOST_BYTES))
            for each in releases.values():
                version_key(each.version)
                if not 0 <= each.signed_at < _MOST_SECONDS:
                    raise ValueError(f"{each.signed_at} is no time in seconds")
        except (DataError, ValueError) as error:
            raise SignatureError(
                f"{self.path}, which says what ran here, is damaged ({error}): remove it, and "
                "older bundles are taken once more"
            ) from error
        return releases

    def check(self, name: str, release: Release) -> None:
        """Raises SignatureError if something newer ran here."""
        before = self.read().get(name)
        if before and not release.follows(before):
            raise SignatureError(
                f"'{name}' {release} is older than {before}, or another one of then, which ran here: "
                "--allow-downgrade takes it"
            )

    def record(self, releases: Mapping[str, Release], allow_downgrade: bool = False) -> None:
        """On disk before this returns.

        Raises SignatureError if it cannot be written, or if another run was newer meanwhile.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self.path):
                for name, release in () if allow_downgrade else releases.items():
                    self.check(name, release)
                before = self.read()
                after = {**before, **{n: _latest(r, before.get(n)) for n, r in releases.items()}}
                if after == before:
                    return
                with whole_file(self.path, 0o600) as stream:
                    stream.write(json.dumps(encode(after), indent=1, sort_keys=True).encode())
        except OSError as error:
            raise SignatureError(
                f"{self.path} cannot be written ({error.strerror or error}), so that an older bundle "
                "could run later: see to its rights and the space"
            ) from error


def _latest(release: Release, before: Release | None) -> Release:
    """Of the same file the newer date counts, whichever signature was seen last."""
    if before is None or before.sha256 != release.sha256:
        return release
    return replace(release, signed_at=max(release.signed_at, before.signed_at))
