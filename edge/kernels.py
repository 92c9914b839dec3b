"""Who computes what: the operators of a graph that XNNPACK takes, and those that it leaves."""

import warnings
from collections.abc import Mapping
from typing import Any

from edge import runtimes
from edge.errors import EngineError
from edge.native_output import captured_stderr


def left_to_other_kernels(model: bytes) -> dict[str, int]:
    """How often each operator stands in the graph that XNNPACK does not take.

    An operator is taken where a delegate's node needs it: the walk goes from the node's
    outputs back to its inputs. Raises EngineError where LiteRT is missing or refuses the graph.
    """
    nodes = litert_interpreter(model)._get_ops_details()  # LiteRT has no public way to ask
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


def litert_interpreter(model: bytes, **options: object) -> Any:
    """LiteRT's own interpreter, tensors allocated. Raises EngineError where it refuses."""
    runtime = runtimes.load("litert")
    with captured_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the memory that kept tensors take
        try:
            interpreter = runtime.interpreter(model_content=model, **options)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"LiteRT does not load the graph: {error}") from error
    return interpreter
