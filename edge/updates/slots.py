"""Where updates lie on disk: two folders, and links that say which of them a start runs.

Each change of what a start would run is one rename; `docs/updates.md` says what a start finds.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from edge_common import (
    BundleError,
    ConfigError,
    DataError,
    decode,
    encode,
    read_json,
    slug,
    state_folder,
    sync_folder,
    whole_file,
)

SLOTS = ("a", "b")
GOOD, TRIAL = "good", "trial"
SIGNATURE = ".minisig"
_RECORD = "bundle.json"
_MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class SlotRecord:
    """What a slot holds.  file: its name.  sha256: of the file.

    base: sha256 of the file that the settings named when it came; if that changes, they hold.
    """

    file: str
    sha256: str
    base: str


@dataclass(frozen=True)
class Slot:
    """One that is whole."""

    folder: Path
    record: SlotRecord

    @property
    def path(self) -> Path:
        """Of the bundle, as the links do not change it."""
        return self.folder / self.record.file


def folder_for(config: Path, state: Path | None = None) -> Path:
    """Of the updates of runs by this settings file.  state: the folder that they keep things in."""
    return (state or state_folder()) / "updates" / slug(os.path.realpath(config))


def file_sha256(path: Path) -> str:
    """Of its bytes; "" if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


class Slots:
    """Two folders below `folder`, of which at most one is good, and one on trial.

    All methods raise ConfigError if the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def good(self) -> Slot | None:
        """What was kept last; None if there is none, or it is damaged."""
        return self._slot(GOOD)

    @property
    def trial(self) -> Slot | None:
        return self._slot(TRIAL)

    @property
    def damage(self) -> str:
        """What is wrong with the good one, in words; "" if nothing is."""
        if self._target(GOOD) and not self.good:
            return f"{self.folder / GOOD} is damaged, and what the settings name runs"
        return ""

    def to_run(self, settings_file: Path, refused_base: str = "") -> Slot | None:
        """What a start runs; None: the file that the settings name, which may be another one by now.

        refused_base: sha256 of such a file that failed.
        """
        good = self.good
        if good is None:
            return None
        sha256 = file_sha256(settings_file)
        return good if sha256 in ("", good.record.base, refused_base) else None

    def recover(self) -> bool:
        """As a start does it: forget a trial that did not come to its end. Whether there was one."""
        on_trial = self._target(TRIAL)
        is_interrupted = bool(on_trial) and on_trial != self._target(GOOD)
        self.end_trial()
        return is_interrupted

    def stage(self, path: Path, base: str, sha256: str = "") -> Slot:
        """Copy a bundle, and its signature if there is one, into the folder that is not good.

        sha256: that the copy has to have; "": whichever. Raises BundleError if it has another, or
        cannot be read.
        """
        name = next(each for each in SLOTS if each != self._target(GOOD))
        folder, signature = self.folder / name, path.with_name(path.name + SIGNATURE)
        try:
            content = path.read_bytes()
            signed = signature.read_bytes() if signature.exists() else None
        except OSError as error:
            raise BundleError(f"{path} cannot be read: {error.strerror or error}") from error
        record = SlotRecord(path.name, hashlib.sha256(content).hexdigest(), base)
        if sha256 not in ("", record.sha256):
            raise BundleError(f"{path} was changed or cut while it was copied: give it again")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            _write(folder / path.name, content)
            if signed is not None:
                _write(folder / signature.name, signed)
            _write(folder / _RECORD, json.dumps(encode(record)).encode())  # last: it is whole now
            sync_folder(self.folder)
        except OSError as error:
            raise self._refusal(error) from error
        return Slot(folder, record)

    def begin_trial(self, slot: Slot) -> None:
        """From now on, a start knows that it did not come to its end."""
        self._link(TRIAL, slot)

    def keep(self, slot: Slot) -> None:
        """From now on, a start runs it."""
        self._link(GOOD, slot)
        self.end_trial()

    def end_trial(self) -> None:
        """Of one that was kept, or is given up: a start runs the good one."""
        try:
            (self.folder / TRIAL).unlink(missing_ok=True)
            if self.folder.is_dir():
                sync_folder(self.folder)
        except OSError as error:
            raise self._refusal(error) from error

    def _link(self, name: str, slot: Slot) -> None:
        partial = self.folder / f".{name}.new"
        try:
            partial.unlink(missing_ok=True)
            partial.symlink_to(slot.folder.name)
            os.replace(partial, self.folder / name)
            sync_folder(self.folder)
        except OSError as error:
            raise self._refusal(error) from error

    def _target(self, link: str) -> str:
        """The folder that it points to; "": it is none of ours."""
        try:
            target = os.readlink(self.folder / link)
        except OSError:
            return ""
        return target if target in SLOTS else ""

    def _slot(self, link: str) -> Slot | None:
        if not (name := self._target(link)):
            return None
        folder = self.folder / name
        try:
            record = decode(SlotRecord, read_json(folder / _RECORD, _MOST_BYTES))
        except (DataError, OSError):
            return None
        is_plain = record.file == os.path.basename(record.file) and record.file != ""
        if not is_plain or file_sha256(folder / record.file) != record.sha256:
            return None
        return Slot(folder, record)

    def _refusal(self, error: OSError) -> ConfigError:
        reason = error.strerror or error
        return ConfigError(f"{self.folder} cannot be written ({reason}): see to rights and space")


def _write(path: Path, content: bytes) -> None:
    with whole_file(path, 0o600) as stream:
        stream.write(content)
