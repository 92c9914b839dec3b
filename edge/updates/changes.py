"""What becomes of an update, step by step: told to everybody, and kept on disk for whoever asks later."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge import events
from edge_common import DataError, console, decode, encode, read_json, whole_file

CHECKING, SHADOW, PROBATION = "checking", "shadow", "probation"
KEPT, REFUSED, BROUGHT_BACK = "kept", "refused", "brought back"
FAILED = (REFUSED, BROUGHT_BACK)
_FILE, _MOST_BYTES, _LONGEST_REASON = "status.json", 1 << 16, 600
_BY_A_RESTART = "the run ended meanwhile, by itself or not: give it again"


@dataclass(frozen=True)
class UpdateChange:
    """One step of one update.

    state: `checking`, `shadow`, `probation`, and in the end `kept`, `refused` or `brought back`.
    request: whose it is; "": of SIGHUP.  file, sha256: of the new bundle.
    bundle, version: what its manifest says, once it was read.
    reason: why it failed, or what was seen so far.  at: RFC 3339, UTC.
    refused_base: sha256 of the file that the settings name, if that failed, in this update or before.
    """

    state: str
    request: str
    file: str
    sha256: str
    bundle: str = ""
    version: str = ""
    reason: str = ""
    at: str = ""
    refused_base: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in (KEPT, *FAILED)

    @property
    def has_failed(self) -> bool:
        return self.state in FAILED

    def to(self, state: str, reason: str = "") -> "UpdateChange":
        """The next step, now."""
        text = " ".join(console.visible(reason).split())[:_LONGEST_REASON]
        is_base = state in FAILED and not self.request
        refused = self.sha256 if is_base else self.refused_base
        now = events.now_text()
        return replace(self, state=state, reason=text, at=now, refused_base=refused)

    def to_json(self) -> dict[str, Any]:
        """The promised JSON fields; those that say nothing are left out."""
        fields = {"update": self.state, **encode(self)}
        hidden = ("state", "refused_base")
        return {key: value for key, value in fields.items() if value and key not in hidden}

    def __str__(self) -> str:
        name = f"{self.bundle} {self.version}" if self.bundle else self.file
        return f"update {name}: {self.state}{f', {self.reason}' if self.reason else ''}"


def read_status(folder: Path) -> UpdateChange | None:
    """The newest step of the newest update; None: there was none, or nobody can read it."""
    try:
        return decode(UpdateChange, read_json(folder / _FILE, _MOST_BYTES))
    except (DataError, OSError):
        return None


def write_status(folder: Path, change: UpdateChange) -> None:
    """On disk before this returns. Raises OSError."""
    with whole_file(folder / _FILE, 0o644) as stream:
        stream.write(json.dumps(encode(change)).encode())


def remove_partial(folder: Path) -> None:
    """What a killed process left of a status. Raises OSError."""
    for path in folder.glob(f".{_FILE}.*"):
        path.unlink(missing_ok=True)


def after_restart(status: UpdateChange | None, good_sha256: str) -> UpdateChange | None:
    """What has become of an update that a start finds in the middle; None: there is none."""
    if status is None or status.is_over:
        return None
    if status.sha256 and status.sha256 == good_sha256:
        return status.to(KEPT)
    return status.to(BROUGHT_BACK if status.state == PROBATION else REFUSED, _BY_A_RESTART)
