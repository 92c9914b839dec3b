"""From a delegate's name or path to a loaded library; each way to fail has words of its own."""

import ctypes
from pathlib import Path

from edge.engine.delegate import EMULATED, LIBRARIES, Delegate, folders
from edge.engine.runtimes import Runtime
from edge_common.errors import DelegateError, DeviceError


def load_library(runtime: Runtime, delegate: Delegate) -> object:
    """A delegate for one interpreter. Raises DelegateError if there is none to be had.

    Which is: nothing under that name, no shared library, a library without a delegate, or
    a delegate that refuses to start.
    """
    path = _openable(delegate)
    try:
        return runtime.load_delegate(path, dict(delegate.options))
    except ValueError as error:
        reason = str(error).strip().splitlines()[1:] or ["it gives no reason"]
        raise DelegateError(
            f"the delegate {delegate.short} refuses to start: {' '.join(reason)[:200]}"
        ) from error


def _openable(delegate: Delegate) -> str:
    """The first candidate that is a library with a delegate in it."""
    candidates, failure = _candidates(delegate), None
    for path in candidates:
        try:
            library = ctypes.CDLL(path)  # the runtimes' own loaders leave a traceback behind
        except OSError as error:
            failure = error
            continue
        if not hasattr(library, "tflite_plugin_create_delegate"):
            raise DelegateError(
                f"{path} is a library but no TFLite delegate: give the delegate's path"
            )
        return path
    raise DelegateError(_unopened(delegate, candidates[-1], failure)) from failure


def _candidates(delegate: Delegate) -> list[str]:
    """What to give to the loader: paths of files that are there, or bare names for it to find."""
    if delegate.name == EMULATED:
        from edge_devices.emulated_delegate.build import build

        try:
            return [str(build())]
        except DeviceError as error:
            raise DelegateError(str(error)) from error
    library = LIBRARIES.get(delegate.name)
    if library is None:
        path = Path(delegate.name).expanduser()
        return [str(path.absolute()) if path.exists() else delegate.name]
    paths = (Path(folder) / library.file for folder in folders())
    return [library.file, *(str(path) for path in paths if path.exists())]


def _unopened(delegate: Delegate, path: str, error: OSError | None) -> str:
    library = LIBRARIES.get(delegate.name)
    if Path(path).is_file():
        return f"{path} cannot be loaded as a shared library ({error}): is it for this machine?"
    if library:
        return f"the delegate {delegate.name} is not on this machine: {library.install}"
    return f"the delegate {delegate.name} cannot be opened ({error}): give its path"
