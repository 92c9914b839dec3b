"""Networks of other libraries as float32 .tflite, each through a converter in a child process.

A converter may crash, and its memory ends with its process. It is a module here with a function
`convert(path, signature, folder) -> ConverterOutput`; LIBRARIES lists the files that it reads.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge.engine import trial
from edge.engine.engine import Engine
from edge.engine.runtimes import EDGE_TPU_OPERATOR
from edge.shipped import PLAIN_SUFFIXES
from edge.tflite import flatbuffer, tables
from edge_common import EngineError, ModelError, children, command_line, console
from edge_convert.cut.tflite import form, main_graph
from edge_convert.sources.reference import Reference, examples

MODEL, REFERENCE, RESULT = "model.tflite", "reference.npz", "result.json"


@dataclass(frozen=True)
class FloatModel:
    """A network whose only input is an image or a window, channels last.

    model: float32 .tflite with the signature `serving_default`: `frame` (1, H, W, C) or
    `window` (1, T, H, W, C) -> {output: (1, ...)}.
    origin: the format and the converter, such as 'ONNX through onnx2tf 1.28.8'.
    """

    model: bytes
    origin: str


@dataclass(frozen=True)
class ConverterLibrary:
    """Another library's converter: its module in this folder, and the extra that installs it."""

    module: str
    extra: str

    def refuse_if_missing(self, path: Path) -> None:
        """Raises ModelError if a module of the extra is not installed."""
        modules = (module for module, extra in command_line.EXTRAS.items() if extra == self.extra)
        if missing := next((m for m in modules if importlib.util.find_spec(m) is None), None):
            raise ModelError(f"{path.name} needs {missing}: pip install 'edge-run[{self.extra}]'")


KERAS_2 = ConverterLibrary("keras_2", "convert")

LIBRARIES = {
    ".onnx": ConverterLibrary("onnx_file", "onnx"),
    ".pt2": ConverterLibrary("torch_program", "torch"),
}

SUFFIXES = (*LIBRARIES, *PLAIN_SUFFIXES)

PICKLED = (".pt", ".pth", ".ckpt", ".pkl")


def float_tflite(path: str | os.PathLike, *, signature: str | None = None) -> FloatModel:
    """Read a SavedModel folder, `.onnx`, `.pt2` (torch.export) or float `.tflite`.

    signature: which of a SavedModel's to take if it is not `serving_default`. Each
    result is compared with the outputs of the library that it comes from. Raises
    ModelError, in one line, if the file, a library or its outputs do not fit.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"{path} does not exist")
    if (path / "saved_model.pb").exists():
        console.note(
            f"{path} is a program, which TensorFlow now runs with your rights: "
            "convert only those of people whom you trust"
        )
        return of_saved_model(path, signature)
    if library := LIBRARIES.get(path.suffix.lower()):
        library.refuse_if_missing(path)
        return _convert(library.module, path, None)
    if path.suffix.lower() in PLAIN_SUFFIXES:
        return FloatModel(*read_tflite(path))
    raise ModelError(_unknown(path))


def _unknown(path: Path) -> str:
    if path.suffix in PICKLED:
        return (
            f"{path} is a pickle, which has no graph and may run any code: save the model with "
            "torch.export.save(torch.export.export(model.eval(), (example,)), 'model.pt2')"
        )
    return f"{path} is neither a SavedModel folder nor one of {', '.join(SUFFIXES)}"


@contextmanager
def read_as_keras_2(path: Path) -> Iterator[tuple[Path, Reference]]:
    """Read a file by tf_keras in a child process: a SavedModel folder, and what tf_keras answers.

    Raises ModelError, in one line, if tf_keras is missing or does not read it.
    """
    KERAS_2.refuse_if_missing(path)
    with TemporaryDirectory(prefix="edge-convert-") as name:
        folder = Path(name)
        _run_in_child(KERAS_2.module, path, None, folder)
        yield folder / path.name, Reference.load(folder / REFERENCE)


def of_saved_model(path: Path, signature: str | None = None) -> FloatModel:
    """Convert a SavedModel, which is run. Raises ModelError if it does not fit."""
    return _convert("saved_model", path, signature)


def _convert(module: str, path: Path, signature: str | None) -> FloatModel:
    """Convert in a child process, bring to standard form, compare."""
    with TemporaryDirectory(prefix="edge-convert-") as name:
        result = _run_in_child(module, path, signature, Path(name))
        raw = ConverterOutput.load(Path(name), result)
    order = raw.reference.answers
    model = form.standard_form(raw.model, path.name, raw.channels, raw.names, order)
    raw.reference.check(model, path.name)
    return FloatModel(model, raw.origin)


@dataclass(frozen=True)
class ConverterOutput:
    """What a converter made of a network, before it is brought to standard form.

    channels: the axis of `model`'s input that holds them.
    names: outputs of `model` -> what the source calls them, if they differ.
    """

    model: bytes
    origin: str
    reference: Reference
    channels: int
    names: Mapping[str, str]

    def save(self, folder: Path) -> None:
        """Write the files; RESULT comes last."""
        (folder / MODEL).write_bytes(self.model)
        self.reference.save(folder / REFERENCE)
        result = {"origin": self.origin, "channels": self.channels, "names": dict(self.names)}
        (folder / RESULT).write_text(json.dumps(result))

    @classmethod
    def load(cls, folder: Path, result: dict[str, Any]) -> "ConverterOutput":
        """Read what `save` wrote."""
        reference = Reference.load(folder / REFERENCE)
        return cls((folder / MODEL).read_bytes(), reference=reference, **result)


def _run_in_child(module: str, path: Path, signature: str | None, folder: Path) -> dict[str, Any]:
    """What it wrote as RESULT. Raises ModelError with the child's own words, or how it ended."""
    job = {"module": module, "path": str(path.resolve()), "signature": signature}
    (folder / "job.json").write_text(json.dumps(job))
    child = children.start("edge_convert.sources.libraries", [folder], folder / "child.log")
    child.wait()
    if not (folder / RESULT).exists():
        raise ModelError(f"converting {path.name} to TFLite failed: {child.cause()}")
    result: dict[str, Any] = json.loads((folder / RESULT).read_text())
    if "refused" in result:
        raise ModelError(result["refused"])
    return result


