"""All conversions of one model, each in a child process, in a folder of their own."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from edge_common import ModelError, children, freed_memory
from edge_convert import inputs
from edge_convert.precision import activations, fork_server, quantiser
from edge_convert.precision.cache import ResultCache, fingerprint, key_of
from edge_convert.precision.cluster_jobs import RemoteJobs
from edge_convert.precision.parts import CORES
from edge_convert.precision.recipes import FLOAT32, INT8, Recipe

_REMOTE = ("quantise", "layer_costs")  # what costs most, and needs no Keras model
_MODELS_AT_WORK = (
    100_000_000  # bytes of all that are measured side by side; a child holds 8 of its own
)


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
    """A folder for one model's conversions. Children still running are ended on leaving.

    cache: of what was converted and measured before.  remote: quantises and measures layers; None:
    this machine does.
    """

    def __init__(
        self,
        folder: Path,
        cache: ResultCache = ResultCache(),
        remote: RemoteJobs | None = None,
    ) -> None:
        self._folder, self.cache, self._remote = folder, cache, remote
        self._prepared_keys: dict[str, bytes] = {}
        self._children: list[children.ChildProcess] = []
        self._numbers = count(1)  # of threads, too
        self._ended = False

    def to_float(self, role: str, model: Any) -> KerasConversion:
        """Start converting a Keras model to a float32 .tflite."""
        return self._convert(role, model)

    def file_to_float(self, path: Path, request: inputs.InputRequest) -> KerasConversion:
        """Start reading a Keras file, as `model_file` reads it, and converting what it holds."""
        role = request.role or "network"
        return self._convert_saved(role, path.resolve(), request=vars(request))

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

    def _convert_saved(
        self, role: str, saved: Path, examples: str = "", **more: Any
    ) -> KerasConversion:
        output = self._folder / f"{role}-converted.tflite"
        job = {"model": str(saved), "output": str(output), "examples": examples, **more}
        return KerasConversion(role, self._start("convert", role, job), output)

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
        self._prepared_keys[role] = fingerprint({"model": model, **examples, "limits": limits})

    def quantised(self, role: str, recipes: Sequence[Recipe]) -> dict[Recipe, bytes | str]:
        """The .tflite of each recipe, or in one line why there is none.

        On a cluster several children make some each. Raises EdgeError if it is lost.
        """
        models: dict[Recipe, bytes | str] = {}
        for recipe in recipes:
            if recipe == FLOAT32:
                models[recipe] = (self._folder / f"{role}.tflite").read_bytes()
        keys = {r: key_of("quantised", self._prepared_keys[role], r.to_json()) for r in recipes}
        cached = {r: self.cache.load(keys[r]) for r in recipes if r not in models}
        models.update((recipe, model) for recipe, model in cached.items() if model is not None)
        waiting = [recipe for recipe in recipes if recipe not in models]
        children_count = min(self._remote.count if self._remote else 1, len(waiting))
        shares = [waiting[first::children_count] for first in range(children_count)]
        for share in self.at_once([partial(self._quantised, role, each) for each in shares]):
            models.update(share)
        for recipe in waiting:
            if isinstance(model := models[recipe], bytes):
                self.cache.store(keys[recipe], model)
        return models

    def at_once(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        """What each gives; if one fails, or at Ctrl-C, the jobs of all are ended."""
        with ThreadPoolExecutor(max(len(works), 1)) as pool:
            try:
                return [done.result() for done in [pool.submit(work) for work in works]]
            except BaseException:
                self._end()
                raise

    def _quantised(self, role: str, waiting: Sequence[Recipe]) -> dict[Recipe, bytes | str]:
        """One child makes all; if it dies, the next one goes on behind what was too much for it."""
        models: dict[Recipe, bytes | str] = {}
        while waiting:
            if self._ended:
                raise ModelError("the conversion was ended")
            outputs = {r: self._folder / f"{role}-{next(self._numbers)}.tflite" for r in waiting}
            job = [{"recipe": r.to_json(), "output": str(path)} for r, path in outputs.items()]
            child = self._start("quantise", role, {**self._prepared(role), "recipes": job})
            child.wait()
            finished = [recipe for recipe in waiting if outputs[recipe].exists()]
            models.update((recipe, outputs[recipe].read_bytes()) for recipe in finished)
            waiting = waiting[len(finished) :]
            if waiting:
                models[waiting[0]] = child.cause()
                waiting = waiting[1:]
        return models

    def layer_costs(
        self,
        role: str,
        on_layer: Callable[[int, int], None] = lambda count, total: None,
        recipe: Recipe = INT8,
    ) -> list[activations.LayerCost]:
        """What each layer in int8 costs a prepared part, on top of a recipe, the costliest first.

        Raises ModelError that says how the measurement ended.
        """

        def measure() -> bytes:
            """On each core, or worker, some of the layers; of large models on fewer."""
            size = (self._folder / f"{role}.tflite").stat().st_size
            fitting = max(min(CORES, _MODELS_AT_WORK // max(size, 1)), 1)
            step = self._remote.count if self._remote else fitting
            outputs = [
                self._folder / f"{role}-layers{next(self._numbers)}.json" for _ in range(step)
            ]
            running = []
            for first, output in enumerate(outputs):
                part = {"recipe": recipe.to_json(), "first": first, "step": step}
                job = {**self._prepared(role), **part, "output": str(output)}
                running.append(self._start("layer_costs", role, job))
            logs = [child.log for child in running]
            for number, (child, output) in enumerate(zip(running, outputs), 1):
                child.wait(lambda: _report_progress(logs, on_layer))
                if self._remote:  # whose logs come at the end
                    on_layer(number, step)
                if not output.exists():
                    raise ModelError(f"measuring the layers of the {role} failed: {child.cause()}")
            rows = [row for output in outputs for row in json.loads(output.read_text())]
            return json.dumps(rows).encode()

        key = key_of("layers", self._prepared_keys[role], recipe.to_json())
        rows = self.cache.result(key, measure)
        costs = [activations.LayerCost(*row) for row in json.loads(rows)]
        return sorted(costs, key=activations.LayerCost.rank)

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
        if self._remote and task in _REMOTE:
            log = self._folder / f"{role}-job{next(self._numbers)}.log"
            child = self._remote.start({"task": task, **fields}, self._folder, log)
            self._children.append(child.process)
            return child
        path = self._folder / f"{role}-job{next(self._numbers)}.json"
        path.write_text(json.dumps({"task": task, **fields}))
        return self.start("edge_convert.precision.worker", path)

    def start(self, module: str, *arguments: str | Path) -> children.Child:
        """Run `python -m module`, forked if a server runs; it is ended on leaving."""
        freed_memory.give_back()  # it may be what the child lacks
        log = self._folder / f"{module}-{next(self._numbers)}.log"
        child = fork_server.start(module, arguments, log) or children.start(module, arguments, log)
        self._children.append(child.process)
        return child

    def __enter__(self) -> "ConversionJobs":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def _end(self) -> None:
        self._ended = True
        for process in self._children:
            if process.poll() is None:
                process.kill()
            process.wait()


def _report_progress(logs: Sequence[Path], on_layer: Callable[[int, int], None]) -> None:
    texts = [log.read_text(errors="replace") for log in logs]
    lines = [re.findall(r"layer (\d+) of (\d+)", text)[-1:] for text in texts]
    if all(lines):
        on_layer(*(sum(int(line[0][i]) for line in lines) for i in (0, 1)))
