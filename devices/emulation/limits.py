"""This process with no more cores and no more memory than a board has."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection.kernel_files import read_kilobytes
from edge_devices.profiles import Profile

_STATUS = Path("proc/self/status")


@dataclass(frozen=True)
class Confinement:
    """What a process may use.  cores: their numbers here.

    address_space_bytes: of what is mapped already and the board's memory beyond what of it is in
    memory; a board's memory alone would not hold the libraries that are mapped and never touched.
    """

    cores: tuple[int, ...]
    address_space_bytes: int


def confinement(profile: Profile, root: Path = Path("/")) -> Confinement:
    """What a board's smallest version leaves to this process, of what it may use itself."""
    allowed = sorted(os.sched_getaffinity(0))
    status = root / _STATUS
    mapped = read_kilobytes(status, "VmSize") or 0
    resident = read_kilobytes(status, "VmRSS") or 0
    memory_bytes = min(profile.memory.size_mib) * 2**20
    return Confinement(
        cores=_cores(profile, allowed),
        address_space_bytes=mapped + max(memory_bytes - resident, 0),
    )


def _cores(profile: Profile, allowed: list[int]) -> tuple[int, ...]:
    """Those that the profile keeps to, as far as there are so many here."""
    board = allowed[: profile.cpu.cores]
    preferred = tuple(board[number] for number in profile.run.affinity if number < len(board))
    return preferred or tuple(board)


@contextmanager
def confined(limits: Confinement) -> Iterator[None]:
    """Keep to the limits until the end of the block; then the former ones come back.

    Threads that run already keep their cores; new ones keep to these.
    """
    cores, (soft, hard) = os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_AS)
    ceilings = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    os.sched_setaffinity(0, limits.cores)
    resource.setrlimit(resource.RLIMIT_AS, (min([limits.address_space_bytes, *ceilings]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        os.sched_setaffinity(0, cores)
