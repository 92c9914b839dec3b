"""Finished rows on disk, so that an interrupted table goes on where it was."""

import hashlib
import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_common import __version__
from edge_common.data import decode, encode
from edge_common.errors import SinkError
from edge_common.files import write_whole
from examples.thesis_table.rows import Figures

_PROJECT = Path(__file__).resolve().parent.parent.parent
# whose change makes another network, or another file of the same
_SOURCES = (
    "models/networks/comparison/*.py",
    "models/networks/mtdnn.py",
    "models/networks/backbones.py",
)
_MADE_BY = ("tensorflow", "keras", "litert-quantizer", "ai-edge-litert")


@dataclass(frozen=True)
class Kept:
    """A folder with a file for each finished row of this machine, these versions and threads."""

    folder: Path
    machine: str
    threads: int

    def find(self, key: str) -> Figures | None:
        """The row, where it was finished before; None if its file is missing or broken."""
        try:
            return decode(Figures, json.loads(self._path(key).read_text()))
        except (OSError, ValueError):
            return None

    def keep(self, found: Figures) -> None:
        """Write a row, whole. Raises SinkError if the folder cannot be written."""
        write_whole(self._path(found.key), json.dumps(encode(found), indent=1).encode())

    def make(self) -> None:
        """Make the folder. Raises SinkError if it cannot be."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(
                f"{self.folder} cannot be made ({error.strerror}): give another --cache"
            ) from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}-{self._fingerprint()}.json"

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.machine};{self.threads};{__version__};".encode())
        for name in _MADE_BY:
            digest.update(f"{name} {_version(name)};".encode())
        for pattern in _SOURCES:
            for path in sorted(_PROJECT.glob(pattern)):
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
