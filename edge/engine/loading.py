"""From a model's bytes to an interpreter, with the delegate asked for or, announced, without."""

from dataclasses import dataclass, replace
from typing import Any

from edge.engine.delegate import AUTO, NONE, Delegate
from edge.engine.delegation import delegate_nodes
from edge.engine.runtimes import Runtime
from edge_common.console import captured_stderr, warn_once
from edge_common.errors import DelegateError, EngineError


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
    cannot be used; another one is announced and left out.
    """
    if not delegate.is_library:
        return _by_the_runtime(model, name, runtime, threads, delegate)
    try:
        return _with_library(model, name, runtime, threads, delegate)
    except DelegateError as error:
        if delegate.strict:
            raise with_hint(error) from error
        return without_library(model, name, runtime, threads, error)


def without_library(
    model: bytes, name: str, runtime: Runtime, threads: int, failure: DelegateError
) -> Loaded:
    """Load it as if no delegate had been asked for, and warn once, saying why. Raises EngineError."""
    loaded = _by_the_runtime(model, name, runtime, threads, AUTO)
    warn_once(f"{failure}; going on without it")
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
        with captured_stderr() as messages:
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
    from edge.engine.delegate_library import load_library  # most runs need none

    library = load_library(runtime, delegate)
    try:
        with captured_stderr() as messages:
            interpreter = runtime.interpreter(
                model_content=model, num_threads=threads, experimental_delegates=[library]
            )
            # XNNPACK adds its own nodes when the tensors are allocated
            nodes = delegate_nodes(interpreter._get_ops_details())
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
