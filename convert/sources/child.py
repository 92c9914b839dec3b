"""A conversion in a child process, which may crash, and whose memory ends with it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_common.children import start
from edge_common.errors import ModelError
from edge_convert.sources.reference import Reference

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
    """Run `python -m edge_convert.sources.child` on a file.

    Raises ModelError with the child's own words, or with how it ended.
    """
    with TemporaryDirectory(prefix="edge-convert-") as name:
        folder = Path(name)
        job = {"kind": kind, "path": str(path.resolve()), "signature": signature, "folder": name}
        (folder / "job.json").write_text(json.dumps(job))
        child = start("edge_convert.sources.child", [folder], folder / "child.log")
        child.wait()
        if not (folder / RESULT).exists():
            raise ModelError(f"converting {path.name} to TFLite failed: {child.cause()}")
        said = json.loads((folder / RESULT).read_text())
        if "refused" in said:
            raise ModelError(said["refused"])
        return Converted(
            (folder / MODEL).read_bytes(), reference=Reference.load(folder / REFERENCE), **said
        )


def main(folder: str) -> None:
    """Convert as `job.json` says."""
    job = json.loads((Path(folder) / "job.json").read_text())
    converter = import_module(f"edge_convert.sources.{job['kind']}")  # each imports its own library
    try:
        converter.convert(Path(job["path"]), job["signature"], Path(folder)).save(Path(folder))
    except ModelError as error:
        (Path(folder) / RESULT).write_text(json.dumps({"refused": str(error)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
