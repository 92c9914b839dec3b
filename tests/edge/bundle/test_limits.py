"""A bundle takes no more memory than its own size allows, and its golden frames have one form."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.bundle import GOLDEN, MANIFEST, InputSpec, Manifest, open_bundle, write_bundle
from edge.bundle.manifest_check import check
from edge_common.errors import BundleError

FACES = open_bundle("faces-in-motion")
ENCODER, HEAD = FACES.manifest.parts
Arrays = dict[str, np.ndarray]


def test_a_compressed_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.edge"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, bytes(1 << 20))
    with pytest.raises(BundleError, match="manifest.json is compressed"):
        open_bundle(path)


def test_thirty_thousand_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.edge"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(30_000):
            archive.writestr(str(i), b"")
    with pytest.raises(BundleError, match="more than 1000 members"):
        open_bundle(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"window": 10**30}, "'window' is a whole number beyond 64 bits"),
        ({"window": 10**9}, "a window of 1000000000 frames"),
        ({"members": {"x": {"size_bytes": 10**400, "sha256": ""}}}, "beyond 64 bits"),
        ({"frame_rate_hz": 10**400}, "frame_rate_hz"),
    ],
)
def test_numbers_beyond_what_can_be_are_named(tmp_path: Path, fields: dict, message: str) -> None:
    path = tmp_path / "x.edge"
    write_bundle(path, FACES.manifest, FACES.members)
    manifest = {**json.loads(zipfile.ZipFile(path).read(MANIFEST)), **fields}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))
    with pytest.raises(BundleError, match=message):
        open_bundle(path)


def test_a_manifest_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.edge"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MANIFEST, b'{"schema": 1, "made_with": ' + b"[" * 200_000)
    with pytest.raises(BundleError, match="not valid"):
        open_bundle(path)


def _shaped(*shape: int, **fields: Any) -> Manifest:
    """One part that reads an input of this shape."""
    read = replace(ENCODER.inputs[0], shape=shape, **fields)
    model = replace(HEAD, role="model", inputs=(read,))
    height, width, channels = shape[-3:]
    spec = InputSpec(height, width, channels)
    window, streaming = (shape[1], "whole-window") if len(shape) == 5 else (1, "single-frame")
    return replace(FACES.manifest, streaming=streaming, window=window, input=spec, parts=(model,))


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (_shaped(1, 100_000, 100_000, 3), r"the shape \[1, 100000, 100000, 3\]"),
        (_shaped(1, 20_000, 1, 3), "a picture of 1 x 20000 pixels"),
        (_shaped(1, 0, 100, 3), "the shape"),
        (_shaped(1, -100, 100, 3), "the shape"),
        (_shaped(1, 9000, 100, 100, 3), "the shape"),
        (_shaped(1, 100, 100, 3, dtype="O"), "dtype 'O'"),
        (_shaped(1, 100, 100, 3, dtype="S99999999"), "dtype"),
        (_shaped(1, 100, 100, 3, scale=float("nan")), "the scale"),
    ],
)
def test_tensors_that_no_memory_holds_are_refused(manifest: Manifest, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(manifest)


def _with(**changes: object) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {**arrays, **changes}


def _without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {n: a for n, a in arrays.items() if n != name}


def _changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {**arrays, name: change(arrays[name])}


def _non_finite(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(outputs: np.ndarray) -> np.ndarray:
        outputs = outputs.copy()
        outputs[0, 0] = value
        return outputs

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("frames"), "frames are not uint8"),
        (_changed("frames", lambda f: f.astype(np.float32)), "frames are not uint8"),
        (_changed("frames", lambda f: f.astype(np.int8)), "frames are not uint8"),
        (_changed("frames", lambda f: f[..., 0]), "frames are not uint8"),
        (_changed("frames", lambda f: f[..., :2]), "frames are not uint8"),
        (_changed("frames", lambda f: f[0]), "frames are not uint8"),
        (_changed("frames", lambda f: f[None]), "frames are not uint8"),
        (_changed("frames", lambda f: f[:0]), "frames of 100 x 100"),
        (_changed("frames", lambda f: f[:, :0]), "frames of 100 x 0"),
        (_changed("frames", lambda f: f[:3]), "3 frames fill no window of 15"),
        (_changed("frames", lambda f: np.empty((99, 1, 1 << 15, 3), np.uint8)), "32768 x 1"),
        (_with(frames=np.array("x")), "frames are not uint8"),
        (_without("action"), "'action' is not float32"),
        (_changed("action", lambda a: a.astype(np.float64)), "'action' is not float32"),
        (_changed("action", lambda a: a.astype(str)), "'action' is not float32"),
        (_changed("action", lambda a: a[:1]), "'action' is not float32"),
        (_changed("action", lambda a: a[:, :1]), "'action' is not float32"),
        (_changed("action", lambda a: a[0]), "'action' is not float32"),
        (_changed("action", lambda a: a.astype(np.complex64)), "no plain numbers"),
        (_changed("action", _non_finite(np.nan)), "'action' holds what is no number"),
        (_changed("action", _non_finite(np.inf)), "'action' holds what is no number"),
    ],
)
def test_golden_frames_of_another_form_are_refused(
    tmp_path: Path, change: Callable[[Arrays], Arrays], message: str
) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, **change(FACES.golden))
    changed = _written_again(tmp_path, stream.getvalue())
    with pytest.raises(BundleError, match=f"{GOLDEN} in .*x.edge is not valid .*{message}"):
        _ = changed.golden


def _written_again(folder: Path, golden: bytes):
    write_bundle(folder / "x.edge", FACES.manifest, {**FACES.members, GOLDEN: golden})
    return open_bundle(folder / "x.edge")


@pytest.mark.parametrize("golden", [b"", b"no zip", struct.pack("<4s4H2IH", b"PK\5\6", *[0] * 7)])
def test_golden_frames_that_are_no_arrays_are_refused(tmp_path: Path, golden: bytes) -> None:
    with pytest.raises(BundleError, match=r"golden.npz in .*x.edge is not valid"):
        _ = _written_again(tmp_path, golden).golden
