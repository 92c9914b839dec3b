"""How much of a disk recordings may fill, and how long they are kept: the oldest goes first."""

import errno
import glob
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edge_common import SinkError

_DAY_S = 86_400.0
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def kept_s(days: float) -> float:
    """Seconds that an option `keep_days` means; 0: without end. Raises ValueError."""
    if not 0 <= days <= 36_500:
        raise ValueError("the option keep_days is 0 (without end) or more days, 36500 at most")
    return days * _DAY_S if days else math.inf


@dataclass(frozen=True)
class Rotation:
    """When a file is finished and another begun: from so many bytes or seconds on; 0: never."""

    most_bytes: int = 0
    most_s: float = 0.0

    @classmethod
    def of(cls, megabytes: float, seconds: float, keep_days: float = 0.0) -> "Rotation":
        """As options say it: what goes after some days is a file of one day at most. Raises ValueError."""
        if not (megabytes >= 0 and seconds >= 0):
            raise ValueError("the options of rotation are 0 or more")
        if keep_days:
            seconds = min(seconds or _DAY_S, _DAY_S, kept_s(keep_days))
        return cls(round(megabytes * 1e6), seconds)

    def is_due(self, size: int, began_at: float) -> bool:
        """size: of the file, with what comes next.  began_at: monotonic seconds."""
        is_old = bool(self.most_s) and time.monotonic() - began_at >= self.most_s
        return is_old or 0 < self.most_bytes < size

    def name_of(self, path: Path) -> Path:
        """`STEM-20261127T012800.123456Z.SUFFIX`, so that names are in the order of their times."""
        now = datetime.now(timezone.utc)
        return path.with_name(f"{path.stem}-{now:%Y%m%dT%H%M%S_%f}Z{path.suffix}")

    def quota(
        self, path: str, megabytes: float, disk_share: float, keep_days: float = 0.0
    ) -> "Quota | None":
        """Of a file and those that it was rotated to; None: they may fill the disk, and stay.

        Raises ValueError if nothing is rotated, as there is nothing to remove then.
        """
        if not megabytes and disk_share == 1.0 and not keep_days:
            return None
        if not (self.most_bytes or self.most_s):
            raise ValueError(
                "a quota goes with rotation: the oldest file goes if there are several"
            )
        place, most = Path(path), round(megabytes * 1e6) or 1 << 62
        if self.most_bytes > most:
            raise ValueError("a quota is above the size of one file")
        stem = glob.escape(place.stem)
        pattern = f"{stem}*{glob.escape(place.suffix)}"
        return Quota(place.parent, pattern, most, disk_share, kept_s(keep_days))


@dataclass(frozen=True)
class Quota:
    """What a folder's recordings may fill together.

    most_bytes: of their files.  disk_share: of the file system, whoever fills it.
    pattern: of the files' names; those that differ by their suffix alone go together.
    keep_s: seconds after which `remove_old` removes what nobody wrote into since.
    """

    folder: Path
    pattern: str
    most_bytes: int = 1 << 30
    disk_share: float = 0.95
    keep_s: float = math.inf

    def __post_init__(self) -> None:
        if not (self.most_bytes > 0 and 0 < self.disk_share <= 1):
            raise ValueError("a quota is above 0, and a share of the disk 1 at most")

    def groups(self) -> dict[str, list[Path]]:
        """Files by their names without suffix, the oldest first: names begin with times."""
        groups: dict[str, list[Path]] = {}
        for path in sorted(self.folder.glob(self.pattern)):
            if path.is_file() and not path.name.startswith("."):
                groups.setdefault(path.stem, []).append(path)
        return groups

    def make_room(self, size: int, keep: str = "") -> None:
        """Remove the oldest until so many bytes more fit.  keep: a group that stays.

        Raises SinkError if they cannot.
        """
        groups = self.groups()
        total = sum(_size(path) for paths in groups.values() for path in paths)
        names = [name for name in groups if name != keep]
        while total + size > self.most_bytes or not self.fits(size):
            if not names:
                raise SinkError(
                    f"{self.folder}: {size / 1e6:.1f} MB more do not fit: free some space, or allow more"
                )
            total -= _remove(groups[names.pop(0)])

    @property
    def step(self) -> int:
        """Bytes to ask room for at once, as to look at all files takes a while: half a percent."""
        disk = os.statvfs(self.folder)
        return min(self.most_bytes, disk.f_blocks * disk.f_frsize, 1 << 28) // 200

    def remove_oldest(self) -> None:
        """Also if nobody asked for room."""
        for paths in list(self.groups().values())[:1]:
            _remove(paths)

    @property
    def has_age(self) -> bool:
        return math.isfinite(self.keep_s)

    def is_old(self, path: Path) -> bool:
        """Whether it was written so long ago that it goes. What somebody else removed is not."""
        try:
            return time.time() - path.stat().st_mtime >= self.keep_s
        except FileNotFoundError:
            return False

    def remove_old(self, keep: str = "") -> None:
        """All groups that are too old, and what runs that were killed left.  keep: a group that stays."""
        if not self.has_age:
            return
        for name, paths in self.groups().items():
            if name != keep and all(map(self.is_old, paths)):
                _remove(paths)
        for path in self.folder.glob(f".{self.pattern.rstrip('*')}*"):
            if path.suffix != ".lock" and path.is_file() and self.is_old(path):
                path.unlink(missing_ok=True)

    def fits(self, size: int) -> bool:
        disk = os.statvfs(self.folder)
        usable = (disk.f_blocks - disk.f_bfree + disk.f_bavail) * self.disk_share
        used = disk.f_blocks - disk.f_bfree + -(-size // disk.f_frsize)
        return used <= usable

    def without_oldest(self, write: Callable[[], None], keep: str = "") -> None:
        """Call `write`, and again without the oldest if the disk is full all the same.

        Raises SinkError if it stays full, and OSError for all else.
        """
        while True:
            try:
                return write()
            except OSError as error:
                if error.errno not in DISK_FULL:
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
