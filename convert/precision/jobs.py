"""All conversions of one model, each in a child process, in a folder of their own."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_common import ModelError, children
from edge_convert.precision import activations, quantiser
from edge_convert.precision.recipes import FLOAT32, Recipe


@dataclass(frozen=True)
class KerasConversion:
    """A Keras model on its way to a .tflite; `result` waits for it."""

    role: str
    child: children.Child
    output: Path

    def result(self) -> bytes:
        """Raises ModelError that says how the converter ended."""
        self.child.wait()
        if not self.output.exists():
            raise ModelError(f"converting the {self.role} to TFLite failed: {self.child.cause()}")
        return self.output.read_bytes()


class ConversionJobs:
    """A folder for one model's conversions. Children still running are ended on leaving."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen] = []
        self._count = 0

    def to_float(self, role: str, model: Any) -> KerasConversion:
        """Start converting a Keras model to a float32 .tflite."""
        return self._convert(role, model)

    def saved_to_float(self, role: str, folder: Path) -> KerasConversion:
        """Start converting a SavedModel, which takes less memory than a Keras model."""
        return self._convert_saved(role, folder)

    def to_int8_by_converter(self, role: str, model: Any, examples: np.ndarray) -> KerasConversion:
        """Start converting a Keras model to int8 with nothing but TFLite's own converter.

        examples: float32 (n, ...) of its only input.
        """
        path = self._folder / f"{role}-by-hand.npy"
        np.save(path, examples)
        return self._convert(role, model, str(path))

    def _convert(self, role: str, model: Any, examples: str = "") -> KerasConversion:
        saved = self._folder / f"{role}.keras"
        model.save(saved)
        return self._convert_saved(role, saved, examples)

    def _convert_saved(self, role: str, saved: Path, examples: str = "") -> KerasConversion:
        output = self._folder / f"{role}-converted.tflite"
        files = {"model": str(saved), "output": str(output), "examples": examples}
        return KerasConversion(role, self._start("convert", role, files), output)

    def prepare(
        self,
        role: str,
        model: bytes,
        examples: Mapping[str, np.ndarray],
        fixed: quantiser.Ranges,
        least: float = 0.0,
    ) -> None:
        """Keep a float32 .tflite with what calibrates it.

        examples: {input: (n, ...)} float32.  fixed: ranges of inputs or outputs that are
        not to be taken from the examples, by their names in the signature.  least: how far
        every other range reaches at least, below and above zero: for random weights, behind
        which activations may fade to where no kernel can tell them apart.
        """
        (self._folder / f"{role}.tflite").write_bytes(model)
        np.savez(self._folder / f"{role}-examples.npz", **dict[str, Any](examples))
        limits = {"fixed": dict(fixed), "least": least}
        (self._folder / f"{role}-fixed.json").write_text(json.dumps(limits))

    def quantised(self, role: str, recipes: Sequence[Recipe]) -> dict[Recipe, bytes | str]:
        """The .tflite of each recipe, or in one line why there is none.

        One child makes all of them; if it dies, the next one goes on behind the recipe
        that was too much for it.
        """
        models: dict[Recipe, bytes | str] = {}
        for recipe in recipes:
            if recipe == FLOAT32:
                models[recipe] = (self._folder / f"{role}.tflite").read_bytes()
        waiting = [recipe for recipe in recipes if recipe not in models]
        while waiting:
            outputs = {
                r: self._folder / f"{role}-{i}-{r.file_name}.tflite" for i, r in enumerate(waiting)
            }
            job = [{"recipe": r.to_json(), "output": str(path)} for r, path in outputs.items()]
            child = self._start("quantise", role, {**self._prepared(role), "recipes": job})
            child.wait()
            finished = [recipe for recipe in waiting if outputs[recipe].exists()]
            models.update((recipe, outputs[recipe].read_bytes()) for recipe in finished)
            waiting = waiting[len(finished) :]
            if waiting:
                models[waiting.pop(0)] = child.cause()
        return models

    def layer_costs(
        self, role: str, on_layer: Callable[[int, int], None] = lambda count, total: None
    ) -> list[activations.LayerCost]:
        """What each layer in int8 costs a prepared part, the costliest first.

        Raises ModelError that says how the measurement ended.
        """
        output = self._folder / f"{role}-layers.json"
        job = {**self._prepared(role), "output": str(output)}
        child = self._start("layer_costs", role, job)
        child.wait(lambda: _report_progress(child.log, on_layer))
        if not output.exists():
            raise ModelError(f"measuring the layers of the {role} failed: {child.cause()}")
        return [activations.LayerCost(*row) for row in json.loads(output.read_text())]

    def _prepared(self, role: str) -> dict[str, Any]:
        """The files of a part that was prepared, and how its ranges are fixed."""
        return {
            "model": str(self._folder / f"{role}.tflite"),
            "examples": str(self._folder / f"{role}-examples.npz"),
            "ranges": str(self._folder / f"{role}-ranges.json"),
            **json.loads((self._folder / f"{role}-fixed.json").read_text()),
        }

    def _start(self, task: str, role: str, fields: Mapping[str, Any]) -> children.Child:
        """Start one of the worker's tasks on a part."""
        self._count += 1
        path = self._folder / f"{role}-job{self._count}.json"
        path.write_text(json.dumps({"task": task, **fields}))
        return self.start("edge_convert.precision.worker", path)

    def start(self, module: str, *arguments: str | Path) -> children.Child:
        """Run `python -m module`; it is ended on leaving."""
        self._count += 1
        log = self._folder / f"{module}-{self._count}.log"
        child = children.start(module, arguments, log)
        self._children.append(child.process)
        return child

    def __enter__(self) -> "ConversionJobs":
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._children:
            if process.poll() is None:
                process.kill()
            process.wait()


def _report_progress(log: Path, on_layer: Callable[[int, int], None]) -> None:
    lines = re.findall(r"layer (\d+) of (\d+)", log.read_text(errors="replace"))
    if lines:
        on_layer(*map(int, lines[-1]))
