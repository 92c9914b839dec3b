"""The child process that converts and quantises, and tries what comes out.

Run as `python -m edge_convert.precision.worker JOB.json`. It stands alone because a converter
or a runtime that meets a broken graph may end its process, and because its memory is given
back only at exit; what was written until then stays.
"""

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common import EngineError, write_whole
from edge_convert.precision import export
from edge_convert.precision.recipes import INT8, RANGES, Recipe

Job = dict[str, Any]


def main(job_path: str) -> None:
    """Do what the job's `task` names."""
    job = json.loads(Path(job_path).read_text())
    TASKS[job["task"]](job)


def _convert(job: Job) -> None:
    """`model` (a .keras file or a SavedModel folder) -> `output`, float32 or, with `examples`, int8.

    examples: an .npy (n, ...) float32 of the model's only input.
    """
    import tensorflow as tf

    path = Path(job["model"])
    examples = np.load(job["examples"]) if job["examples"] else None
    if path.is_dir():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path))
        converter.exclude_conversion_metadata = True  # two copies of the file fewer in memory
        converted = converter.convert()
    else:
        import keras

        import edge_convert.sources.keras_layers  # noqa: F401  (layers of its own)

        converted = export.tflite_of(keras.models.load_model(path, compile=False), examples)
    write_whole(Path(job["output"]), converted)


def _quantise(job: Job) -> None:
    """`model` (a float32 .tflite) -> the `output` of each of `recipes`."""
    from edge_convert.precision.quantiser import quantised

    model = Path(job["model"]).read_bytes()
    for entry in job["recipes"]:
        recipe = Recipe.from_json(entry["recipe"])
        ranges = _ranges(job, model)[recipe.ranges] if recipe.static else {}
        converted = quantised(model, recipe, ranges)
        with contextlib.suppress(EngineError):  # reported by whoever loads it next
            Engine(converted).invoke()
        write_whole(Path(entry["output"]), converted)


def _measure_layers(job: Job) -> None:
    """`model` (a float32 .tflite) -> what each layer costs in int8, as JSON in `output`."""
    from edge_convert.precision.activations import layer_costs

    def report(count: int, total: int) -> None:
        print(f"layer {count} of {total}", flush=True)  # noqa: T201  (read by the parent)

    model = Path(job["model"]).read_bytes()
    costs = layer_costs(model, _examples(job), _ranges(job, model)[INT8.ranges], report)
    rows = [(cost.layer, cost.operator, cost.snr_db) for cost in costs]
    write_whole(Path(job["output"]), json.dumps(rows).encode())


def _ranges(job: Job, model: bytes) -> dict[str, dict[str, tuple[float, float]]]:
    """The ranges by each method; observed once, then cached in a file."""
    from edge_convert.precision.activations import observe

    cache = Path(job["ranges"])
    if not cache.exists():
        names = flatbuffer.tensor_names(model)
        fixed = {names[name]: tuple(limits) for name, limits in job["fixed"].items()}
        activations = observe(model, _examples(job))
        by_method = {m: activations.ranges(m, fixed, job["least"]) for m in RANGES}
        write_whole(cache, json.dumps(by_method).encode())
    return json.loads(cache.read_text())


def _examples(job: Job) -> dict[str, np.ndarray]:
    with np.load(job["examples"]) as arrays:
        return {name: arrays[name] for name in arrays.files}


TASKS: dict[str, Callable[[Job], None]] = {
    "convert": _convert,
    "quantise": _quantise,
    "layer_costs": _measure_layers,
}

if __name__ == "__main__":
    main(sys.argv[1])
