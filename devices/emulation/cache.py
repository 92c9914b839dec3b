"""What is built once and kept: its folders, whole or not at all, its commands, the C compiler."""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from edge_common import BuildFailed, DeviceError, cache_folder, children

Say = Callable[[str], None]
_LOCK = ".lock"
_KEPT_S = 30 * 86400  # after its last use


def arm_folder() -> Path:
    """`arm` in the user's cache."""
    return cache_folder() / "arm"


def key(*made_from: str) -> str:
    """Short name of what a folder was made from: another one is built if that changes."""
    return hashlib.sha256("\n".join(made_from).encode()).hexdigest()[:10]


def kept(name: str, build: Callable[[Path], None], step: str, say: Say) -> Path:
    """The folder `name` of the cache; if it is missing, `build` fills it first.

    It is filled beside, as NAME.part, and renamed when whole; what an interrupted build left,
    and what nobody used for 30 days, is removed then. One process builds, others wait for it.
    Raises BuildFailed.
    """
    path = arm_folder() / name
    if not path.is_dir():
        with _only_builder(say):
            if not path.is_dir():
                say(step)
                _build(path, build)
    with contextlib.suppress(OSError):  # a cache that is only read is never tidied up either
        os.utime(path)
    return path


def _build(path: Path, build: Callable[[Path], None]) -> None:
    part = path.with_name(f"{path.name}.part")
    _remove([*path.parent.glob("*.part*"), *_unused(path.parent)])
    try:
        part.mkdir()
        build(part)
        part.rename(path)
    except OSError as error:
        raise BuildFailed(
            f"{error.filename or path.parent}: {error.strerror or error}; "
            "check the cache folder's rights and free space"
        ) from error


def _unused(folder: Path) -> Iterator[Path]:
    oldest = time.time() - _KEPT_S
    for path in folder.iterdir():
        if path.is_dir() and path.stat().st_mtime < oldest:
            yield path


def _remove(leftovers: Iterable[Path]) -> None:
    for leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _only_builder(say: Say) -> Iterator[None]:
    """Hold the cache's lock, which the system lets go when this process ends in any way."""
    folder = arm_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise BuildFailed(
            f"{error.filename or folder}: {error.strerror or error}; "
            "give a folder that can be written in XDG_CACHE_HOME"
        ) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that builds the same")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


_TIMEOUT_S = 900


def run(
    command: Sequence[str],
    step: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end; its stdout.

    Raises BuildFailed, with the last line that it said, if it fails or does not end.
    """
    try:
        process = children.run_captured(command, cwd=cwd, environment=env, timeout_s=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"{step} did not end in {_TIMEOUT_S} s: try again") from error
    if process.returncode != 0:
        raise BuildFailed(f"{step} failed: {_reason(process.stderr)}")
    return process.stdout


def _reason(stderr: str) -> str:
    """The last line that is an error, else the last one."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("e:", "error"))]
    return (errors or lines or ["no reason given"])[-1][:300]


_NAMES = ("cc", "gcc", "clang")


class NoCompiler(DeviceError):
    """There is none, or `$CC` names none: the message says what to install or change."""


def find_compiler(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The words that begin a compiler's command line: `$CC`, else cc, gcc or clang.

    The first of them is a path. Raises NoCompiler.
    """
    words = _words(environment.get("CC", ""))
    for command in [words] if words else [[name] for name in _NAMES]:
        if program := shutil.which(command[0], path=environment.get("PATH")):
            return [program, *command[1:]]
    missing = f"$CC is {words[0]}, which is not there" if words else "there is no C compiler"
    raise NoCompiler(f"{missing}: apt-get install gcc libc6-dev")


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        reason = str(error).lower()
        raise NoCompiler(f"$CC is {command!r}, which is no command ({reason}): unset it") from error
