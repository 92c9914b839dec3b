"""What a file is, by its first bytes or the members of a zip, whatever its name says."""

import zipfile
from pathlib import Path

HDF5, KERAS, ONNX, PT2, TFLITE = "HDF5", "Keras", "ONNX", "PyTorch program", "TFLite"
TORCH_SCRIPT, TORCH_MODULE, TORCH_WEIGHTS = "TorchScript", "PyTorch module", "PyTorch weights"
SAVED_MODEL_ZIP, ZIP, ARCHIVE, PICKLE = "zip of a SavedModel", "zip", "archive", "pickle"
SAFETENSORS, POINTER, PAGE, NOTHING = "safetensors", "git-lfs pointer", "web page", "nothing"

_BEGINS = {
    b"\x89HDF\r\n\x1a\n": HDF5, b"version https://git-lfs": POINTER, b"\x1f\x8b": ARCHIVE,
    b"BZh": ARCHIVE, b"\xfd7zXZ": ARCHIVE, b"7z\xbc\xaf": ARCHIVE,
}  # fmt: skip
_PICKLE_PROTOCOLS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_MODULE_FIELD = b"_modules"  # that every torch.nn.Module has
_MOST_PICKLE_BYTES = 1 << 24


def content_of(path: Path) -> str:
    """One of the words above; "" if none fits. Raises OSError if the file cannot be read."""
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        return NOTHING
    if begin := next((begin for begin in _BEGINS if start.startswith(begin)), None):
        return _BEGINS[begin]
    if start[4:8] == b"TFL3":
        return TFLITE
    if start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return PAGE
    # the version of ONNX' format, then one of its next fields
    if (
        start[:1] == b"\x08"
        and b"\x03" <= start[1:2] <= b"\x14"
        and start[2:3] in (b"\x12", b"\x3a", b"\x42")
    ):
        return ONNX
    if start[8:10] == b'{"' and int.from_bytes(start[:8], "little") < path.stat().st_size:
        return SAFETENSORS
    if start.startswith(_PICKLE_PROTOCOLS):
        with path.open("rb") as file:
            return _pickled(file.read(_MOST_PICKLE_BYTES))
    return _of_zip(path) if zipfile.is_zipfile(path) else ""


def _of_zip(path: Path) -> str:
    names = members(path)
    ends = {name.rpartition("/")[2] for name in names}
    if {"config.json", "metadata.json"} <= ends:
        return KERAS
    if "archive_format" in ends or "serialized_exported_program.json" in ends:
        return PT2
    if "data.pkl" in ends:
        if "constants.pkl" in ends:
            return TORCH_SCRIPT
        name = next(name for name in names if name.endswith("data.pkl"))
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return _pickled(file.read(_MOST_PICKLE_BYTES))
    return SAVED_MODEL_ZIP if "saved_model.pb" in ends else ZIP


def members(path: Path) -> list[str]:
    """The names of what a zip holds; none if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return []


def _pickled(data: bytes) -> str:
    """By the words in a pickle, which is not run."""
    if b"torch" not in data:
        return PICKLE
    return TORCH_MODULE if _MODULE_FIELD in data else TORCH_WEIGHTS
