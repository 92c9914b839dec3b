"""What LiteRT shows of a graph beyond its answers: all activations, and who computes what."""

import warnings
from collections.abc import Iterator, Mapping

import numpy as np

from edge import flatbuffer, runtimes
from edge.engine import specification
from edge.errors import EngineError
from edge.native_output import captured_stderr
from edge.quantise import dequantise, quantise


class Probe:
    """A .tflite on LiteRT that keeps its activations.

    Raises EngineError where LiteRT refuses the graph.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._constants = flatbuffer.constant_tensors(model)
        self._inputs = flatbuffer.signature(model)[0]
        self._interpreter = _interpreter(
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


def left_to_other_kernels(model: bytes) -> dict[str, int]:
    """How often each operator stands in the graph that XNNPACK does not take.

    An operator is taken where a delegate's node needs it: the walk goes from the node's
    outputs back to its inputs.
    """
    nodes = _interpreter(model)._get_ops_details()  # LiteRT has no public way to ask
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    original = nodes[: delegates[0]["index"]] if delegates else nodes
    producers = {int(t): node for node in original for t in node["outputs"]}
    taken = {i for delegate in delegates for i in _behind(delegate, producers)}
    counted: dict[str, int] = {}
    for node in original:
        if node["index"] not in taken:
            counted[node["op_name"]] = counted.get(node["op_name"], 0) + 1
    return counted


def _behind(delegate: Mapping, producers: Mapping[int, Mapping]) -> set[int]:
    """The operators between a delegate node's outputs and its inputs."""
    given = set(map(int, delegate["inputs"]))
    found: set[int] = set()
    waiting = [int(t) for t in delegate["outputs"]]
    while waiting:
        tensor = waiting.pop()
        node = producers.get(tensor)
        if node is not None and tensor not in given and node["index"] not in found:
            found.add(node["index"])
            waiting.extend(int(t) for t in node["inputs"])
    return found


def _interpreter(model: bytes, **options: object):
    runtime = runtimes.load("litert")
    with captured_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the memory that kept tensors take
        try:
            interpreter = runtime.interpreter(model_content=model, **options)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"LiteRT does not load the graph: {error}") from error
    return interpreter
