"""What LiteRT shows of a graph beyond its answers: all activations."""

from collections.abc import Iterator, Mapping

import numpy as np

from edge import flatbuffer
from edge.engine import specification
from edge.kernels import litert_interpreter
from edge.quantise import dequantise, quantise


class Probe:
    """A .tflite on LiteRT that keeps its activations.

    Raises EngineError where LiteRT refuses the graph.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._constants = flatbuffer.constant_tensors(model)
        self._inputs = flatbuffer.signature(model)[0]
        self._interpreter = litert_interpreter(
            model, num_threads=threads, experimental_preserve_all_tensors=True
        )

    def activations(self, inputs: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Run once on real values, one array (1, ...) an input; each activation in real values."""
        details = self._interpreter.get_input_details()
        for name, position in self._inputs.items():
            tensor = specification(details[position])
            self._interpreter.set_tensor(details[position]["index"], quantise(inputs[name], tensor))
        self._interpreter.invoke()
        for detail in self._interpreter.get_tensor_details():
            tensor = specification(detail)
            real = tensor.dtype == "float32" or tensor.quantised
            if real and tensor.name not in self._constants and detail["shape"].size:
                try:
                    values = self._interpreter.get_tensor(detail["index"])
                except ValueError:  # fused away: nobody computed it
                    continue
                yield tensor.name, dequantise(values, tensor) if tensor.quantised else values
