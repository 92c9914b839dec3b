"""Runs in the emulated Python: one inference of a model, between two marks for the plugin.

Arguments: path of the .tflite, seed. Prints the runtime's version.
"""

import ctypes
import gc
import sys
from importlib import metadata
from typing import Any

MARK = 0x5EED
BEFORE, AFTER = 1, 2


def fill(interpreter: Any, seed: int) -> None:
    """Random inputs: integers over their whole range, floating point of 0 to 1."""
    import numpy as np

    random = np.random.default_rng(seed)
    for detail in interpreter.get_input_details():
        shape, kind = tuple(detail["shape"]), np.dtype(detail["dtype"])
        if kind.kind in "iu":
            limits = np.iinfo(kind)
            values = random.integers(limits.min, limits.max, shape, kind, endpoint=True)
        else:
            values = random.random(shape, np.float32).astype(kind)
        interpreter.set_tensor(detail["index"], values)


def main(path: str, seed: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    mark = ctypes.CDLL(None).syscall
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    fill(interpreter, int(seed))
    interpreter.invoke()  # the first one also prepares
    gc.disable()
    mark(MARK, BEFORE)
    interpreter.invoke()
    mark(MARK, AFTER)
    sys.stdout.write(metadata.version("ai-edge-litert") + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
