"""The bundle, or plain .tflite, that a record is about."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from benchmarks.record import BundleRecord, PartRecord
from edge import flatbuffer
from edge.bundle import Bundle
from edge.errors import EngineError
from edge.manifest import Part
from edge.options import is_plain_tflite
from edge.shipped import find_bundle


def describe(name: str, bundle: Bundle) -> BundleRecord:
    """Identity, sizes and costs of a bundle that was opened under `name`."""
    path = Path(name) if is_plain_tflite(name) else find_bundle(name)
    file = path.read_bytes()
    manifest = bundle.manifest
    return BundleRecord(
        name=manifest.name,
        sha256=hashlib.sha256(file).hexdigest(),
        size_bytes=len(file),
        streaming=manifest.streaming,
        window=manifest.window,
        parts=tuple(_part(part, bundle.members[part.file]) for part in manifest.parts),
    )


def _part(part: Part, model: bytes) -> PartRecord:
    return PartRecord(
        role=part.role,
        precision=part.precision,
        size_bytes=len(model),
        parameters=part.parameters or _counted(model, lambda cost: cost.parameters),
        multiply_adds=part.multiply_adds or _counted(model, lambda cost: cost.multiply_adds),
    )


def _counted(model: bytes, figure: Callable[[flatbuffer.Cost], int]) -> int | None:
    """What the manifest does not say, counted in the graph; None where nothing can read it."""
    try:
        return figure(flatbuffer.cost(model))
    except EngineError:
        return None
