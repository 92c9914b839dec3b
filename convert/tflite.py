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


@dataclass
class Conversion:
    """A conversion under way; `result` waits for it."""

    role: str
    precision: str
    _process: subprocess.Popen
    _output: Path
    _log: Path

    def result(self) -> bytes:
        """The .tflite. Raises ModelError that says how the converter ended."""
        code = self._process.wait()
        if code == 0 and self._output.exists():
            return self._output.read_bytes()
        raise ModelError(
            f"converting the {self.role} to {self.precision} failed: {_cause(code, self._log)}"
        )

    def stop(self) -> None:
        """End the child, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Workshop:
    """A folder for one model's conversions. Children still running are ended on leaving."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[Conversion] = []

    def save(self, role: str, model: Any) -> None:
        """Keep a Keras model where the children find it."""
        model.save(self._folder / f"{role}.keras")

    def start(
        self, role: str, precision: str, calibration: Mapping[str, np.ndarray] | None = None
    ) -> Conversion:
        """Start converting a saved model. `calibration`: (N, ...) float32 for each input."""
        stem = self._folder / f"{role}-{precision}"
        data = None
        if calibration is not None:
            data = str(stem.with_suffix(".npz"))
            np.savez(data, **calibration)
        output, log = stem.with_suffix(".tflite"), stem.with_suffix(".log")
        job = {
            "model": str(self._folder / f"{role}.keras"),
            "precision": precision,
            "calibration": data,
            "output": str(output),
        }
        stem.with_suffix(".json").write_text(json.dumps(job))
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "convert.worker", str(stem.with_suffix(".json"))],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"},
            )
        conversion = Conversion(role, precision, process, output, log)
        self._running.append(conversion)
        return conversion

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *error: object) -> None:
        for conversion in self._running:
            conversion.stop()


def _cause(code: int, log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "")
    if code == -signal.SIGKILL:
        return "it was killed, most likely for want of memory; close other programs"
    if code < 0:
        return f"the converter crashed ({signal.Signals(-code).name}); try another precision"
    return last[:300] or f"it ended with code {code}"
