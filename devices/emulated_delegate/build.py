"""Build the emulated delegate with the system's C compiler.

Run as `python -m edge_devices.emulated_delegate.build [LIBRARY.so]`; it prints where the library is.
"""

import hashlib
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_common import DeviceError, cache_folder, children, whole_path
from edge_devices.emulation.cache import NoCompiler, find_compiler

NAME = "libedge_emulated_delegate"
_HERE = Path(__file__).parent
_FLAGS = ("-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC")
_HIDE = "-fvisibility=hidden"


def build(folder: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """The library in `folder` or the user's cache, compiled only if these sources were not yet.

    Raises DeviceError if there is no compiler (`$CC`, else cc, gcc or clang), or it fails.
    """
    folder = folder or cache_folder(environment) / "delegates"
    path = folder / f"{NAME}-{_fingerprint(environment.get('CC', ''))}.so"
    if not path.exists():
        compile_to(path, environment)
    return path


def compile_to(path: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Compile the sources; the library stands under its name when it is whole.

    Raises DeviceError.
    """
    compiler = _compiler(environment)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_path(path) as partial:
            _run([*compiler, *_FLAGS, _HIDE, *map(str, _sources(".c")), "-o", str(partial)])
    except OSError as error:
        raise DeviceError(
            f"the emulated delegate cannot be built at {path} ({error.strerror}): "
            "choose another folder, or free some space"
        ) from error


def _compiler(environment: Mapping[str, str]) -> list[str]:
    try:
        return find_compiler(environment)
    except NoCompiler as error:
        raise DeviceError(f"the emulated delegate is built on first use and {error}") from error


def _run(command: Sequence[str]) -> None:
    process = children.run_captured(command)
    if process.returncode:
        errors = [line for line in process.stderr.splitlines() if "error" in line]
        reason = next(iter(errors), "no reason given")[:200]
        raise DeviceError(
            f"{command[0]} does not compile the emulated delegate ({reason}): "
            "apt-get install gcc libc6-dev, or set CC to another compiler"
        )


def _sources(*suffixes: str) -> list[Path]:
    return sorted(path for path in _HERE.iterdir() if path.suffix in suffixes)


def _fingerprint(compiler: str) -> str:
    """Of all that the library is made of: sources, flags, compiler, and the machine's kind."""
    digest = hashlib.sha256(" ".join([compiler, *_FLAGS, platform.machine()]).encode())
    for path in _sources(".c", ".h"):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def main(arguments: Sequence[str]) -> None:
    """Build into the cache, or to the path that is given."""
    try:
        if arguments:
            path = Path(arguments[0])
            compile_to(path)
        else:
            path = build()
    except DeviceError as error:
        raise SystemExit(f"Error: {error}") from error
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
