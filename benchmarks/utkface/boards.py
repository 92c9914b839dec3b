"""What a row would take on boards that are not here."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.utkface.figures import Figures
from devices.catalogue import profiles
from devices.errors import DeviceError
from devices.prediction.cores import processor_of
from devices.prediction.fitted import predicted
from devices.prediction.model import Latency
from devices.prediction.work import Work
from devices.profile import Profile
from edge.work import estimated_work


def work_by_kernels(models: Sequence[Path]) -> dict[str, Work]:
    """The work of one frame, all files together, for each kind of cores that boards have."""
    kinds = sorted({kernels_of(board) for board in profiles().values()} - {""})
    found: dict[str, Work] = {}
    for path in models:
        model = path.read_bytes()
        for kernels in kinds:
            work = estimated_work(model, kernels)
            found[kernels] = _both(found[kernels], work) if kernels in found else work
    return found


def kernels_of(board: Profile) -> str:
    """Empty where nothing can be predicted for the board."""
    try:
        return processor_of(board).core.kernels
    except DeviceError:
        return ""


def latency_on(board: Profile, found: Figures, threads: int) -> Latency | None:
    """Predicted milliseconds of a frame; None where nothing is known of the board's cores."""
    work = found.work.get(kernels_of(board))
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
