"""What a row would take on boards that are not here."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.tflite import flatbuffer
from edge.tflite.operators import estimated_work
from edge_common.errors import DeviceError, EngineError, ModelError
from edge_devices.prediction.cores import Work, processor_of
from edge_devices.prediction.fitted import predicted
from edge_devices.prediction.model import Latency
from edge_devices.profiles.catalogue import profiles
from edge_devices.profiles.profile import Profile
from examples.thesis_table.conversion import Say, build_row
from examples.thesis_table.rows import Failure, Figures, Published, RowCache, RowResult
from examples.thesis_table.timed import time_row


def work_by_kernels(models: Sequence[Path]) -> dict[str, Work]:
    """The work of one frame, all files together, for each kind of cores that boards have."""
    kinds = sorted({kernels_of(board) for board in profiles().values()} - {""})
    results: dict[str, Work] = {}
    for path in models:
        model = path.read_bytes()
        for kernels in kinds:
            work = estimated_work(model, kernels)
            results[kernels] = _both(results[kernels], work) if kernels in results else work
    return results


def kernels_of(board: Profile) -> str:
    """Empty if nothing can be predicted for the board."""
    try:
        return processor_of(board).core.kernels
    except DeviceError:
        return ""


def latency_on(board: Profile, results: Figures, threads: int) -> Latency | None:
    """Predicted milliseconds of a frame; None if nothing is known of the board's cores."""
    work = results.work.get(kernels_of(board))
    return None if work is None else predicted(work, board, threads)


def _both(one: Work, other: Work) -> Work:
    """One after the other on the same core."""
    return Work(
        one.instructions + other.instructions,
        one.weight_bytes + other.weight_bytes,
        one.tensor_bytes + other.tensor_bytes,
        one.operators + other.operators,
        one.counted and other.counted,
    )


Measure = Callable[[str], Figures]


def measure_row(key: str, kept: RowCache, say: Say) -> Figures:
    """Build, convert, time and count. Raises ModelError or EngineError."""
    started = time.monotonic()
    with TemporaryDirectory(prefix="building-", dir=kept.folder) as folder:
        built = build_row(key, Path(folder), say)
        models = [path for network in built for path in network.models]
        seconds = time.monotonic() - started
        say(f"{key}: timing int8, {kept.threads} thread{'s' * (kept.threads > 1)}")
        return Figures(
            key=key,
            networks=tuple(network.name for network in built),
            input=built[0].input,
            parameters=sum(network.parameters for network in built),
            multiply_adds=sum(flatbuffer.cost(p.read_bytes()).multiply_adds for p in models),
            size_bytes=sum(path.stat().st_size for path in models),
            timing=time_row(models, kept.threads),
            machine=kept.machine,
            seconds=seconds,
            work=work_by_kernels(models),
        )


def all_rows(rows: Sequence[Published], kept: RowCache, measure: Measure) -> Iterator[RowResult]:
    """Each row as soon as it is known; those that were finished before are not measured again.

    A row that fails does not end the others.
    """
    for row in rows:
        results = kept.find(row.key)
        if results is None:
            try:
                results = measure(row.key)
            except (ModelError, EngineError) as error:
                yield Failure(row.key, " ".join(str(error).split()))
                continue
            kept.keep(results)
        yield results
