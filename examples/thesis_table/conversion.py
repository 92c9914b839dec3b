"""A row's networks as int8 .tflite, built and converted in child processes.

The only file here that needs `convert`, and only once there is something to build.
"""

import json
import resource
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_common.errors import EngineError, ModelError

if TYPE_CHECKING:
    from edge_convert.precision.jobs import ConversionJobs

_EXAMPLES = 2  # of noise: ranges decide answers, not time
_FRAMES = ("frame", "window")  # inputs that take pixels; other pieces take activations
_DISK_BYTES = 4 << 30  # the largest network three times
Say = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """One network. models: its int8 pieces, files, in the order in which they run."""

    name: str
    parameters: int
    input: tuple[int, ...]
    models: tuple[Path, ...]


def build_row(row: str, folder: Path, say: Say, width: float = 1.0) -> list[Built]:
    """Build and convert all networks of a row into `folder`, one in memory at a time.

    width: share of the filters of each layer, to try things out.  Raises ModelError or
    EngineError, which say how a child ended.
    """
    if shutil.disk_usage(folder).free < _DISK_BYTES:
        raise ModelError(f"{folder} has less than 4 GB of free space: give another --cache")
    built: list[Built] = []
    while not built or len(built) < _count(folder):
        built.append(_build(row, len(built), folder, say, width))
    return built


def largest_child_bytes() -> int:
    """Resident memory of the largest process that was waited for until now."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _count(folder: Path) -> int:
    return int(json.loads((folder / "0" / "network.json").read_text())["networks"])


def _build(row: str, number: int, folder: Path, say: Say, width: float) -> Built:
    from edge_convert.precision.jobs import ConversionJobs

    own = folder / str(number)
    own.mkdir()
    with ConversionJobs(own) as jobs:
        say(f"{row}: building network {number + 1}")
        options = ("--network", str(number), "--width", str(width))
        child = jobs.start("edge_models.networks.comparison", row, own, *options)
        child.wait()
        description = own / "network.json"
        if not description.exists():
            raise ModelError(f"building {row} failed: {child.cause()}")
        description_of = json.loads(description.read_text())
        models = []
        for place, piece in enumerate(description_of["pieces"], 1):
            of = (
                f" ({place} of {len(description_of['pieces'])})"
                if len(description_of["pieces"]) > 1
                else ""
            )
            say(f"{row}: converting {description_of['name']}{of}")
            models.append(_convert(jobs, own, piece))
    shape = next(iter(description_of["pieces"][0]["inputs"].values()))
    return Built(
        description_of["name"], description_of["parameters"], tuple(shape[1:]), tuple(models)
    )


def _convert(jobs: "ConversionJobs", own: Path, piece: Mapping[str, Any]) -> Path:
    from edge_convert.precision.recipes import INT8

    name = piece["folder"]
    model = jobs.saved_to_float(name, own / name).result()
    shutil.rmtree(own / name)
    (own / f"{name}-converted.tflite").unlink()
    noise = {of: _noise(shape) for of, shape in piece["inputs"].items()}
    pixels = {of: (0.0, 255.0) for of in noise if of in _FRAMES}
    jobs.prepare(name, model, noise, pixels, least=1.0)
    del model  # half a gigabyte, while the quantiser works
    quantised = jobs.quantised(name, [INT8])[INT8]
    (own / f"{name}.tflite").unlink()
    if isinstance(quantised, str):
        raise EngineError(f"quantising {name} of {own.name} failed: {quantised}")
    path = own / f"{name}-int8.tflite"
    path.write_bytes(quantised)
    return path


def _noise(shape: list[int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (_EXAMPLES, *shape[1:])).astype(np.float32)
