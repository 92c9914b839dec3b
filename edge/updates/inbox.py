"""How a bundle is handed to a run: files in its folder of state, and last of all the request for them."""

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.updates import changes
from edge.updates.slots import SIGNATURE
from edge_common import (
    ConfigError,
    DataError,
    decode,
    encode,
    is_locked,
    locked,
    read_json,
    sync_folder,
    whole_file,
)

_RUN = "run"  # which a run locks in the folder of its updates
_PATIENCE_S = 0.5
_REQUEST, _MOST_BYTES = "request.json", 1 << 16


@dataclass(frozen=True)
class UpdateRequest:
    """identity: by which its status is known.  file: its name.  sha256: of the bundle as it was sent."""

    identity: str
    file: str
    sha256: str


class Inbox:
    """Made by the run, filled by whoever may write there. folder: of the updates of one settings file."""

    def __init__(self, folder: Path) -> None:
        self.updates, self.folder = folder, folder / "inbox"

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """As the run does it, which alone takes what comes here until the block is done.

        Raises BlockingIOError if another one does, OSError.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        until = time.monotonic() + _PATIENCE_S
        while self.has_run and time.monotonic() < until:  # or somebody asks just now
            time.sleep(_PATIENCE_S / 10)
        with locked(self.updates / _RUN, wait=False):
            yield

    def hand_over(self, bundle: Path, content: bytes) -> UpdateRequest:
        """Put it there, its signature with it, for the run to see within a second.

        content: of the file, as it was looked at. Raises ConfigError if no run takes updates, or
        another one goes on.
        """
        status, signature = (
            self.status,
            bundle.with_name(bundle.name + SIGNATURE),
        )
        if not os.path.isdir(self.folder):  # or nobody may look
            raise ConfigError(
                "no run by these settings takes updates: write [update] into them, and start it; "
                "of a service, give sudo and --service NAME"
            )
        if not self.has_run:
            raise ConfigError("no run by these settings goes on: start it first")
        if self.waiting() or (status and not status.is_over):
            raise ConfigError(
                "another update goes on: wait for its end; edge-run update --config FILE says how it "
                "goes"
            )
        request = UpdateRequest(uuid.uuid4().hex, bundle.name, hashlib.sha256(content).hexdigest())
        try:
            self._clear()
            _write(self.folder / bundle.name, content)
            if signature.exists():
                _write(self.folder / signature.name, signature.read_bytes())
            _write(self.folder / _REQUEST, json.dumps(encode(request)).encode())
        except OSError as error:
            hint = f"cannot be written ({error.strerror or error}): of a service that takes sudo"
            raise ConfigError(f"{self.folder} {hint}") from error
        return request

    @property
    def has_run(self) -> bool:
        """Whether a run takes what comes here."""
        return is_locked(self.updates / _RUN)

    @property
    def status(self) -> changes.UpdateChange | None:
        """How the newest update goes, or went; None: there was none."""
        return changes.read_status(self.updates)

    def waiting(self) -> UpdateRequest | None:
        """What was asked for, if anything is whole there."""
        try:
            request = decode(UpdateRequest, read_json(self.folder / _REQUEST, _MOST_BYTES))
        except (DataError, OSError):
            return None
        is_plain = request.file == os.path.basename(request.file) != ""
        return request if is_plain else None

    def path(self, request: UpdateRequest) -> Path:
        return self.folder / request.file

    def clear(self) -> None:
        """What was there was taken, or nobody takes it. Raises OSError."""
        self._clear()
        sync_folder(self.folder)

    def _clear(self) -> None:
        names = sorted(self.folder.iterdir(), key=lambda path: path.name != _REQUEST)
        for path in names:  # the request first: what it asks for is whole as long as it stands
            path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as stream:
        stream.write(content)
    path.chmod(0o644)  # a service is another user; its folder hides them
