"""Which recordings a batch is about: files, folders, globs, lists of them, local or at any URL of fsspec."""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec

from edge import sources
from edge_common import SourceError, without_passwords

LIST_SUFFIX = ".txt"  # a file of recordings, one a line
# what plugins of fsspec raise besides OSError, by the module that they load
_PLUGIN_ERRORS = {
    "aiohttp": "ClientError",
    "azure.core.exceptions": "AzureError",
    "botocore.exceptions": "BotoCoreError",
    "gcsfs.retry": "HttpError",
    "google.auth.exceptions": "GoogleAuthError",
    "paramiko": "SSHException",
}
_SUFFIXES = (*sources.VIDEO_SUFFIXES, ".ts", ".mts", ".m2ts", ".mpeg")


@dataclass(frozen=True)
class RecordedFile:
    """One file.  identity: another one if its content changes.  size_bytes: 0 if nobody says."""

    url: str
    identity: str
    size_bytes: int

    @property
    def name(self) -> str:
        """Without passwords."""
        return without_passwords(self.url)

    @property
    def is_local(self) -> bool:
        return "://" not in self.url

    @contextmanager
    def local_file(self) -> Iterator[str]:
        """Its path, or that of a copy while the block runs.

        Raises SourceError; one of the block that speaks of the copy speaks of the URL.
        """
        if self.is_local:
            yield self.url
            return
        with TemporaryDirectory(prefix="edge-batch-") as folder:
            path = Path(folder, Path(self.url.split("?")[0]).name)
            filesystem, remote = _filesystem(self.url)
            try:
                filesystem.get_file(remote, str(path))
            except _errors() as error:
                raise SourceError(f"{self.name} cannot be copied ({error}): try again") from error
            try:
                yield str(path)
            except SourceError as error:
                raise SourceError(str(error).replace(str(path), self.name)) from error


def find(texts: Sequence[str], suffixes: Sequence[str] = _SUFFIXES) -> list[RecordedFile]:
    """Each recording once, in the order of the texts, those of folders and globs by name.

    A text is a file, a folder, a glob, or a .txt with one of them a line.
    suffixes: of what counts in a folder.  Raises SourceError for a text that leads to none.
    """
    recordings: dict[str, RecordedFile] = {}
    for text in texts:
        before = len(recordings)
        matches = [r for each in _listed(text) for r in _recordings(each, suffixes)]
        recordings.update({each.url: each for each in matches if each.url not in recordings})
        if not matches and len(recordings) == before:
            raise SourceError(
                f"{text} leads to no recording: give a file, a folder of videos, a quoted glob, a URL "
                "of them or a .txt that lists them"
            )
    return list(recordings.values())


def _listed(text: str) -> list[str]:
    if not text.lower().endswith(LIST_SUFFIX):
        return [text]
    filesystem, path = _filesystem(text)
    try:
        lines = filesystem.cat_file(path).decode().splitlines()
    except _errors(UnicodeDecodeError) as error:
        raise SourceError(f"{text} cannot be read ({error}): give a list of recordings") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _recordings(text: str, suffixes: Sequence[str]) -> Iterator[RecordedFile]:
    filesystem, path = _filesystem(text)
    try:
        if "*" in path and not filesystem.exists(path):
            paths = sorted(filesystem.glob(path))
        elif filesystem.isdir(path):
            names = sorted(filesystem.ls(path, detail=False))
            paths = [name for name in names if name.lower().endswith(tuple(suffixes))]
        else:
            paths = [path]
        for each in paths:
            info = filesystem.info(each)
            if info["type"] == "file":
                yield _recording(filesystem, each, info)
    except FileNotFoundError:
        raise SourceError(f"there is no recording {text}: check its path") from None
    except _errors() as error:
        name = without_passwords(text)
        raise SourceError(f"{name} cannot be read ({error}): check it and its rights") from error


def _errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """What reading a URL may raise, as far as its plugin is loaded."""
    loaded = (
        (sys.modules[name], error) for name, error in _PLUGIN_ERRORS.items() if name in sys.modules
    )
    return (
        OSError,
        *more,
        *(getattr(module, error) for module, error in loaded if hasattr(module, error)),
    )


def _recording(filesystem: Any, path: str, info: dict[str, Any]) -> RecordedFile:
    size_bytes = int(info.get("size") or 0)
    if _is_local(filesystem):
        path = os.path.abspath(path)
        stamp = f"{size_bytes} {os.stat(path).st_mtime_ns}"
        return RecordedFile(path, _sha256(f"{path} {stamp}"), size_bytes)
    url = filesystem.unstrip_protocol(path)
    return RecordedFile(url, _sha256(f"{url} {filesystem.ukey(path)}"), size_bytes)


def _filesystem(text: str) -> tuple[Any, str]:
    """What reads it, and its path there. Raises SourceError if nothing does."""
    try:
        filesystem, path = fsspec.core.url_to_fs(text)
    except (ImportError, ValueError) as error:
        raise SourceError(f"{text} cannot be opened: {error}") from error
    return filesystem, str(path)


def _is_local(filesystem: Any) -> bool:
    protocol = filesystem.protocol
    return "file" in ((protocol,) if isinstance(protocol, str) else protocol)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
