"""One network brought to a bundle by the command itself, and what came of it."""

import json
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge.bundle import open_bundle
from edge_common import BundleError, children, write_whole
from edge_convert.verification.conversion_report import PeakMemory
from examples.zoo.members import ZooMember

OUTCOME = "outcome.json"


@dataclass(frozen=True)
class Outcome:
    """What became of a network.

    Attributes:
        status: converted, refused (one line, exit code 1 or 2), failed (a traceback, or anything else),
            or not built (its own library could not write it).
        reason: the last line where it was not converted.
        precisions: by part, `model` if it was not cut.
        agreement: with its own answers in float, by task.
    """

    name: str
    status: str
    reason: str = ""
    precisions: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)
    size_mb: float = 0.0
    seconds: float = 0.0
    memory_gb: float = 0.0

    @property
    def is_cut(self) -> bool:
        return len(self.precisions) > 1


def read(folder: Path) -> Outcome | None:
    """That of an earlier run."""
    try:
        return Outcome(**json.loads((folder / OUTCOME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def convert(member: ZooMember, folder: Path) -> Outcome:
    """Build the network, convert it, and compare. The files stay in `folder`, in place of older ones."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    building = _python("examples.zoo.worker", "build", member.name, folder)
    if building.returncode:
        crash = f"ended by signal {-building.returncode}" if building.returncode < 0 else ""
        return _kept(folder, Outcome(member.name, "not built", crash or _last(building.stderr)))
    return _kept(folder, _converted(member, folder))


def _converted(member: ZooMember, folder: Path) -> Outcome:
    bundle = folder / "network.edge"
    bundle.unlink(missing_ok=True)
    arguments = json.loads((folder / "network.json").read_text())
    clips = ["--calibration", folder / "train.npz"]
    began = time.monotonic()
    command = children.module_command("edge_convert.cli", *arguments, "-o", bundle, *clips)
    with (folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        with PeakMemory(process.pid) as memory:
            process.wait()
    text = (folder / "output.txt").read_text()
    figures: dict[str, Any] = {
        "seconds": time.monotonic() - began,
        "memory_gb": memory.peak_bytes / 1e9,
    }
    if process.returncode:
        is_one_line = process.returncode in (1, 2) and "Traceback" not in text
        status = "refused" if is_one_line else "failed"
        return Outcome(member.name, status, _last(text), **figures)
    try:
        opened = open_bundle(bundle)
    except BundleError as error:
        return Outcome(member.name, "failed", str(error), **figures)
    compared = _python("examples.zoo.worker", "compare", folder, bundle)
    if compared.returncode:
        return Outcome(member.name, "failed", _last(compared.stderr), **figures)
    return Outcome(
        member.name, "converted", "",
        {part.role: part.precision for part in opened.manifest.parts},
        json.loads(compared.stdout.splitlines()[-1]), opened.size_bytes / 1e6, **figures,
    )  # fmt: skip


def _python(module: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = children.module_command(module, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ").removeprefix("Error: ") if lines else "text nothing"


def _kept(folder: Path, outcome: Outcome) -> Outcome:
    write_whole(folder / OUTCOME, json.dumps(asdict(outcome)).encode())
    return outcome
