"""A network from a file of any known library, as float32 .tflite."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_common.command_line import EXTRAS
from edge_common.errors import ModelError
from edge_convert.cut.tflite.form import standard_form
from edge_convert.sources.child import converted
from edge_convert.sources.tflite_file import read_tflite


@dataclass(frozen=True)
class FloatModel:
    """A network whose only input is a picture or a window, channels last.

    model: float32 .tflite with the signature `serving_default`: `frame` (1, H, W, C) or
    `window` (1, T, H, W, C) -> {output: (1, ...)}.
    origin: the format and the converter, such as 'ONNX through onnx2tf 1.28.8'.
    """

    model: bytes
    origin: str


@dataclass(frozen=True)
class _Library:
    """A converter that is not everybody's: its module here, and the extra that installs it."""

    kind: str
    extra: str

    @property
    def missing(self) -> str | None:
        """The first module of the extra that is not installed."""
        modules = (module for module, extra in EXTRAS.items() if extra == self.extra)
        return next((m for m in modules if importlib.util.find_spec(m) is None), None)


_SAVED_MODEL = _Library("saved_model", "convert")
_BY_SUFFIX = {".onnx": _Library("onnx_file", "onnx"), ".pt2": _Library("torch_program", "torch")}
_PICKLED = frozenset({".pt", ".pth", ".ckpt", ".pkl"})
SUFFIXES = (*_BY_SUFFIX, ".tflite")


def float_tflite(path: str | os.PathLike, *, signature: str | None = None) -> FloatModel:
    """Read a SavedModel folder, `.onnx`, `.pt2` (torch.export) or float `.tflite`.

    signature: which of a SavedModel's to take, where it is not `serving_default`. Each
    result is held against the answers of the library that it comes from. Raises
    ModelError, in one line, where the file, a library or its answers do not fit.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"{path} does not exist")
    return _reader(path)(path, signature)


def _reader(path: Path) -> Callable[[Path, str | None], FloatModel]:
    if (path / "saved_model.pb").exists():
        return lambda path, signature: _through(_SAVED_MODEL, path, signature)
    if path.suffix in _BY_SUFFIX:
        return lambda path, signature: _through(_BY_SUFFIX[path.suffix], path, signature)
    if path.suffix == ".tflite":
        return lambda path, signature: FloatModel(*read_tflite(path))
    if path.suffix in _PICKLED:
        raise ModelError(
            f"{path} is a pickle, which has no graph and may run any code: save the model with "
            "torch.export.save(torch.export.export(model.eval(), (example,)), 'model.pt2')"
        )
    known = ", ".join(SUFFIXES)
    raise ModelError(f"{path} is neither a SavedModel folder nor one of {known}")


def _through(library: _Library, path: Path, signature: str | None) -> FloatModel:
    """Convert in a child process, bring to standard form, compare."""
    if missing := library.missing:
        raise ModelError(f"{path.name} needs {missing}: pip install 'edge-run[{library.extra}]'")
    found = converted(library.kind, path, signature)
    order = found.reference.answers
    model = standard_form(found.model, path.name, found.channels, found.names, order)
    found.reference.check(model, path.name)
    return FloatModel(model, found.origin)
