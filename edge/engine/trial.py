"""A model's first run, in a process of its own: a crash or an endless loop there is one line here.

Runtimes trust what they load. Run as `python -m edge.engine.trial RUNTIME MODEL...`.
"""

import contextlib
import functools
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edge.engine import AUTO, NONE, Delegate
from edge.engine.runtimes import installed
from edge_common import EngineError, SinkError, cache_folder, children, runtimes, write_cached

if TYPE_CHECKING:
    from edge.bundle import Bundle

_TIMEOUT_S = 120.0  # of all parts; a board's first frame takes seconds


_ran_here: set[Path] = set()  # if there is no cache to write to


def require_parts(bundle: "Bundle", runtime: str = "auto") -> None:
    """Let the parts of a bundle be run once elsewhere, as `require` does."""
    files = {part.file: bundle.members[part.file] for part in bundle.manifest.parts}
    digests = {file: bundle.manifest.members[file].sha256 for file in files}
    _require(files, {file: _mark(digest, runtime) for file, digest in digests.items()}, runtime)


def require(name: str, model: bytes, runtime: str = "auto") -> None:
    """Let a model be loaded and run once elsewhere, if it never was.

    What the runtime refuses in words is left to whoever loads it here. Raises EngineError
    if that process crashes or does not end.
    """
    digest = hashlib.sha256(model).hexdigest()
    _require({name: model}, {name: _mark(digest, runtime)}, runtime)


def _require(models: Mapping[str, bytes], marks: Mapping[str, Path], runtime: str) -> None:
    unknown = [name for name, mark in marks.items() if mark not in _ran_here and not mark.exists()]
    if not unknown:
        return
    with TemporaryDirectory(prefix="edge-run-") as folder:
        files = [Path(folder, str(number)) for number in range(len(unknown))]
        for file, name in zip(files, unknown):
            file.write_bytes(models[name])
        command = children.module_command("edge.engine.trial", runtime, *files)
        try:
            code = children.run_captured(command, timeout_s=_TIMEOUT_S).returncode
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"{' or '.join(unknown)} did not come to the end of a first run in "
                f"{_TIMEOUT_S:.0f} s: it is damaged, or too much for this machine"
            ) from None
    if code < 0:
        raise EngineError(
            f"the runtime crashed ({children.signal_name(-code)}) at a first run of "
            f"{' or '.join(unknown)}: the file is damaged or made to do so; "
            "convert it again, or try another --runtime"
        )
    if code == 0:
        _ran_here.update(marks[name] for name in unknown)
        with contextlib.suppress(SinkError):  # tried again by the next process
            for name in unknown:
                write_cached(marks[name], b"")


def _mark(digest: str, runtime: str) -> Path:
    """The file that is there once the model of that hash ran in this version of the runtime."""
    return cache_folder() / "tried" / f"{digest[:32]}-{_version(runtime)}"


@functools.cache
def _version(runtime: str) -> str:
    present = installed()
    name = next(iter(present), "") if runtime == "auto" else runtime
    version = metadata.version(runtimes.RUNTIMES[name][0]) if name in present else ""
    return f"{name}-{version}"


def main(runtime: str, *files: str) -> None:
    """Load and run each model in the kernels that the runtime picks, and in its built-in ones."""
    for file in files:
        for delegate in (AUTO, Delegate(NONE)):
            with contextlib.suppress(EngineError):  # said again, and better, by who needs the model
                _run(Path(file).read_bytes(), runtime, delegate)


def _run(model: bytes, runtime: str, delegate: Delegate) -> None:
    from edge.engine.engine import Engine

    engine = Engine(model, runtime=runtime, delegate=delegate)
    for number in range(len(engine.inputs)):
        engine.input(number)[...] = 0
    engine.invoke()


if __name__ == "__main__":
    main(*sys.argv[1:])
