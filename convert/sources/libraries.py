"""Networks of other libraries as float32 .tflite, each through a converter in a child process.

A converter may crash, and its memory ends with its process. It is a module here with a function
`convert(job) -> ConverterOutput`; LIBRARIES lists the files that it reads.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge.shipped import PLAIN_SUFFIXES
from edge.tflite import flatbuffer
from edge_common import ModelError, children, command_line, console
from edge_convert import inputs
from edge_convert.cut.tflite import ending, form, main_graph
from edge_convert.cut.tflite.names import LayerNames
from edge_convert.frame_outputs import NewestFrame
from edge_convert.sources import tflite_file
from edge_convert.sources.reference import Reference, Run
from edge_convert.sources.unread import advice

MODEL, REFERENCE, RESULT = "model.tflite", "reference.npz", "result.json"


@dataclass(frozen=True)
class FloatModel:
    """A network whose only input is an image or a window, channels last, or features of T frames.

    model: float32 .tflite with the signature `serving_default`: `frame` (1, H, W, C),
    `window` (1, T, H, W, C) or `features` (1, T, ...) -> {output: (1, ...)}.
    origin: the format and the converter, such as 'ONNX through onnx2tf 1.28.8'.
    original: the network in its own library, any number of real inputs (n, ...) -> {output:
    (n, ...)}; None: only in another process.
    layers: what that library calls the parts of the graph, if it does.
    """

    model: bytes
    origin: str
    original: Run | None = None
    layers: LayerNames | None = None

    def renamed(self, names: Mapping[str, str]) -> "FloatModel":
        """With other names for all outputs."""
        root, run = flatbuffer.read(self.model), self.original
        positions = main_graph.outputs_of(root)
        sources = dict(zip(flatbuffer.signature(self.model)[0], map(int, root.subgraphs[0].inputs)))
        main_graph.sign(root, sources, {names[name]: index for name, index in positions.items()})

        def original(values: np.ndarray) -> Mapping[str, np.ndarray]:
            return {names[name]: value for name, value in run(values).items()} if run else {}

        return replace(self, model=flatbuffer.write(root), original=run and original)

    def at_newest(self, newest: Mapping[str, NewestFrame]) -> "FloatModel":
        """With the newest frame's share of these outputs."""
        run = self.original

        def original(values: np.ndarray) -> Mapping[str, np.ndarray]:
            outputs = run(values) if run else {}
            return {
                n: newest[n].of(value) if n in newest else value for n, value in outputs.items()
            }

        model = ending.with_newest_frames(self.model, newest)
        return replace(self, model=model, original=run and original)

    @property
    def input(self) -> str:
        """`frame`, `window` or `features`."""
        return next(iter(flatbuffer.signature(self.model)[0]))


@dataclass(frozen=True)
class ConverterLibrary:
    """Another library's converter: its module in this folder, and the extra that installs it."""

    module: str
    extra: str

    def refuse_if_missing(self, path: Path) -> None:
        """Raises ModelError if a module of the extra is not installed."""
        modules = (module for module, extra in command_line.EXTRAS.items() if extra == self.extra)
        if missing := next((m for m in modules if importlib.util.find_spec(m) is None), None):
            hint = command_line.install_hint(self.extra)
            raise ModelError(f"{path.name} needs {missing}: {hint}")


KERAS_2 = ConverterLibrary("keras_2", "convert")

LIBRARIES = {
    ".onnx": ConverterLibrary("onnx_file", "onnx"),
    ".pt2": ConverterLibrary("torch_program", "torch"),
}

SUFFIXES = (*LIBRARIES, *PLAIN_SUFFIXES)

PICKLED = advice.PICKLES


def float_tflite(
    path: str | os.PathLike,
    *,
    signature: str | None = None,
    request: inputs.InputRequest = inputs.InputRequest(),
) -> FloatModel:
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
        return of_saved_model(path, signature, request)
    if library := LIBRARIES.get(path.suffix.lower()):
        library.refuse_if_missing(path)
        return _convert(library.module, path, None, request)
    if path.suffix.lower() in PLAIN_SUFFIXES:
        return FloatModel(*tflite_file.read_tflite(path, request))
    advice.refuse_unread(path)
    raise ModelError(_unknown(path))


def _unknown(path: Path) -> str:
    if path.suffix in PICKLED:
        return (
            f"{path} is a pickle, which has no graph and may run any code: save the model with "
            f"{advice.EXPORT}"
        )
    return f"{path} is neither a SavedModel folder nor one of {', '.join(SUFFIXES)}"


@contextmanager
def read_as_keras_2(
    path: Path, request: inputs.InputRequest = inputs.InputRequest()
) -> Iterator[tuple[Path, Reference]]:
    """Read a file by tf_keras in a child process: a SavedModel folder, and what tf_keras answers.

    Raises ModelError, in one line, if tf_keras is missing or does not read it.
    """
    KERAS_2.refuse_if_missing(path)
    with TemporaryDirectory(prefix="edge-convert-") as name:
        folder = Path(name)
        _run_in_child(ConverterJob(KERAS_2.module, path, None, request, folder))
        yield folder / path.name, Reference.load(folder / REFERENCE)


