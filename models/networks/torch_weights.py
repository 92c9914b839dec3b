"""Read the arrays of a PyTorch state dict (`.pth`) without PyTorch.

Both forms of `torch.save` are read: the zip (since 1.6) and the older stream.
A pickle can run code, so only the handful of names that a state dict needs
resolve; any other is refused.
"""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from edge_common import ModelError

_DTYPES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2",
    "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class _Storage:
    """A flat buffer that is filled in after the pickle has named it."""

    key: str
    dtype: np.dtype
    length: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Return {parameter name: array}, in the file's order.

    Raises:
        ModelError: the file is missing, damaged, or asks for anything that a
            plain state dict has no need of.
    """
    try:
        if zipfile.is_zipfile(path):
            tensors, buffers = _read_zip(path)
        else:
            with path.open("rb") as file:
                tensors, buffers = _read_stream(file)
        return {name: _array(tensor, buffers) for name, tensor in tensors.items()}
    except _READ_ERRORS as error:
        raise ModelError(
            f"{path} is no readable PyTorch state dict ({error}): fetch the file again, "
            "or save it with torch.save(model.state_dict(), path)"
        ) from error


_READ_ERRORS = (
    OSError, EOFError, KeyError, IndexError, ValueError, TypeError, AttributeError,
    struct.error, pickle.UnpicklingError, zipfile.BadZipFile,
)  # fmt: skip


class _StateDictUnpickler(pickle.Unpickler):
    """Resolves the names of a state dict and refuses all others."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return np.dtype(_DTYPES[name])
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: tuple) -> _Storage:
        kind, dtype, key, _location, length = pid[:5]
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError(f"it refers to an unknown object of kind {kind!r}")
        return _Storage(str(key), dtype, int(length))


def _rebuild_tensor(storage, offset, shape, stride, *_rest) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(shape), tuple(stride))


def _rebuild_parameter(tensor: _Tensor, *_rest) -> _Tensor:
    return tensor


_ALLOWED: dict[tuple[str, str], Callable] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
}


def _read_zip(path: Path) -> tuple[dict[str, _Tensor], dict[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        pickled = next((n for n in archive.namelist() if n.endswith("/data.pkl")), None)
        if pickled is None:
            raise ValueError("it holds no data.pkl")
        tensors = _state_dict(_StateDictUnpickler(io.BytesIO(archive.read(pickled))).load())
        folder = pickled.removesuffix("data.pkl") + "data/"
        keys = {tensor.storage.key for tensor in tensors.values()}
        return tensors, {key: archive.read(folder + key) for key in keys}


def _read_stream(file: BinaryIO) -> tuple[dict[str, _Tensor], dict[str, bytes]]:
    """Magic number, version, system facts, state dict, storage keys, raw storages."""
    if _StateDictUnpickler(file).load() != _LEGACY_MAGIC:
        raise ValueError("it does not begin as torch.save begins")
    _version, _system = _StateDictUnpickler(file).load(), _StateDictUnpickler(file).load()
    tensors = _state_dict(_StateDictUnpickler(file).load())
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    buffers = {}
    for key in _StateDictUnpickler(file).load():
        (length,) = struct.unpack("<q", file.read(8))
        buffers[str(key)] = file.read(length * dtypes[str(key)].itemsize)
    return tensors, buffers


def _state_dict(loaded: object) -> dict[str, _Tensor]:
    if not isinstance(loaded, dict):
        raise ValueError("it holds no dictionary")
    return {name: value for name, value in loaded.items() if isinstance(value, _Tensor)}


def _array(tensor: _Tensor, buffers: dict[str, bytes]) -> np.ndarray:
    flat = np.frombuffer(buffers[tensor.storage.key], tensor.storage.dtype)
    last = tensor.offset + sum(
        (size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride, strict=True)
    )
    # as_strided checks no bounds of its own.
    if min(tensor.offset, *tensor.shape, *tensor.stride, 0) < 0:
        raise ValueError("a tensor has a negative size")
    if 0 in tensor.shape:
        return np.empty(tensor.shape, flat.dtype)
    if last >= len(flat):
        raise ValueError("a tensor reaches beyond its storage")
    strides = tuple(stride * flat.itemsize for stride in tensor.stride)
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, strides).copy()