def tflite_bytes(path: Path) -> bytes:
    """The file as it is, which ran once. Raises ModelError if it is none that LiteRT loads.

    Its first run is in a process of its own: EngineError if it crashes there.
    """
    model = tables.read_model(path, ModelError)
    if EDGE_TPU_OPERATOR in model:
        raise ModelError(
            f"{path} was compiled for the Edge TPU, and only that runs it: give the .tflite that it "
            "was compiled of, or run it as it is (edge-run --delegate edgetpu)"
        )
    trial.require(path.name, model)
    try:
        Engine(model)  # it checks all offsets, which the reader of flatbuffers does not
    except EngineError as error:
        reason = " ".join(str(error.__cause__).split())[:200]
        raise ModelError(f"{path} is cut short, or LiteRT does not know it: {reason}") from error
    return model


def is_quantised_file(path: Path) -> bool:
    """Whether this is a .tflite that computes with integers already, which is only wrapped."""
    if path.suffix.lower() not in PLAIN_SUFFIXES or not path.exists():
        return False
    return main_graph.is_quantised(flatbuffer.read(tflite_bytes(path)))


def read_tflite(path: Path) -> tuple[bytes, str]:
    """The model in standard form, and its origin. Raises ModelError if it has another form."""
    model = tflite_bytes(path)
    graph = flatbuffer.read(model).subgraphs[0]
    shape = flatbuffer.shape_of(graph.tensors[graph.inputs[0]])
    channels = form.channels_axis(shape, last_first=True) if len(shape) in (4, 5) else -1
    standard = form.standard_form(model, path.name, channels)
    frames = examples(shape[1:], channels)
    Reference.of(lambda x: _answers(model, x), frames, channels).check(standard, path.name)
    return standard, "TFLite"


def _answers(model: bytes, frames: np.ndarray) -> dict[str, np.ndarray]:
    engine, root = Engine(model), flatbuffer.read(model)
    np.copyto(engine.input(), frames)
    engine.invoke()
    order = list(root.subgraphs[0].outputs)
    return {
        name: engine.output(order.index(i)).copy()
        for name, i in main_graph.outputs_of(root).items()
    }


def main(folder: str) -> None:
    """Convert as `job.json` says."""
    job = json.loads((Path(folder) / "job.json").read_text())
    converter = import_module(f"edge_convert.sources.{job['module']}")  # each imports its library
    try:
        converter.convert(Path(job["path"]), job["signature"], Path(folder)).save(Path(folder))
    except ModelError as error:
        (Path(folder) / RESULT).write_text(json.dumps({"refused": str(error)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
