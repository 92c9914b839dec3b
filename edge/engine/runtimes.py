"""TFLite runtimes, and a model loaded into one: with the delegate asked for or, announced, without.

The runtimes that may be installed are found without importing the others.
"""

import ctypes
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

from edge.engine.delegate import AUTO, EMULATED, LIBRARIES, NONE, Delegate, folders
from edge.engine.delegation import delegate_nodes, nodes_of
from edge_common import DelegateError, DeviceError, EngineError, console, runtimes

EDGE_TPU_OPERATOR = b"edgetpu-custom-op"


@dataclass(frozen=True)
class Runtime:
    """A loaded runtime: its interpreter class, delegate loader and version.

    built_in_kernels: the kind of resolver that brings no XNNPACK.
    """

    name: str
    version: str
    interpreter: Callable[..., Any]
    load_delegate: Callable[..., Any]
    built_in_kernels: object = None


def installed() -> list[str]:
    """Names of the runtimes that this environment holds, best first."""
    return [
        name
        for name, (_, module) in runtimes.RUNTIMES.items()
        if util.find_spec(module.split(".")[0])
    ]


def load(name: str = "auto") -> Runtime:
    """Import a runtime; `auto` takes the first installed that is not tensorflow.

    Raises EngineError if it is not installed or does not import.
    """
    if name == "auto":
        name = next(iter(installed()), "litert")
    distribution, module_name = runtimes.RUNTIMES[name]
    try:
        module = import_module(module_name)
        version = metadata.version(distribution)
    except ImportError as error:
        hint = f"pip install {distribution}"
        if name == "tflite-runtime":
            hint += " 'numpy<2' (it has wheels up to Python 3.11)"
        raise EngineError(f"the runtime {name} cannot be used ({error}): {hint}") from error
    built_in = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return Runtime(name, version, module.Interpreter, module.load_delegate, built_in)


def litert_interpreter(model: bytes, **options: object) -> Any:
    """LiteRT's own interpreter, tensors allocated. Raises EngineError if it refuses."""
    runtime = load("litert")
    with console.captured_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the memory that kept tensors take
        try:
            interpreter = runtime.interpreter(model_content=model, **options)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"LiteRT does not load the graph: {error}") from error
    return interpreter


@dataclass(frozen=True)
class Loaded:
    """interpreter: a runtime's own, its tensors allocated.

    library_nodes: how many of its nodes a delegate's library made.
    fallback: why it runs without the delegate that was asked for; empty if it does not.
    failed_at: the invocation at which the delegate failed; 0: it did not.
    """

    interpreter: Any
    library_nodes: int = 0
    fallback: str = ""
    failed_at: int = 0


def load_model(
    model: bytes, name: str, runtime: Runtime, threads: int, delegate: Delegate
) -> Loaded:
    """Load a .tflite, called `name` in messages.

    Raises EngineError if the runtime refuses it, DelegateError if a strict delegate
    cannot be used; another one is announced and left out. What was compiled for a delegate
    (an Edge TPU) runs through it or not at all: EngineError.
    """
    if EDGE_TPU_OPERATOR in model:
        return _compiled(model, name, runtime, threads, delegate)
    if not delegate.is_library:
        return _by_the_runtime(model, name, runtime, threads, delegate)
    try:
        return _with_library(model, name, runtime, threads, delegate)
    except DelegateError as error:
        if delegate.strict:
            raise with_hint(error) from error
        return without_library(model, name, runtime, threads, error)


def _compiled(
    model: bytes, name: str, runtime: Runtime, threads: int, delegate: Delegate
) -> Loaded:
    if not delegate.is_library:
        raise EngineError(
            f"{name} was compiled for the Edge TPU: run it with --delegate edgetpu, "
            "or take the file that it was compiled from"
        )
    try:
        return _with_library(model, name, runtime, threads, delegate)
    except DelegateError as error:
        raise DelegateError(f"{name} was compiled for the Edge TPU, and {error}") from error


def without_library(
    model: bytes, name: str, runtime: Runtime, threads: int, failure: DelegateError
) -> Loaded:
    """Load it as if no delegate had been asked for, and warn once, saying why. Raises EngineError."""
    loaded = _by_the_runtime(model, name, runtime, threads, AUTO)
    console.warn_once(f"{failure}; going on without it")
    return replace(loaded, fallback=str(failure))


def with_hint(failure: DelegateError) -> DelegateError:
    """The failure of a strict delegate, with the way out."""
    return DelegateError(f"{failure}; leave out --strict-delegate to run without it")


def _by_the_runtime(
    model: bytes, name: str, runtime: Runtime, threads: int, delegate: Delegate
) -> Loaded:
    options = {}
    if delegate.name == NONE:
        options["experimental_op_resolver_type"] = runtime.built_in_kernels
    try:
        with console.captured_stderr() as messages:
            interpreter = runtime.interpreter(model_content=model, num_threads=threads, **options)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        without_xnnpack = "" if options else "--delegate none, "
        raise EngineError(
            f"{runtime.name} {runtime.version} does not load {name} "
            f"({_refusal(error, messages) or 'no reason given'}): "
            f"try {without_xnnpack}another --runtime, or convert the model again"
        ) from error
    return Loaded(interpreter)


def _with_library(
    model: bytes, name: str, runtime: Runtime, threads: int, delegate: Delegate
) -> Loaded:
    library = _load_library(runtime, delegate)
    try:
        with console.captured_stderr() as messages:
            interpreter = runtime.interpreter(
                model_content=model, num_threads=threads, experimental_delegates=[library]
            )
            # XNNPACK adds its own nodes when the tensors are allocated
            nodes = delegate_nodes(nodes_of(interpreter))
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        # runtimes have no words for the one case that they find out by themselves
        reason = _refusal(error, messages) or "it has dynamic shapes; convert it with fixed ones"
        raise DelegateError(f"the delegate {delegate.short} cannot run {name}: {reason}") from error
    return Loaded(interpreter, nodes)


def _refusal(error: Exception, messages: list[str]) -> str:
    native = [line for line in messages if line.startswith("ERROR")]
    return brief(error) or (native[-1] if native else "")


def brief(error: Exception) -> str:
    """The first line of what a runtime says, as far as a line holds it."""
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else ""


def _load_library(runtime: Runtime, delegate: Delegate) -> object:
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
