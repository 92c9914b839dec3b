"""The bundle, `NAME.edge`: a zip of stored members, verified before use; or a plain .tflite in its place."""

import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from edge.bundle.manifest import SCHEMA_VERSIONS, Manifest, Member, to_json
from edge.bundle.manifest_check import MOST_PIXELS_A_SIDE, check
from edge.shipped import DEFAULT_BUNDLE, comes_along, find_bundle
from edge_common import BundleError, DataError, archives, decode, whole_file

if TYPE_CHECKING:
    from edge.drift.reference import DriftReference

MANIFEST = "manifest.json"
GOLDEN = "golden.npz"
GOLDEN_INPUT = "input:"  # before the name of what was given beside its frames
REPORT = "report.md"
REFERENCE = "reference.json"
_MANIFEST_LIMIT_BYTES = 4 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time, so that equal contents give equal files


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory: its manifest and its members' bytes.

    assumptions: what nobody said of a plain .tflite; empty for a bundle.
    whole: what its manifest says, if only some of its tasks are answered.
    """

    manifest: Manifest
    members: Mapping[str, bytes]
    path: Path | None = None
    assumptions: str = ""
    whole: Manifest | None = None

    @cached_property
    def golden(self) -> dict[str, np.ndarray]:
        """The golden frames `frames` (N, H, W, 3) uint8 RGB and one array of outputs a task.

        Frames that are features are float32 (N, F).

        Of a detector `boxes` and `scores` instead, as `edge.check.detections` has them. Empty if
        there are none. Raises BundleError if they do not fit the manifest.
        """
        if GOLDEN not in self.members:
            return {}
        try:
            golden = archives.read_arrays(io.BytesIO(self.members[GOLDEN]))
            _check_golden(golden, self.manifest)
        except ValueError as error:
            raise BundleError(
                f"{GOLDEN} in {self.path or 'the bundle'} is not valid ({error}): make the bundle "
                "again with edge-convert"
            ) from error
        return golden

    @cached_property
    def reference(self) -> "DriftReference | None":
        """How frames and answers were distributed when it was made; None: it does not say.

        Raises BundleError if it is not valid.
        """
        if REFERENCE not in self.members:
            return None
        from edge.drift.reference import from_bytes

        try:
            reference = from_bytes(self.members[REFERENCE], (self.whole or self.manifest).tasks)
        except ValueError as error:
            raise BundleError(
                f"{REFERENCE} in {self.path or 'the bundle'} is not valid ({error}): make the bundle "
                "again with edge-convert"
            ) from error
        answered = {task.name for task in self.manifest.tasks}
        tasks = {name: each for name, each in reference.tasks.items() if name in answered}
        return replace(reference, tasks=tasks)

    @property
    def is_foreign(self) -> bool:
        """Whether its networks came in a file, and not with this package."""
        return self.path is not None and not comes_along(self.path)

    @property
    def size_bytes(self) -> int:
        """Size of the file, or of the members if there is no file."""
        if self.path is not None:
            return self.path.stat().st_size
        return sum(map(len, self.members.values()))

    @property
    def sha256(self) -> str:
        """One hash over the manifest, which holds the hash of every other member."""
        return hashlib.sha256(_manifest_bytes(self.whole or self.manifest)).hexdigest()


def open_bundle(
    name: str | os.PathLike[str] = DEFAULT_BUNDLE, *, content: bytes | None = None
) -> Bundle:
    """Read and verify a bundle (schema, sizes, hashes, flatbuffers).

    content: of its file, which is not read then, and need not be there.
    Raises BundleError if anything about it is not as its manifest says.
    """
    path = find_bundle(name) if content is None else Path(name)
    if path.suffix in (".keras", ".h5", ".onnx", ".pt2"):
        raise BundleError(f"{path} is a network: make a bundle of it with edge-convert first")
    file = path if content is None else io.BytesIO(content)
    try:
        with archives.open_zip(file, stored=True) as archive:
            manifest = _read_manifest(archive, path)
            members = {n: _read_member(archive, n, m, path) for n, m in manifest.members.items()}
    except DataError as error:
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
    text = json.dumps(to_json(manifest), indent=1, sort_keys=True, allow_nan=False)
    return f"{text}\n".encode()


def _read_manifest(archive: archives.Archive, path: Path) -> Manifest:
    if MANIFEST not in archive.names:
        raise BundleError(
            f"{path} is no bundle or was cut short: it holds no {MANIFEST}; copy it again"
        )
    if archive.member_bytes(MANIFEST) > _MANIFEST_LIMIT_BYTES:
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
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path}: {MANIFEST} is not valid ({error}): make it again") from error
    return manifest


def _read_member(archive: archives.Archive, name: str, member: Member, path: Path) -> bytes:
    if name not in archive.names:
        raise BundleError(f"{path} lacks its member {name}: copy or make it again")
    # compared before reading, so that a crafted member cannot fill the memory
    if archive.member_bytes(name) != member.size_bytes:
        raise BundleError(f"{path}: {name} has another size than the manifest says")
    data = archive.read(name)
    if _sha256(data) != member.sha256:
        raise BundleError(f"{path}: {name} was changed after the bundle was made (hash differs)")
    return data


def _check_parts(manifest: Manifest, members: Mapping[str, bytes], path: Path) -> None:
    for part in manifest.parts:
        if members.get(part.file, b"")[4:8] != b"TFL3":
            raise BundleError(f"{path}: {part.file} is missing or is no TFLite flatbuffer")


def _check_golden(golden: Mapping[str, np.ndarray], manifest: Manifest) -> None:
    """Raise ValueError if these are no frames, or not the outputs of a decision each."""
    frames = golden.get("frames")
    if manifest.input.is_features:
        width = manifest.input.width
        if frames is None or frames.dtype != np.float32 or frames.shape[1:] != (width,):
            raise ValueError(f"its frames are not float32 of shape (N, {width})")
        if not np.isfinite(frames).all():
            raise ValueError("its frames hold what is no number")
    elif frames is None or frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        raise ValueError("its frames are not uint8 of shape (N, H, W, 3)")
    elif max(frames.shape[1:3]) > MOST_PIXELS_A_SIDE or 0 in frames.shape:
        raise ValueError(f"frames of {frames.shape[2]} x {frames.shape[1]} pixels")
    if len(frames) < manifest.window:
        raise ValueError(f"{len(frames)} frames fill no window of {manifest.window}")
    decisions = len(frames) - manifest.window + 1
    widths = {t.name: math.prod(t.shape[1:]) for t in manifest.last_part.outputs}
    for task in manifest.tasks:
        _check_golden_array(golden, task.name, (decisions, widths[task.name]))
    for each in manifest.inputs:
        _check_golden_array(golden, GOLDEN_INPUT + each.name, each.shape)
    if manifest.detection:
        limit = manifest.detection.limit
        _check_golden_array(golden, "boxes", (decisions, limit, 4))
        _check_golden_array(golden, "scores", (decisions, limit))


def _check_golden_array(
    golden: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]
) -> None:
    values = golden.get(name)
    if values is None or values.dtype != np.float32 or values.shape != shape:
        raise ValueError(f"its array '{name}' is not float32 of shape {shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"its array '{name}' holds what is no number")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
