"""One .tflite model in one runtime: views of its tensors, and a count of its invocations."""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.bundle import TensorSpec
from edge.engine import (
    AUTO,
    BUILT_IN,
    Delegate,
    Delegation,
    Watchdog,
    guard,
    nodes_of,
    operator_assignment,
    runtimes,
)
from edge_common import DelegateError, EngineError

if TYPE_CHECKING:
    from edge.emulated import LatencyThrottle


class Engine:
    """A loaded model with its tensors allocated.

    If the delegate's library cannot be used, or fails at its work, the model runs
    without it and that is announced; a strict delegate raises DelegateError instead.
    Raises EngineError if the runtime refuses the model.

    throttle: holds each invocation back to another board's latency; None: as fast as it can.
    timeout_s: if an invocation takes longer, the process ends with EngineHung's code; 0: it
    may; None: it may, but 60 s are the limit through a delegate's library.
    """

    def __init__(
        self,
        model: bytes,
        *,
        name: str = "model",
        runtime: str = "auto",
        threads: int = 1,
        delegate: Delegate = AUTO,
        throttle: "LatencyThrottle | None" = None,
        timeout_s: float | None = None,
    ) -> None:
        self.name, self.delegate, self.throttle = name, delegate, throttle
        self.runtime = runtimes.load(runtime)
        self.invocations = 0
        self._model, self._threads = model, threads
        self._guard = guard(delegate, timeout_s)
        if self._guard:
            weakref.finalize(self, self._guard.close)
        self._take(runtimes.load_model(model, name, self.runtime, threads, delegate))

    def _take(self, loaded: runtimes.Loaded) -> None:
        self._loaded, self._interpreter = loaded, loaded.interpreter
        invoke = loaded.interpreter.invoke
        if any(node["op_name"] in _REMEMBERING for node in nodes_of(loaded.interpreter)):
            invoke = from_zero(loaded.interpreter)
        self._run = guarded(invoke, self._guard) if self._guard else invoke
        try:
            inputs = self._interpreter.get_input_details()
            outputs = self._interpreter.get_output_details()
        except UnicodeDecodeError as error:
            raise EngineError(
                f"{self.name} has names of tensors that are no text (UTF-8): "
                "export it with other names"
            ) from error
        self.inputs = tuple(map(specification, inputs))
        self.outputs = tuple(map(specification, outputs))
        self._in = [self._interpreter.tensor(detail["index"]) for detail in inputs]
        self._out = [self._interpreter.tensor(detail["index"]) for detail in outputs]

    def input(self, index: int = 0) -> np.ndarray:
        """A view of the input's memory; let go of it before `invoke`."""
        view: np.ndarray = self._in[index]()
        return view

    def output(self, index: int = 0) -> np.ndarray:
        """A view of the output's memory, overwritten by the next `invoke`."""
        view: np.ndarray = self._out[index]()
        return view

    def invoke(self) -> None:
        """Run the model once on what stands in its inputs."""
        if self.throttle is None:
            self._invoke()
        else:
            started = self.throttle.start()
            self._invoke()
            self.throttle.finish(started)
        self.invocations += 1

    def _invoke(self) -> None:
        try:
            self._run()
        except (ValueError, RuntimeError) as error:
            self._recover(error)

    @property
    def delegation(self) -> Delegation:
        """Who computes which of its operators."""
        operators, pieces = operator_assignment(
            nodes_of(self._interpreter), self._loaded.library_nodes, self.delegate.short
        )
        loaded = self._loaded
        return Delegation(str(self.delegate), operators, pieces, loaded.fallback, loaded.failed_at)

    def _recover(self, error: Exception) -> None:
        """Run it again without the delegate that failed. Raises EngineError if none was used."""
        if not self._loaded.library_nodes:
            raise EngineError(
                f"{self.name} failed in {self.runtime.name}: {runtimes.brief(error)}"
            ) from error
        invocation = self.invocations + 1
        failure = DelegateError(
            f"the delegate {self.delegate.short} failed in {self.name} at invocation "
            f"{invocation}: {runtimes.brief(error)}"
        )
        if self.delegate.strict:
            raise runtimes.with_hint(failure) from error
        inputs = [
            self.input(i).copy() for i in range(len(self.inputs))
        ]  # no runtime overwrites them
        loaded = runtimes.without_library(
            self._model, self.name, self.runtime, self._threads, failure
        )
        self._take(replace(loaded, failed_at=invocation))
        for index, values in enumerate(inputs):
            np.copyto(self.input(index), values)
        try:
            self._run()
        except (ValueError, RuntimeError) as again:
            self._recover(again)


# what goes on with the state that its last invocation left
_REMEMBERING = frozenset(
    f"{kind}{of}" for kind in ("UNIDIRECTIONAL_SEQUENCE_", "BIDIRECTIONAL_SEQUENCE_", "")
    for of in ("LSTM", "RNN")
)  # fmt: skip


def from_zero(interpreter: Any) -> Callable[[], None]:
    """`invoke` that begins with states of zeros: a window holds all that its answer depends on."""

    def run() -> None:
        interpreter.reset_all_variables()
        interpreter.invoke()

    return run


def guarded(invoke: Callable[[], None], watchdog: Watchdog) -> Callable[[], None]:
    """`invoke` inside of the watchdog."""

    def run() -> None:
        with watchdog:
            invoke()

    return run


def specification(detail: Mapping[str, Any]) -> TensorSpec:
    """A tensor as a runtime describes it."""
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    return TensorSpec(
        detail["name"], shape, np.dtype(detail["dtype"]).name, float(scale), int(zero_point)
    )


def left_to_other_kernels(model: bytes) -> dict[str, int]:
    """How often each operator stands in the graph that XNNPACK does not take.

    Raises EngineError if LiteRT is missing or refuses the graph.
    """
    nodes = nodes_of(runtimes.litert_interpreter(model))
    return operator_assignment(nodes)[0].get(BUILT_IN, {})
