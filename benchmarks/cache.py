"""Converted baselines on disk, because converting a whole window takes minutes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from edge import __version__
from edge.errors import SinkError
from edge.whole_file import whole_file

_CONVERTERS = ("tensorflow", "keras", "litert-quantizer")


@dataclass(frozen=True)
class ConversionCache:
    """A folder of .tflite files, each named by all that it was made from."""

    folder: Path

    def path(self, model: Path, precision: str, calibration: np.ndarray | None) -> Path:
        """Where the conversion of this model file, with these versions and data, is kept."""
        digest = hashlib.sha256(model.read_bytes())
        for name, version in sorted(_versions().items()):
            digest.update(f"{name} {version};".encode())
        if calibration is not None:
            digest.update(np.ascontiguousarray(calibration).data)
        return self.folder.expanduser() / f"{digest.hexdigest()[:32]}-{precision}.tflite"

    def store(self, path: Path, model: bytes) -> None:
        """Put a conversion under its name, whole. Raises SinkError where it cannot."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as stream:
                stream.write(model)
        except OSError as error:
            raise SinkError(
                f"{path.parent} cannot be written ({error.strerror}): give another --cache"
            ) from error


def _versions() -> Mapping[str, str]:
    return {"edge-run": __version__, **{name: metadata.version(name) for name in _CONVERTERS}}
