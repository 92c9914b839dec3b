"""Small kernel files, read so that a half-readable tree never raises.

They are read as bytes with plain system calls: some drivers answer EAGAIN (a Jetson Orin's
thermal zones of absent engines do), which Python's text files turn into a TypeError.
"""

import os
from pathlib import Path

_CHUNK = 1 << 16
_MOST_BYTES = 1 << 22  # /proc/cpuinfo of 512 cores is below 1 MB
_INT64 = 2**63


def read_bytes(path: Path) -> bytes | None:
    """The content of a file; None if it is missing, refused, or not ready."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return _read_all(file)
    except OSError:
        return None
    finally:
        os.close(file)


def _read_all(file: int) -> bytes:
    content = chunk = os.read(file, _CHUNK)
    while chunk and len(content) < _MOST_BYTES:
        chunk = os.read(file, _CHUNK)
        content += chunk
    return content


def read_start(path: Path, size: int) -> bytes:
    """The first `size` bytes of a file, fewer if it is shorter; none if it is refused."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        return os.read(file, size)
    except OSError:
        return b""
    finally:
        os.close(file)


def read_text(path: Path) -> str | None:
    """The content without white space and NULs around it; None if nothing is left."""
    content = read_bytes(path)
    return content.decode(errors="replace").strip("\0 \t\r\n") or None if content else None


def read_int(
    path: Path, *, base: int = 10, least: int = -_INT64, most: int = _INT64 - 1
) -> int | None:
    """The one whole number in a file; None if there is none or it is out of range."""
    return whole_number(read_text(path), base=base, least=least, most=most)


def whole_number(
    text: str | None, *, base: int = 10, least: int = -_INT64, most: int = _INT64 - 1
) -> int | None:
    """The number that a text is; None for anything else and out of range."""
    try:
        value = int(text, base) if text else None
    except ValueError:
        return None
    return value if value is not None and least <= value <= most else None


def read_field(path: Path, name: str) -> str | None:
    """The value of the first `name: value` line, as of /proc/meminfo; None without one."""
    start = f"{name}:"
    lines = (read_text(path) or "").splitlines()
    return next(
        (line.removeprefix(start).strip() for line in lines if line.startswith(start)), None
    )


def read_kilobytes(path: Path, name: str) -> int | None:
    """The value of the first `name: 1234 kB` line, in bytes; None without one."""
    value = (read_field(path, name) or "").removesuffix("kB").strip()
    kilobytes = whole_number(value, least=0)
    return None if kilobytes is None else kilobytes * 1024


def children(folder: Path, prefix: str = "") -> list[Path]:
    """What a folder holds under names that start with `prefix`, sorted; [] if unreadable."""
    try:
        names = os.listdir(folder)
    except (OSError, ValueError):
        return []
    return [folder / name for name in sorted(names) if name.startswith(prefix)]
