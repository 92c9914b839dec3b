"""How much of a disk recordings may fill: the oldest of them goes first."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_common import SinkError


@dataclass(frozen=True)
class Quota:
    """What a folder's recordings may fill together.

    most_bytes: of their files.  disk_share: of the file system, whoever fills it.
    pattern: of the files' names; those that differ by their suffix alone go together.
    """

    folder: Path
    pattern: str
    most_bytes: int = 1 << 30
    disk_share: float = 0.95

    def __post_init__(self) -> None:
        if not (self.most_bytes > 0 and 0 < self.disk_share <= 1):
            raise ValueError("a quota is above 0, and a share of the disk 1 at most")

    def groups(self) -> dict[str, list[Path]]:
        """Files by the beginning of their names, the oldest first: names begin with times."""
        groups: dict[str, list[Path]] = {}
        for path in sorted(self.folder.glob(self.pattern)):
            if path.is_file() and not path.name.startswith("."):
                groups.setdefault(path.name.partition(".")[0], []).append(path)
        return groups

    def make_room(self, size: int, keep: str = "") -> None:
        """Remove the oldest until so many bytes more fit.  keep: a group that stays.

        Raises SinkError if they cannot.
        """
        groups = self.groups()
        total = sum(_size(path) for paths in groups.values() for path in paths)
        names = [name for name in groups if name != keep]
        while total + size > self.most_bytes or not self._fits(size):
            if not names:
                raise SinkError(
                    f"{self.folder}: {size / 1e6:.1f} MB more do not fit: free some space, or allow more"
                )
            total -= _remove(groups[names.pop(0)])

    def _fits(self, size: int) -> bool:
        disk = os.statvfs(self.folder)
        usable = (disk.f_blocks - disk.f_bfree + disk.f_bavail) * self.disk_share
        used = disk.f_blocks - disk.f_bfree + -(-size // disk.f_frsize)
        return used <= usable

    def write(self, size: int, write: Callable[[], None], keep: str = "") -> None:
        """Make room and call `write`, again without the oldest if the disk is full all the same.

        Raises SinkError if it stays full, and OSError for all else.
        """
        self.make_room(size, keep)
        while True:
            try:
                return write()
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                groups = [paths for name, paths in self.groups().items() if name != keep]
                if not groups:
                    raise SinkError(f"{self.folder}: the disk is full: free some space") from error
                _remove(groups[0])


def _size(path: Path) -> int:
    """Bytes on disk. A file that somebody else removed has none."""
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def _remove(paths: list[Path]) -> int:
    freed = sum(map(_size, paths))
    for path in paths:
        path.unlink(missing_ok=True)
    return freed
