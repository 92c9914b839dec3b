"""One row from nothing to its figures, and all rows one after the other."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.utkface.boards import work_by_kernels
from benchmarks.utkface.conversion import Say, build_row
from benchmarks.utkface.figures import Failure, Figures, Found
from benchmarks.utkface.kept import Kept
from benchmarks.utkface.published import Published
from benchmarks.utkface.timed import time_row
from edge import flatbuffer
from edge.errors import EngineError, ModelError

Measure = Callable[[str], Figures]


def measure_row(key: str, kept: Kept, say: Say) -> Figures:
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


def all_rows(rows: Sequence[Published], kept: Kept, measure: Measure) -> Iterator[Found]:
    """Each row as soon as it is known; those that were finished before are not measured again.

    A row that fails does not end the others.
    """
    for row in rows:
        found = kept.find(row.key)
        if found is None:
            try:
                found = measure(row.key)
            except (ModelError, EngineError) as error:
                yield Failure(row.key, " ".join(str(error).split()))
                continue
            kept.keep(found)
        yield found
