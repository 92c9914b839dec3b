"""Bundles that run only if somebody trusted has signed them, and if nothing newer ran here."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path

from edge import shipped
from edge.bundle import Bundle, open_bundle
from edge.signatures import trusted
from edge.signatures.history import Release, ReleaseHistory, version_key
from edge.signatures.minisign import PublicKey, Signature, Stamp, signature_path
from edge_common import BundleError, SignatureError

_SOON_DAYS = 30


@dataclass(frozen=True)
class Verified:
    """A bundle, who has signed it, and what the signature says.  key: None if it was given by hand.

    counts_as: the path whose later versions it is one of; "": its own.
    """

    path: Path
    bundle: Bundle
    release: Release
    public_key: PublicKey
    key: trusted.TrustedKey | None = None
    counts_as: str = ""

    @property
    def name(self) -> str:
        return self.bundle.manifest.name

    @property
    def identities(self) -> tuple[str, str]:
        """Under which it is remembered: a link in its path counts as it is called."""
        return self.name, os.path.abspath(self.counts_as or self.path)

    def __str__(self) -> str:
        who = self.key.name if self.key else "the key"
        return f"{self.name} {self.release}, signed by {who} ({self.public_key.fingerprint})"


class Verifier:
    """Opens bundles, and remembers which.

    places: folders of trusted keys.  only: a key that is given by hand, in place of them.
    now: seconds since 1970. A board's clock may be years behind, but time is not before what was
    signed already.
    """

    def __init__(
        self,
        allow_downgrade: bool = False,
        places: Sequence[Path] | None = None,
        only: PublicKey | None = None,
        history: ReleaseHistory | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._allow_downgrade, self._only, self._now = allow_downgrade, only, now
        self._places = trusted.folders() if places is None else places
        self._history = history or ReleaseHistory()
        self.verified = list[Verified]()

    def open(self, name: str, counts_as: str = "") -> Bundle:
        """A bundle of this package, or a signed one: of the very bytes that were verified.

        counts_as: the path under which it is remembered; "": its own. Raises SignatureError, BundleError.
        """
        if shipped.is_plain_tflite(name):
            raise SignatureError(
                f"{name} is a plain .tflite, and a signature says what a bundle is: make one with "
                "edge-convert, and sign that"
            )
        path = shipped.find_bundle(name)
        target = path.resolve()  # once: a link may lead elsewhere later
        if shipped.comes_along(target):
            return open_bundle(target)
        self.verified.append(verified := self._verify(path, counts_as))
        return verified.bundle

    def accept(self) -> None:
        """Remember what was opened, as it runs now. Raises SignatureError if that cannot be."""
        if self.verified:
            releases = {key: each.release for each in self.verified for key in each.identities}
            self._history.record(releases, self._allow_downgrade)

    def warnings(self) -> list[str]:
        """Of keys that expire soon, a line each."""
        return [
            f"key {key.name}, which has signed {each.name}, expires on {key.file.expires}"
            for each in self.verified
            if (key := each.key)
            and key.days_left(self._today(each.release.signed_at)) <= _SOON_DAYS
        ]

    def _verify(self, path: Path, counts_as: str) -> Verified:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BundleError(f"{path} cannot be read: {error.strerror or error}") from error
        signature = Signature.read(signature_path(path))
        try:
            public_key, key = self._signer(signature, content)
            stamp = Stamp.parse(signature.comment)
            if key and (problem := key.problem(self._today(stamp.signed_at))):
                raise SignatureError(f"key {key.name}, which has signed it, {problem}")
            bundle = open_bundle(path, content=content)
            release = _release(bundle, stamp, hashlib.sha256(content).hexdigest(), path.name)
            verified = Verified(path, bundle, release, public_key, key, counts_as)
            for identity in () if self._allow_downgrade else verified.identities:
                self._history.check(identity, release)
        except SignatureError as error:
            raise SignatureError(f"{path}: {error}") from error
        except ValueError as error:
            raise SignatureError(f"{path}: its signature {error}: sign it again") from error
        return verified

    def _signer(
        self, signature: Signature, content: bytes
    ) -> tuple[PublicKey, trusted.TrustedKey | None]:
        """Whose it is, although that key may count no more."""
        if self._only:
            if signature.is_of(content, self._only):
                return self._only, None
            raise SignatureError("its signature is not of this key, or one of both was changed")
        keys = trusted.read(self._places)
        candidates = trusted.find(signature.key_id, keys, self._places)
        signers = [each for each in candidates if signature.is_of(content, each.key)]
        if not signers:
            raise SignatureError(
                f"it or its signature was changed after {candidates[0].name} had signed: copy both again"
            )
        # what one folder revokes, or lets expire, counts in all
        worst = min(signers, key=lambda each: (not each.file.revoked, each.days_left(date.min)))
        return worst.key, worst

    def _today(self, signed_at: int) -> date:
        ran = (each.signed_at for each in self._history.read().values())
        latest = max([self._now(), signed_at, *ran])
        return datetime.fromtimestamp(latest, timezone.utc).date()


def _release(bundle: Bundle, stamp: Stamp, sha256: str, file: str) -> Release:
    """Raises ValueError or SignatureError if the signature is one of something else."""
    manifest = bundle.manifest
    for field, stated, real in (
        ("file", stamp.file, file),
        ("name", stamp.name or manifest.name, manifest.name),
        ("sha256", stamp.sha256 or sha256, sha256),
    ):
        if stated != real:
            raise SignatureError(
                f"its signature is of {field} '{stated}', not of '{real}': give it its name back, or sign "
                "it again"
            )
    version = stamp.version or manifest.version
    version_key(version)
    return Release(version, stamp.signed_at, sha256)
