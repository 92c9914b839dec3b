"""Another board emulated on this machine: its cores, its memory, and its predicted latency."""

import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edge.bundle import Bundle
from edge.tflite.operators import estimated_work
from edge_common import EngineError
from edge_devices import prediction, profiles
from edge_devices.detection.kernel_files import read_kilobytes

_LATE = 0.03  # of the target
_SPIN_S = 0.0003  # before the end: a sleep may come back so late


class LatencyThrottle:
    """Holds the end of each invocation back until its target.

    invocations, late: all, and those that ended more than 3 % after their target, because they took
    longer by themselves or found no core in time.
    """

    def __init__(
        self,
        target_ms: float,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.target_ms = target_ms
        self.invocations = self.late = 0
        self._clock, self._sleep = clock, sleep

    def start(self) -> float:
        """The time, in seconds, to be given to `finish`."""
        return self._clock()

    def finish(self, started: float) -> None:
        """Wait until the target has passed since `started`."""
        due = started + self.target_ms / 1e3
        remaining_s = due - self._clock()
        self.invocations += 1
        if remaining_s > _SPIN_S:
            self._sleep(remaining_s - _SPIN_S)
        while (now := self._clock()) < due:
            pass
        self.late += now - due > _LATE * self.target_ms / 1e3


PREFIX = "emulated:"


@dataclass(frozen=True)
class Predicted:
    """What stands behind figures that are none of this machine's.

    parts_ms: the latency that each part was held to.  late: the share of its invocations that
    ended more than 3 % later.
    """

    board: str
    title: str
    parts_ms: dict[str, prediction.Latency]
    late: dict[str, float]

    def __or__(self, other: "Predicted") -> "Predicted":
        """With the parts of another network on the same board."""
        parts_ms, late = self.parts_ms | other.parts_ms, self.late | other.late
        return replace(self, parts_ms=parts_ms, late=late)

    def __str__(self) -> str:
        parts = "; ".join(f"{role} {latency}" for role, latency in self.parts_ms.items())
        slow = [f"{role} {share * 100:.0f} %" for role, share in self.late.items() if share >= 0.01]
        lines = f"PREDICTED for {self.title}, not measured (90 % intervals): {parts}"
        if slow:
            lines += (
                f"\nwarning: this machine came more than 3 % late in {', '.join(slow)} of "
                "invocations: close other programs, or play a slower board"
            )
        return lines


@dataclass(frozen=True)
class ThrottledBoard:
    """A board whose predicted latency each part is held to. Whatever is timed so is predicted.

    threads: a part; no more than the board has cores.
    """

    profile: profiles.Profile
    threads: int

    @classmethod
    def named(cls, text: str, threads: int = 1) -> "ThrottledBoard":
        """From `emulated:pi-4`; raise EngineError or DeviceError if there is no such board."""
        if not text.startswith(PREFIX):
            raise EngineError(f"--device {text}: write {PREFIX}{text} to play that board here")
        profile = profiles.profile_named(text.removeprefix(PREFIX))
        prediction.processor_of(profile)  # raises if nothing can be predicted
        return cls(profile, min(threads, profile.cpu.cores))

    @property
    def basis(self) -> str:
        """A text that changes with all that its predictions rest on."""
        return repr((self.profile, self.threads, prediction.latency_model()))

    def latency(self, model: bytes) -> prediction.Latency:
        """Predicted, of one invocation; instructions are estimated from the operators."""
        work = estimated_work(model, prediction.processor_of(self.profile).core.kernels)
        return prediction.predicted(work, self.profile, self.threads)

    def throttle(self, model: bytes) -> LatencyThrottle:
        """What holds a part to that latency."""
        return LatencyThrottle(self.latency(model).ms)

    def predicted(self, bundle: Bundle, throttles: Mapping[str, LatencyThrottle]) -> Predicted:
        """What each part was held to so far."""
        models = {part.role: bundle.members[part.file] for part in bundle.manifest.parts}
        return Predicted(
            self.profile.name,
            self.profile.title,
            {role: self.latency(models[role]) for role in throttles},
            {
                role: throttle.late / max(throttle.invocations, 1)
                for role, throttle in throttles.items()
            },
        )

    @contextmanager
    def confined(self) -> Iterator[None]:
        """The block runs with no more cores and memory than the board's smallest version has."""
        with confined(confinement(self.profile)):
            yield


_STATUS = Path("proc/self/status")


@dataclass(frozen=True)
class Confinement:
    """What a process may use.  cores: their numbers here.

    address_space_bytes: of what is mapped already and the board's memory beyond what of it is in
    memory; a board's memory alone would not hold the libraries that are mapped and never touched.
    """

    cores: tuple[int, ...]
    address_space_bytes: int


def confinement(profile: profiles.Profile, root: Path = Path("/")) -> Confinement:
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


def _cores(profile: profiles.Profile, allowed: list[int]) -> tuple[int, ...]:
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
