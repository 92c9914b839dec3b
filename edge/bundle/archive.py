"""The bundle, `NAME.edge`: a zip of stored members, verified before use; or a plain .tflite in its place."""

import hashlib
import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from edge.bundle.manifest import (
    SCHEMA_VERSIONS,
    SINGLE_FRAME,
    WHOLE_WINDOW,
    InputSpec,
    Manifest,
    Member,
    Part,
    TensorSpec,
    check,
    schema_of,
    to_json,
)
from edge.engine import NONE, Delegate
from edge.engine.engine import Engine
from edge.shipped import DEFAULT_BUNDLE, find_bundle, is_plain_tflite
from edge.tasks import Classification, Embedding, Regression, Task
from edge_common import BundleError, decode, whole_file

MANIFEST = "manifest.json"
GOLDEN = "golden.npz"
REPORT = "report.md"
_MANIFEST_LIMIT_BYTES = 4 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time, so that equal contents give equal files


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory: its manifest and its members' bytes."""

    manifest: Manifest
    members: Mapping[str, bytes]
    path: Path | None = None

    @cached_property
    def golden(self) -> dict[str, np.ndarray]:
        """The golden frames `frames` (N, H, W, 3) uint8 RGB and one array of outputs a task."""
        if GOLDEN not in self.members:
            return {}
        with np.load(io.BytesIO(self.members[GOLDEN]), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    @property
    def size_bytes(self) -> int:
        """Size of the file, or of the members if there is no file."""
        if self.path is not None:
            return self.path.stat().st_size
        return sum(map(len, self.members.values()))

    @property
    def sha256(self) -> str:
        """One hash over the manifest, which holds the hash of every other member."""
        return hashlib.sha256(_manifest_bytes(self.manifest)).hexdigest()


def open_bundle(name: str | os.PathLike[str] = DEFAULT_BUNDLE) -> Bundle:
    """Read and verify a bundle (schema, sizes, hashes, flatbuffers).

    Raises BundleError if anything about it is not as its manifest says.
    """
    path = find_bundle(name)
    if path.suffix in (".keras", ".h5", ".onnx", ".pt2"):
        raise BundleError(f"{path} is a network: make a bundle of it with edge-convert first")
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read_manifest(archive, path)
            members = {n: _read_member(archive, n, m, path) for n, m in manifest.members.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # or encrypted
        hint = "make it again with edge-convert, or copy it again"
        raise BundleError(f"{path} is damaged or is no bundle ({error}): {hint}") from error
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}") from error
    _check_parts(manifest, members, path)
    return Bundle(manifest, MappingProxyType(members), path)


def write_bundle(
    path: str | os.PathLike[str], manifest: Manifest, members: Mapping[str, bytes]
) -> Bundle:
    """Write a bundle under its final name only when it is whole; return it as written."""
    path = Path(path)
    manifest = replace(manifest, members=index(members))
    check(manifest)
    try:
        with whole_file(path) as stream, zipfile.ZipFile(stream, "w") as archive:
            for name, data in [(MANIFEST, _manifest_bytes(manifest)), *sorted(members.items())]:
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror or error}") from error
    return Bundle(manifest, MappingProxyType(dict(members)), path)


def index(members: Mapping[str, bytes]) -> dict[str, Member]:
    """Size and hash of each member, as a manifest lists them."""
    return {name: Member(len(data), _sha256(data)) for name, data in sorted(members.items())}


def _manifest_bytes(manifest: Manifest) -> bytes:
    return (json.dumps(to_json(manifest), indent=1, sort_keys=True) + "\n").encode()


def _read_manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    if MANIFEST not in archive.namelist():
        raise BundleError(
            f"{path} is no bundle or was cut short: it holds no {MANIFEST}; copy it again"
        )
    if archive.getinfo(MANIFEST).file_size > _MANIFEST_LIMIT_BYTES:
        raise BundleError(f"{path}: {MANIFEST} is larger than any real one; refused")
    try:
        fields = json.loads(archive.read(MANIFEST))
        schema = fields.get("schema") if isinstance(fields, dict) else None
        if schema not in SCHEMA_VERSIONS:
            raise BundleError(
                f"{path} has manifest version {schema}, this edge-run reads "
                f"{SCHEMA_VERSIONS[0]} to {SCHEMA_VERSIONS[-1]}: "
                "convert the model again, or use the release that wrote it"
            )
        manifest = decode(Manifest, fields)
        check(manifest)
    except ValueError as error:
        raise BundleError(f"{path}: {MANIFEST} is not valid ({error}): make it again") from error
    return manifest


