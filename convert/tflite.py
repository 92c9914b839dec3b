"""Conversions to TFLite in child processes, one or several at a time."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import ModelError

_POLL_S = 0.05
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Conversion:
    """A conversion under way; `result` waits for it."""

    role: str
    precision: str
    process: subprocess.Popen
    output: Path
    log: Path

    def result(self) -> bytes:
        """The .tflite. Raises ModelError that says how the converter ended."""
        while not self.output.exists():
            try:
                code = self.process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                continue
            if not self.output.exists():
                cause = _cause(code, self.log)
                raise ModelError(f"converting the {self.role} to {self.precision} failed: {cause}")
        return self.output.read_bytes()


class Workshop:
    """A folder for one model's conversions. Children still running are ended on leaving."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen] = []

    def save(self, role: str, model: Any) -> None:
        """Keep a Keras model where the children find it."""
        model.save(self._folder / f"{role}.keras")

    def start(
        self, role: str, precision: str, calibration: Mapping[str, np.ndarray] | None = None
    ) -> Conversion:
        """Start converting a saved model. `calibration`: (N, ...) float32 for each input."""
        return self.start_all(role, {precision: calibration})[precision]

    def start_all(
        self, role: str, wanted: Mapping[str, Mapping[str, np.ndarray] | None]
    ) -> dict[str, Conversion]:
        """Start one child for several precisions of a model, in their order."""
        stem = self._folder / f"{role}-{'-'.join(wanted)}"
        jobs = [self._job(role, precision, data) for precision, data in wanted.items()]
        job = {"model": str(self._folder / f"{role}.keras"), "conversions": jobs}
        stem.with_suffix(".json").write_text(json.dumps(job))
        log = stem.with_suffix(".log")
        child = self._child(stem.with_suffix(".json"), log)
        return {
            j["precision"]: Conversion(role, j["precision"], child, Path(j["output"]), log)
            for j in jobs
        }

    def _job(
        self, role: str, precision: str, calibration: Mapping[str, np.ndarray] | None
    ) -> dict[str, str | None]:
        stem = self._folder / f"{role}-{precision}"
        data = None
        if calibration is not None:
            data = str(stem.with_suffix(".npz"))
            np.savez(data, **calibration)
        output = str(stem.with_suffix(".tflite"))
        return {"precision": precision, "calibration": data, "output": output}

    def _child(self, job: Path, log: Path) -> subprocess.Popen:
        with log.open("wb") as stream:
            child = subprocess.Popen(
                [sys.executable, "-m", "convert.worker", str(job)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=_ROOT,  # a folder `convert` where the user stands must not come first
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"},
            )
        self._children.append(child)
        return child

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *error: object) -> None:
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()


def _cause(code: int, log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "")
    if code == -signal.SIGKILL:
        return "it was killed, most likely for want of memory; close other programs"
    if code < 0:
        return f"the converter crashed ({signal.Signals(-code).name}); try another precision"
    return last[:300] or f"it ended with code {code}"