def of_custom_keras(path: Path, custom: str, request: inputs.InputRequest) -> FloatModel:
    """Convert a Keras file with the user's code, which is run: `FILE.py`, `FILE.py:FUNCTION` or `-`.

    Raises ModelError if that does not work, or the file is none of Keras.
    """
    if path.is_dir() or path.suffix.lower() not in (".keras", ".h5", ".hdf5"):
        raise ModelError(f"--custom is for files of Keras (.keras, .h5), which {path.name} is not")
    if not path.exists():
        raise ModelError(f"there is no model {path}: give a .keras or .h5 file")
    file, separator, factory = custom.partition(":")
    console.note(
        f"{path if file == '-' else file} is Python code, which now runs with your rights: "
        "convert only what you trust"
    )
    code = file if file == "-" else str(Path(file).resolve())
    return _convert("custom_keras", path, f"{code}{separator}{factory}", request)


def of_saved_model(
    path: Path,
    signature: str | None = None,
    request: inputs.InputRequest = inputs.InputRequest(),
) -> FloatModel:
    """Convert a SavedModel, which is run. Raises ModelError if it does not fit."""
    return _convert("saved_model", path, signature, request)


def _convert(
    module: str, path: Path, signature: str | None, request: inputs.InputRequest
) -> FloatModel:
    """Convert in a child process, bring to standard form, compare."""
    with TemporaryDirectory(prefix="edge-convert-") as name:
        result = _run_in_child(ConverterJob(module, path, signature, request, Path(name)))
        raw = ConverterOutput.load(Path(name), result)
    for note in raw.notes:
        console.note(note)
    order = raw.reference.answers
    model = form.standard_form(
        raw.model, path.name, raw.layout, raw.names, order, raw.kind, raw.batch, raw.given_names
    )
    raw.reference.check(model, path.name)
    return FloatModel(model, raw.origin)


@dataclass(frozen=True)
class ConverterOutput:
    """What a converter made of a network, before it is brought to standard form.

    kind, layout, batch, notes: as in `inputs.NetworkInputs`.  given_names: of its further inputs.
    names: outputs of `model` -> what the source calls them, if they differ.
    """

    model: bytes
    origin: str
    reference: Reference
    kind: str
    names: Mapping[str, str] = field(default_factory=dict)
    layout: str = ""
    batch: int = 1
    notes: Sequence[str] = ()
    given_names: Sequence[str] = ()

    def save(self, folder: Path) -> None:
        """Write the files; RESULT comes last."""
        (folder / MODEL).write_bytes(self.model)
        self.reference.save(folder / REFERENCE)
        fields = vars(self).items()
        result = {name: value for name, value in fields if name not in ("model", "reference")}
        (folder / RESULT).write_text(json.dumps(result))

    @classmethod
    def load(cls, folder: Path, result: dict[str, Any]) -> "ConverterOutput":
        """Read what `save` wrote."""
        reference = Reference.load(folder / REFERENCE)
        return cls((folder / MODEL).read_bytes(), reference=reference, **result)


@dataclass(frozen=True)
class ConverterJob:
    """What a child is to do: a module here, a file, and a folder for what comes of it."""

    module: str
    path: Path
    signature: str | None
    request: inputs.InputRequest
    folder: Path

    def save(self) -> None:
        job = {**vars(self), "path": str(self.path.resolve()), "request": vars(self.request)}
        (self.folder / "job.json").write_text(json.dumps(job, default=str))

    @classmethod
    def load(cls, folder: Path) -> "ConverterJob":
        """Read what `save` wrote."""
        job = json.loads((folder / "job.json").read_text())
        request = inputs.InputRequest.from_json(job["request"])
        return cls(job["module"], Path(job["path"]), job["signature"], request, folder)


def _run_in_child(job: ConverterJob) -> dict[str, Any]:
    """What it wrote as RESULT. Raises ModelError with the child's own words, or how it ended."""
    folder = job.folder
    job.save()
    child = children.start("edge_convert.sources.libraries", [folder], folder / "child.log")
    child.wait()
    if not (folder / RESULT).exists():
        cause, way = child.cause(), _OTHER_WAYS.get(job.module, "")
        way = "" if "killed" in cause else way
        raise ModelError(f"converting {job.path.name} to TFLite failed: {cause}{way}")
    result: dict[str, Any] = json.loads((folder / RESULT).read_text())
    if "refused" in result:
        raise ModelError(result["refused"])
    return result


_OTHER_WAYS = {
    "torch_program": "; another converter may do: torch.onnx.export(model, (example,), 'model.onnx')",
    "onnx_file": "; another converter may do: give the .pt2, .keras or SavedModel that it was made of",
    "saved_model": "; another converter may do: give its .keras file, or an .onnx of it",
}


def main(folder: str) -> None:
    """Convert as `job.json` says."""
    job = ConverterJob.load(Path(folder))
    converter = import_module(f"edge_convert.sources.{job.module}")  # each imports its library
    try:
        converter.convert(job).save(Path(folder))
    except ModelError as error:
        (Path(folder) / RESULT).write_text(json.dumps({"refused": str(error)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
