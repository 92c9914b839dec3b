"""A row of the table: its networks built and converted in child processes, timed, predicted for boards.

The only file here that needs `convert`, and only once there is something to build.
"""

import json
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.tflite import flatbuffer, operators
from edge_common import DeviceError, EngineError, ModelError, write_whole
from edge_devices.prediction import cores, fitted
from edge_devices.prediction.model import Latency
from edge_devices.profiles import catalogue, profile
from examples.thesis_table.rows import Failure, Figures, Published, RowCache, RowResult
from examples.thesis_table.timed import time_row

if TYPE_CHECKING:
    from edge_convert.precision import jobs, recipes


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
    networks: list[Built] = []
    while not networks or len(networks) < _count(folder):
        networks.append(_build(row, len(networks), folder, say, width))
    return networks


def largest_child_bytes() -> int:
    """Resident memory of the largest process that was waited for until now."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _count(folder: Path) -> int:
    return int(json.loads((folder / "0" / "network.json").read_text())["networks"])


def _build(row: str, number: int, folder: Path, say: Say, width: float) -> Built:
    from edge_convert.precision import jobs, recipes

    own = folder / str(number)
    own.mkdir()
    with jobs.ConversionJobs(own) as converter:
        say(f"{row}: building network {number + 1}")
        options = ("--network", str(number), "--width", str(width))
        child = converter.start("edge_models.networks.comparison", row, own, *options)
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
            models.append(_convert(converter, own, piece, recipes.INT8))
    shape = next(iter(description_of["pieces"][0]["inputs"].values()))
    return Built(
        description_of["name"], description_of["parameters"], tuple(shape[1:]), tuple(models)
    )


def _convert(
    converter: "jobs.ConversionJobs", own: Path, piece: Mapping[str, Any], recipe: "recipes.Recipe"
) -> Path:
    name = piece["folder"]
    model = converter.saved_to_float(name, own / name).result()
    shutil.rmtree(own / name)
    (own / f"{name}-converted.tflite").unlink()
    noise = {of: _noise(shape) for of, shape in piece["inputs"].items()}
    pixels = {of: (0.0, 255.0) for of in noise if of in _FRAMES}
    converter.prepare(name, model, noise, pixels, least=1.0)
    del model  # half a gigabyte, while the quantiser works
    quantised = converter.quantised(name, [recipe])[recipe]
    (own / f"{name}.tflite").unlink()
    if isinstance(quantised, str):
        raise EngineError(f"quantising {name} of {own.name} failed: {quantised}")
    path = own / f"{name}-int8.tflite"
    write_whole(path, quantised)
    return path


def _noise(shape: list[int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (_EXAMPLES, *shape[1:])).astype(np.float32)


def work_by_kernels(models: Sequence[Path]) -> dict[str, cores.Work]:
    """The work of one frame, all files together, for each kind of cores that boards have."""
    kinds = sorted({kernels_of(board) for board in catalogue.profiles().values()} - {""})
    results: dict[str, cores.Work] = {}
    for path in models:
        model = path.read_bytes()
        for kernels in kinds:
            work = operators.estimated_work(model, kernels)
            results[kernels] = _both(results[kernels], work) if kernels in results else work
    return results


def kernels_of(board: profile.Profile) -> str:
    """Empty if nothing can be predicted for the board."""
    try:
        return cores.processor_of(board).core.kernels
    except DeviceError:
        return ""


def latency_on(board: profile.Profile, results: Figures, threads: int) -> Latency | None:
    """Predicted milliseconds of a frame; None if nothing is known of the board's cores."""
    work = results.work.get(kernels_of(board))
    return None if work is None else fitted.predicted(work, board, threads)


def _both(first: cores.Work, second: cores.Work) -> cores.Work:
    """One after the other on the same core."""
    return cores.Work(
        first.instructions + second.instructions,
        first.weight_bytes + second.weight_bytes,
        first.tensor_bytes + second.tensor_bytes,
        first.operators + second.operators,
        first.counted and second.counted,
    )


Measure = Callable[[str], Figures]


def measure_row(key: str, cache: RowCache, say: Say) -> Figures:
    """Build, convert, time and count. Raises ModelError or EngineError."""
    started = time.monotonic()
    with TemporaryDirectory(prefix="building-", dir=cache.folder) as folder:
        networks = build_row(key, Path(folder), say)
        models = [path for network in networks for path in network.models]
        seconds = time.monotonic() - started
        say(f"{key}: timing int8, {cache.threads} thread{'s' * (cache.threads > 1)}")
        return Figures(
            key=key,
            networks=tuple(network.name for network in networks),
            input=networks[0].input,
            parameters=sum(network.parameters for network in networks),
            multiply_adds=sum(flatbuffer.cost(p.read_bytes()).multiply_adds for p in models),
            size_bytes=sum(path.stat().st_size for path in models),
            timing=time_row(models, cache.threads),
            machine=cache.machine,
            seconds=seconds,
            work=work_by_kernels(models),
        )


def all_rows(rows: Sequence[Published], cache: RowCache, measure: Measure) -> Iterator[RowResult]:
    """Each row as soon as it is known; those that were finished before are not measured again.

    A row that fails does not end the others.
    """
    for row in rows:
        results = cache.find(row.key)
        if results is None:
            try:
                results = measure(row.key)
            except (ModelError, EngineError) as error:
                yield Failure(row.key, " ".join(str(error).split()))
                continue
            cache.keep(results)
        yield results
