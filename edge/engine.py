"""One .tflite model in one runtime: views of its tensors, and a count of its invocations."""

import ctypes

import numpy as np

from edge import runtimes
from edge.errors import EngineError
from edge.manifest import TensorSpec
from edge.native_output import captured_stderr


class Engine:
    """A loaded model with its tensors allocated.

    Raises EngineError where the runtime refuses the model or the delegate.
    """

    def __init__(
        self,
        model: bytes,
        *,
        name: str = "model",
        runtime: str = "auto",
        threads: int = 1,
        delegate: str | None = None,
    ) -> None:
        self.name = name
        self.runtime = runtimes.load(runtime)
        self.invocations = 0
        delegates = [load_delegate(self.runtime, delegate)] if delegate else None
        try:
            with captured_stderr() as messages:
                self._interpreter = self.runtime.interpreter(
                    model_content=model, num_threads=threads, experimental_delegates=delegates
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise EngineError(self._refusal(error, messages)) from error
        self.inputs = tuple(map(specification, self._interpreter.get_input_details()))
        self.outputs = tuple(map(specification, self._interpreter.get_output_details()))
        self._in = [
            self._interpreter.tensor(d["index"]) for d in self._interpreter.get_input_details()
        ]
        self._out = [
            self._interpreter.tensor(d["index"]) for d in self._interpreter.get_output_details()
        ]

    def input(self, index: int = 0) -> np.ndarray:
        """A view of the input's memory; let go of it before `invoke`."""
        return self._in[index]()

    def output(self, index: int = 0) -> np.ndarray:
        """A view of the output's memory, overwritten by the next `invoke`."""
        return self._out[index]()

    def invoke(self) -> None:
        """Run the model once on what stands in its inputs."""
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise EngineError(
                f"{self.name} failed in {self.runtime.name}: {_brief(error)}"
            ) from error
        self.invocations += 1

    def _refusal(self, error: Exception, messages: list[str]) -> str:
        native = [line for line in messages if line.startswith("ERROR")]
        reason = _brief(error) or (native[-1] if native else "no reason given")
        return (
            f"{self.runtime.name} {self.runtime.version} does not load {self.name} ({reason}): "
            "try another --runtime, or convert the model again"
        )


def load_delegate(runtime: runtimes.Runtime, path: str) -> object:
    """Load an external delegate; each way in which it fails says so in its own words."""
    try:
        library = ctypes.CDLL(path)  # the runtimes' own loaders leave a traceback behind
    except OSError as error:
        raise EngineError(
            f"the delegate {path} cannot be opened ({error}): give its path"
        ) from error
    if not hasattr(library, "tflite_plugin_create_delegate"):
        raise EngineError(f"{path} is a library but no TFLite delegate")
    try:
        return runtime.load_delegate(path)
    except ValueError as error:
        raise EngineError(
            f"the delegate {path} refuses to start on this machine: {_brief(error)}"
        ) from error


def specification(detail: dict) -> TensorSpec:
    """A tensor as a runtime describes it."""
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    return TensorSpec(
        detail["name"], shape, np.dtype(detail["dtype"]).name, float(scale), int(zero_point)
    )


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else ""