def _read_member(archive: zipfile.ZipFile, name: str, member: Member, path: Path) -> bytes:
    if name not in archive.namelist():
        raise BundleError(f"{path} lacks its member {name}: copy or make it again")
    # compared before reading, so that a crafted member cannot fill the memory
    if archive.getinfo(name).file_size != member.size_bytes:
        raise BundleError(f"{path}: {name} has another size than the manifest says")
    data = archive.read(name)
    if _sha256(data) != member.sha256:
        raise BundleError(f"{path}: {name} was changed after the bundle was made (hash differs)")
    return data


def _check_parts(manifest: Manifest, members: Mapping[str, bytes], path: Path) -> None:
    for part in manifest.parts:
        if members.get(part.file, b"")[4:8] != b"TFL3":
            raise BundleError(f"{path}: {part.file} is missing or is no TFLite flatbuffer")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_FILE = "model.tflite"


def wrap_tflite(
    path: str | os.PathLike[str],
    *,
    labels: Sequence[str] = (),
    value_range: tuple[float, float] | None = None,
    runtime: str = "auto",
) -> Bundle:
    """Wrap a .tflite whose only input is (1, H, W, C) or (1, T, H, W, C).

    labels: names for an output of that many values. value_range: the real values of
    pixel 0 and 255; by default what the input's quantisation spans, else (0, 1).
    Raises BundleError if the model has another form.
    """
    path = Path(path)
    try:
        model = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error
    if model[4:8] != b"TFL3":
        raise BundleError(f"{path} is no TFLite flatbuffer: it is another file or cut short")
    # its shapes are the same in the kernels that load every model
    engine = Engine(model, name=path.name, runtime=runtime, delegate=Delegate(NONE))
    window, spec = _input(engine, path, value_range)
    tasks = tuple(_task(i, tensor, labels) for i, tensor in enumerate(engine.outputs))
    outputs = tuple(_renamed(t, task.name) for t, task in zip(engine.outputs, tasks))
    members = {_FILE: model}
    part = Part("model", _FILE, _precision(engine), engine.inputs, outputs)
    streaming = WHOLE_WINDOW if window > 1 else SINGLE_FRAME
    manifest = Manifest(
        schema_of(tasks), path.stem, streaming, window, spec, tasks, (part,), members=index(members)
    )
    return Bundle(manifest, members, path)


def _input(
    engine: Engine, path: Path, value_range: tuple[float, float] | None
) -> tuple[int, InputSpec]:
    shape = engine.inputs[0].shape
    if (
        len(engine.inputs) != 1
        or len(shape) not in (4, 5)
        or shape[0] != 1
        or shape[-1] not in (1, 3)
    ):
        form = ", ".join(str(list(tensor.shape)) for tensor in engine.inputs)
        raise BundleError(
            f"{path} takes {form}; only one picture or window (1, [T,] H, W, 1 or 3) can be run"
        )
    window = shape[1] if len(shape) == 5 else 1
    height, width, channels = shape[-3:]
    colours = "RGB" if channels == 3 else "GRAY"
    spec = InputSpec(height, width, channels, colours, value_range or _spanned(engine.inputs[0]))
    return window, spec


def _spanned(tensor: TensorSpec) -> tuple[float, float]:
    """The real values that the input's integers span; floats are taken to be 0 to 1."""
    if not tensor.quantised:
        return (0.0, 1.0) if tensor.dtype == "float32" else (0.0, 255.0)
    if tensor.dtype == "int16":  # symmetric: only its highest value says something
        return 0.0, 32767 * tensor.scale
    lowest = (-128 if tensor.dtype == "int8" else 0) - tensor.zero_point
    return lowest * tensor.scale, (lowest + 255) * tensor.scale


def _task(index: int, tensor: TensorSpec, labels: Sequence[str]) -> Task:
    """Vectors are classes (one number: a regression); anything of more axes is kept as it is."""
    name, size = f"output_{index}", math.prod(tensor.shape[1:])
    if labels and len(labels) != size and index == 0:
        raise BundleError(f"{len(labels)} labels were given for an output of {size} values")
    if len(tensor.shape) > 2:
        return Task(name, Embedding.name)
    if size == 1:
        return Task(name, Regression.name)
    named = tuple(labels) if len(labels) == size else tuple(str(i) for i in range(size))
    return Task(name, Classification.name, named)


def _renamed(tensor: TensorSpec, name: str) -> TensorSpec:
    return TensorSpec(name, tensor.shape, tensor.dtype, tensor.scale, tensor.zero_point)


def _precision(engine: Engine) -> str:
    return "int8" if engine.inputs[0].dtype in ("int8", "uint8") else "float32"


def open_any(
    name: str,
    *,
    labels: Sequence[str] = (),
    value_range: tuple[float, float] | None = None,
    runtime: str = "auto",
) -> Bundle:
    """Open a bundle by its path or shipped name, or wrap a plain `.tflite`."""
    if is_plain_tflite(name):
        return wrap_tflite(name, labels=labels, value_range=value_range, runtime=runtime)
    return open_bundle(name)
