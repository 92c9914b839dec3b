"""LiteRT's C library, which comes inside of the wheel: how to find it and call it."""

import ctypes
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge.errors import EngineError

OLDEST = (2, 2)  # other releases take other arguments

Handle = ctypes.c_void_p


class Library:
    """The loaded library. Raises EngineError where it is missing or does not load."""

    def __init__(self) -> None:
        check_release()
        path = Path(find_spec("ai_edge_litert").origin).parent / "libLiteRt.so"
        try:
            self._functions = ctypes.CDLL(str(path))
        except OSError as error:
            raise EngineError(f"LiteRT's C library cannot be loaded ({error})") from error

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function; raise EngineError where it answers with another status than 0."""
        status = getattr(self._functions, function)(*arguments)
        if status:
            raise EngineError(f"LiteRT's {function} failed with status {status}")

    def make(self, function: str, *arguments: Any, last: tuple[Any, ...] = ()) -> Handle:
        """Call a function that writes a pointer into the argument before `last`."""
        made = Handle()
        self.call(function, *arguments, ctypes.byref(made), *last)
        return made

    def count(self, function: str, of: Handle, kind: Any = ctypes.c_size_t) -> int:
        """Call a function that writes a number of this kind."""
        number = kind()
        self.call(function, of, ctypes.byref(number))
        return number.value


def check_release() -> None:
    """Raise EngineError where no LiteRT is installed whose C library is known."""
    try:
        version = metadata.version("ai-edge-litert")
    except metadata.PackageNotFoundError as error:
        raise EngineError(
            "operators are timed by LiteRT's profiler: pip install ai-edge-litert"
        ) from error
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise EngineError(
            f"operators are timed by LiteRT {wanted} or newer, here is {version}: "
            "pip install --upgrade ai-edge-litert"
        )
