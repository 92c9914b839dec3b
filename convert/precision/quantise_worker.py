"""The child process that quantises a float32 .tflite, and tries what comes out.

Run as `python -m edge_convert.precision.quantise_worker JOB.json`. It stands alone because a runtime
that meets a broken graph may end its process; what was done until then stays.
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common.errors import EngineError
from edge_common.files import write_whole
from edge_convert.precision.quantiser import quantised
from edge_convert.precision.ranges import observe
from edge_convert.precision.recipes import INT8, RANGES, Recipe
from edge_convert.precision.sensitivity import layer_costs


def main(job_path: str) -> None:
    """Do what the job asks for: convert by its recipes, or measure its layers."""
    job = json.loads(Path(job_path).read_text())
    model = Path(job["model"]).read_bytes()
    for entry in job["recipes"]:
        recipe = Recipe.from_json(entry["recipe"])
        ranges = _ranges(job, model)[recipe.ranges] if recipe.static else {}
        converted = quantised(model, recipe, ranges)
        with contextlib.suppress(EngineError):  # told by whoever loads it next
            Engine(converted).invoke()
        write_whole(Path(entry["output"]), converted)
    if job.get("layer_costs"):
        _measure_layers(job, model)


def _measure_layers(job: dict[str, Any], model: bytes) -> None:
    def tell(done: int, total: int) -> None:
        print(f"layer {done} of {total}", flush=True)  # noqa: T201  (read by the parent)

    costs = layer_costs(model, _examples(job), _ranges(job, model)[INT8.ranges], tell)
    rows = [(cost.layer, cost.operator, cost.snr_db) for cost in costs]
    write_whole(Path(job["layer_costs"]), json.dumps(rows).encode())


def _ranges(job: dict[str, Any], model: bytes) -> dict[str, dict[str, tuple[float, float]]]:
    """The ranges by each method; looked for once, then kept in a file."""
    kept = Path(job["ranges"])
    if not kept.exists():
        names = flatbuffer.tensor_names(model)
        fixed = {names[name]: tuple(limits) for name, limits in job["fixed"].items()}
        seen = observe(model, _examples(job))
        found = {m: seen.ranges(m, fixed, job["least"]) for m in RANGES}
        write_whole(kept, json.dumps(found).encode())
    return json.loads(kept.read_text())


def _examples(job: dict[str, Any]) -> dict[str, np.ndarray]:
    with np.load(job["examples"]) as arrays:
        return {name: arrays[name] for name in arrays.files}


if __name__ == "__main__":
    main(sys.argv[1])
