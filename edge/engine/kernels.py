"""Operators of a graph that XNNPACK leaves, and LiteRT's own interpreter to look at them."""

import warnings
from typing import Any

from edge.engine import runtimes
from edge.engine.delegation import BUILT_IN, operator_assignment
from edge_common.console import captured_stderr
from edge_common.errors import EngineError


def left_to_other_kernels(model: bytes) -> dict[str, int]:
    """How often each operator stands in the graph that XNNPACK does not take.

    Raises EngineError if LiteRT is missing or refuses the graph.
    """
    nodes = litert_interpreter(model)._get_ops_details()  # LiteRT has no public way to ask
    return operator_assignment(nodes)[0].get(BUILT_IN, {})


def litert_interpreter(model: bytes, **options: object) -> Any:
    """LiteRT's own interpreter, tensors allocated. Raises EngineError if it refuses."""
    runtime = runtimes.load("litert")
    with captured_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the memory that kept tensors take
        try:
            interpreter = runtime.interpreter(model_content=model, **options)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"LiteRT does not load the graph: {error}") from error
    return interpreter
