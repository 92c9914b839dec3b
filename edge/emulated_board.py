"""Another board played on this machine: its cores, its memory, and its predicted latency."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from devices.catalogue import profile_named
from devices.emulation.limits import confined, confinement
from devices.prediction.cores import processor_of
from devices.prediction.fitted import predicted
from devices.prediction.model import Latency
from devices.profile import Profile
from edge.errors import EngineError
from edge.pacing import Pacer
from edge.work import estimated_work

PREFIX = "emulated:"


@dataclass(frozen=True)
class EmulatedBoard:
    """A board whose predicted latency each part is held to. Whatever is timed so is predicted."""

    profile: Profile

    @classmethod
    def named(cls, text: str) -> "EmulatedBoard":
        """From `emulated:pi-4`; raise EngineError or DeviceError where there is no such board."""
        if not text.startswith(PREFIX):
            raise EngineError(f"--device {text}: write {PREFIX}{text} to play that board here")
        profile = profile_named(text.removeprefix(PREFIX))
        processor_of(profile)  # raises where nothing can be predicted
        return cls(profile)

    def __str__(self) -> str:
        return f"{PREFIX}{self.profile.name}"

    def threads(self, wanted: int) -> int:
        """No more than the board has cores."""
        return min(wanted, self.profile.cpu.cores)

    def latency(self, model: bytes, threads: int) -> Latency:
        """Predicted, of one invocation; instructions are estimated from the operators."""
        work = estimated_work(model, processor_of(self.profile).core.kernels)
        return predicted(work, self.profile, threads)

    def pacer(self, model: bytes, threads: int) -> Pacer:
        """What holds a part to that latency."""
        return Pacer(self.latency(model, threads).ms)

    @contextmanager
    def confined(self) -> Iterator[None]:
        """The block runs with no more cores and memory than the board's smallest version has."""
        with confined(confinement(self.profile)):
            yield
