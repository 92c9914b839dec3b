"""A conversion in a child process, which may crash, and whose memory ends with it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from convert.sources.reference import Reference
from convert.workshop import Child
from edge.errors import ModelError

MODEL, REFERENCE, RESULT = "model.tflite", "reference.npz", "result.json"
_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Converted:
    """What a converter made of a network, before it is brought to standard form.

    channels: the axis of `model`'s input that holds them.
    names: outputs of `model` -> what the source calls them, where they differ.
    """

    model: bytes
    origin: str
    reference: Reference
    channels: int
    names: Mapping[str, str]

    def save(self, folder: Path) -> None:
        """Write the parts; RESULT comes last."""
        (folder / MODEL).write_bytes(self.model)
        self.reference.save(folder / REFERENCE)
        said = {"origin": self.origin, "channels": self.channels, "names": dict(self.names)}
        (folder / RESULT).write_text(json.dumps(said))


def converted(kind: str, path: Path, signature: str | None) -> Converted:
    """Run `python -m convert.sources.worker` on a file.

    Raises ModelError with the child's own words, or with how it ended.
    """
    with TemporaryDirectory(prefix="edge-convert-") as name:
        folder = Path(name)
        job = {"kind": kind, "path": str(path.resolve()), "signature": signature, "folder": name}
        (folder / "job.json").write_text(json.dumps(job))
        child = _start(folder)
        child.wait()
        if not (folder / RESULT).exists():
            raise ModelError(f"converting {path.name} to TFLite failed: {child.cause()}")
        said = json.loads((folder / RESULT).read_text())
        if "refused" in said:
            raise ModelError(said["refused"])
        return Converted(
            (folder / MODEL).read_bytes(), reference=Reference.load(folder / REFERENCE), **said
        )


def _start(folder: Path) -> Child:
    log = folder / "child.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "convert.sources.worker", str(folder)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=_ROOT,  # a folder `convert` where the user stands must not come first
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"},
        )
    return Child(process, log)
