"""LiteRT's C library, which comes inside of the wheel: how to find it and call it."""

import ctypes
from collections.abc import Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np

from edge_benchmarks.inside.profile.figures import ProfileEvent
from edge_common.errors import EngineError

OLDEST = (2, 2)  # other releases take other arguments

Handle = ctypes.c_void_p


class LiteRtLibrary:
    """The loaded library. Raises EngineError if it is missing or does not load."""

    def __init__(self) -> None:
        check_release()
        spec = util.find_spec("ai_edge_litert")
        folder = Path(spec.origin).parent if spec and spec.origin else Path()
        try:
            self._functions = ctypes.CDLL(str(folder / "libLiteRt.so"))
        except OSError as error:
            raise EngineError(f"LiteRT's C library cannot be loaded ({error})") from error

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function; raise EngineError if it answers with another status than 0."""
        status = getattr(self._functions, function)(*arguments)
        if status:
            raise EngineError(f"LiteRT's {function} failed with status {status}")

    def make(self, function: str, *arguments: Any, last: tuple[Any, ...] = ()) -> Handle:
        """Call a function that writes a pointer into the argument before `last`."""
        handle = Handle()
        self.call(function, *arguments, ctypes.byref(handle), *last)
        return handle

    def count(self, function: str, of: Handle, kind: Any = ctypes.c_size_t) -> int:
        """Call a function that writes a number of this kind."""
        number = kind()
        self.call(function, of, ctypes.byref(number))
        return number.value


def check_release() -> None:
    """Raise EngineError if no LiteRT is installed whose C library is known."""
    try:
        version = metadata.version("ai-edge-litert")
    except metadata.PackageNotFoundError as error:
        raise EngineError(
            "operators are timed by LiteRT's profiler: pip install ai-edge-litert"
        ) from error
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise EngineError(
            f"operators are timed by LiteRT {oldest} or newer, here is {version}: "
            "pip install --upgrade ai-edge-litert"
        )


_OPERATOR, _DELEGATED_KERNEL = 1 << 1, 1 << 3  # of tflite::Profiler::EventType
_CPU, _WRITE = 1, 1  # LiteRtHwAccelerators, LiteRtTensorBufferLockMode
_TYPE_BYTES = 512  # room for a LiteRtRankedTensorType, which is only handed on


class _ProfiledEvent(ctypes.Structure):
    """ProfiledEventData of litert_profiler_event.h; each memory usage is three numbers."""

    _fields_ = (
        ("tag", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("memory_before", ctypes.c_int64 * 3),
        ("memory_after", ctypes.c_int64 * 3),
        ("index", ctypes.c_uint64),
        ("subgraph", ctypes.c_uint64),
        ("source", ctypes.c_int),
    )


class ProfiledModel:
    """A model compiled for the CPU, which tells how long each of its kernels took.

    Meant for a process of its own: nothing is given back before that ends.
    """

    def __init__(self, model: bytes, threads: int) -> None:
        self._library = library = LiteRtLibrary()
        self._environment = library.make("LiteRtCreateEnvironment", 0, None)
        self._bytes = ctypes.create_string_buffer(model, len(model))
        source = (self._environment, self._bytes, _size(len(model)))
        loaded = library.make("LiteRtCreateModelFromBuffer", *source)
        options = self._options(threads)
        self._compiled = library.make(
            "LiteRtCreateCompiledModel", self._environment, loaded, options
        )
        self._profiler = library.make("LiteRtCompiledModelGetProfiler", self._compiled)
        self._signature = library.make("LiteRtGetModelSignature", loaded, _size(0))
        self._inputs, self._outputs = self._buffers("Input"), self._buffers("Output")

    def fill(self, arrays: Sequence[np.ndarray]) -> None:
        """Write the inputs: each takes the first of `arrays` that has its size."""
        remaining = [np.ascontiguousarray(array) for array in arrays]
        for buffer in map(Handle, self._inputs):
            size = self._library.count("LiteRtGetTensorBufferPackedSize", buffer)
            place = next((i for i, array in enumerate(remaining) if array.nbytes == size), None)
            if place is None:
                raise EngineError(f"LiteRT has an input of {size} bytes that no one else has")
            address = self._library.make("LiteRtLockTensorBuffer", buffer, last=(_WRITE,))
            ctypes.memmove(address, remaining.pop(place).ctypes.data, size)
            self._library.call("LiteRtUnlockTensorBuffer", buffer)

    def invoke(self) -> None:
        """Run the model once."""
        inputs = (_size(len(self._inputs)), self._inputs)
        outputs = (_size(len(self._outputs)), self._outputs)
        self._library.call("LiteRtRunCompiledModel", self._compiled, _size(0), *inputs, *outputs)

    def profile(self) -> list[tuple[ProfileEvent, int]]:
        """Run the model once; what ran in the main graph and how long, whole microseconds."""
        self._library.call("LiteRtStartProfiler", self._profiler)
        self.invoke()
        self._library.call("LiteRtStopProfiler", self._profiler)
        count = self._library.count("LiteRtGetNumProfilerEvents", self._profiler, ctypes.c_int)
        events = (_ProfiledEvent * count)()
        self._library.call("LiteRtGetProfilerEvents", self._profiler, count, events)
        return [
            (ProfileEvent(e.tag.decode(), e.type == _DELEGATED_KERNEL, e.index), e.elapsed_us)
            for e in events
            if e.type == _DELEGATED_KERNEL or (e.type == _OPERATOR and e.subgraph == 0)
        ]

    def _options(self, threads: int) -> Handle:
        options = self._library.make("LiteRtCreateOptions")
        self._library.call("LiteRtSetOptionsHardwareAccelerators", options, _CPU)
        self._add_toml(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._add_toml(options, b"xnnpack", b"num_threads = %d\n" % threads)
        return options

    def _add_toml(self, options: Handle, identifier: bytes, toml: bytes) -> None:
        system = ctypes.CDLL(None)
        system.strdup.restype = Handle
        text = Handle(system.strdup(toml))  # LiteRT frees it
        free = ctypes.cast(system.free, Handle)
        opaque = self._library.make("LiteRtCreateOpaqueOptions", identifier, text, free)
        self._library.call("LiteRtAddOpaqueOptions", options, opaque)

    def _buffers(self, side: str) -> Any:
        count = self._library.count(f"LiteRtGetNumSignature{side}s", self._signature)
        return (Handle * count)(*[self._buffer(side, index).value for index in range(count)])

    def _buffer(self, side: str, index: int) -> Handle:
        make, place = self._library.make, _size(index)
        kind = ctypes.create_string_buffer(_TYPE_BYTES)
        tensor = make(f"LiteRtGetSignature{side}TensorByIndex", self._signature, place)
        self._library.call("LiteRtGetRankedTensorType", tensor, kind)
        requirements = make(
            f"LiteRtGetCompiledModel{side}BufferRequirements", self._compiled, _size(0), place
        )
        function = "LiteRtCreateManagedTensorBufferFromRequirements"
        return make(function, self._environment, kind, requirements)


def _size(value: int) -> ctypes.c_size_t:
    return ctypes.c_size_t(value)
