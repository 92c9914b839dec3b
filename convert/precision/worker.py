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
from edge_convert import inputs
from edge_convert.precision import export
from edge_convert.precision.recipes import RANGES, Recipe

Job = dict[str, Any]


def main(job_path: str) -> None:
    """Do what the job's `task` names."""
    job = json.loads(Path(job_path).read_text())
    TASKS[job["task"]](job)


def _convert(job: Job) -> None:
    """`model` (a Keras file or a SavedModel folder) -> `output`, float32 or, with `examples`, int8.

    examples: an .npy (n, ...) float32 of the model's only input.  request: of a file that is a user's,
    what it is to be read as.
    """
    import tensorflow as tf

    path = Path(job["model"])
    examples = np.load(job["examples"]) if job["examples"] else None
    if path.is_dir():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path))
        converter.exclude_conversion_metadata = True  # two copies of the file fewer in memory
        converted = converter.convert()
    elif "request" in job:
        from edge_convert.sources import keras_file

        request = inputs.InputRequest.from_json(job["request"])
        converted = export.tflite_of(keras_file.over_one_window(path, request))
    else:
        import keras

        import edge_convert.sources.keras_layers  # noqa: F401  (layers of its own)

        converted = export.tflite_of(keras.models.load_model(path, compile=False), examples)
    write_whole(Path(job["output"]), converted)


def _quantise(job: Job) -> None:
    """`model` (a float32 .tflite) -> the `output` of each of `recipes`."""
    from edge_convert.precision import biases, quantiser

    for entry in job["recipes"]:
        recipe = Recipe.from_json(entry["recipe"])
        model, ranges = _calibrated(job, recipe)
        if recipe.only:
            converted = quantiser.only_one_quantised(model, recipe.only, ranges)
        else:
            converted = quantiser.quantised(model, recipe, ranges)
        if recipe.corrected:
            converted = biases.corrected(converted, model, _examples(job))
        with contextlib.suppress(EngineError):  # reported by whoever loads it next
            Engine(converted).invoke()
        write_whole(Path(entry["output"]), converted)


def _measure_layers(job: Job) -> None:
    """What every `step`th layer from `first` on costs in int8 on top of `recipe`, as JSON in `output`."""
    from edge_convert.precision.activations import layer_costs

    def report(count: int, total: int) -> None:
        print(f"layer {count} of {total}", flush=True)  # noqa: T201  (read by the parent)

    recipe = Recipe.from_json(job["recipe"])
    model, ranges = _calibrated(job, recipe)
    share = slice(job["first"], None, job["step"])
    costs = layer_costs(model, _examples(job), ranges, report, recipe.float_layers, share)
    rows = [(cost.layer, cost.operator, cost.snr_db) for cost in costs]
    write_whole(Path(job["output"]), json.dumps(rows).encode())


def _calibrated(job: Job, recipe: Recipe) -> tuple[bytes, dict[str, tuple[float, float]]]:
    """The float32 .tflite of a recipe, and the ranges of its activations if it needs some.

    Both are made once, then kept in files.
    """
    from edge_convert.precision import activations, equalise

    model = Path(job["model"]).read_bytes()
    form = "equalised" if recipe.equalised else "ranges"
    equalised_model, *ranges = kept_files(job)
    if recipe.equalised:
        path = equalised_model
        if not path.exists():
            some = {n: activations.spread(v, equalise.EXAMPLES) for n, v in _examples(job).items()}
            write_whole(path, equalise.equalised(model, some))
        model = path.read_bytes()
    if not recipe.static:
        return model, {}
    path = ranges[_FORMS.index(form)]
    if not path.exists():
        names = flatbuffer.tensor_names(model)
        fixed = {names.get(name, name): tuple(limits) for name, limits in job["fixed"].items()}
        observed = activations.observe(model, _examples(job))
        by_method = {m: observed.ranges(m, fixed, job["least"]) for m in RANGES}
        write_whole(path, json.dumps(by_method).encode())
    return model, json.loads(path.read_text())[recipe.ranges]


_FORMS = ("ranges", "equalised")


def kept_files(job: Job) -> list[Path]:
    """What jobs of one part make once: the equalised model, and the ranges of each form."""
    forms = (Path(job["ranges"]).with_suffix(f".{form}.json") for form in _FORMS)
    return [Path(job["model"]).with_suffix(".equalised"), *forms]


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
