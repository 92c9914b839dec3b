"""A conversion in a child process, which may crash, and whose memory ends with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from convert.child import start
from convert.sources.reference import Reference
from edge.errors import ModelError

MODEL, REFERENCE, RESULT = "model.tflite", "reference.npz", "result.json"


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
        child = start("convert.sources.worker", [folder], folder / "child.log")
        child.wait()
        if not (folder / RESULT).exists():
            raise ModelError(f"converting {path.name} to TFLite failed: {child.cause()}")
        said = json.loads((folder / RESULT).read_text())
        if "refused" in said:
            raise ModelError(said["refused"])
        return Converted(
            (folder / MODEL).read_bytes(), reference=Reference.load(folder / REFERENCE), **said
        )
