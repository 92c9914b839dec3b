"""Another board played on this machine: its cores, its memory, and its predicted latency."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from devices.catalogue import profile_named
from devices.emulation.limits import confined, confinement
from devices.prediction.cores import processor_of
from devices.prediction.fitted import predicted
from devices.prediction.model import Latency
from devices.profile import Profile
from edge.bundle import Bundle
from edge.errors import EngineError
from edge.pacing import Pacer
from edge.work import estimated_work

PREFIX = "emulated:"


@dataclass(frozen=True)
class Predicted:
    """What stands behind figures that are none of this machine's.

    parts_ms: the latency that each part was held to.  late: the share of its invocations that
    ended more than 3 % later.
    """

    board: str
    title: str
    parts_ms: dict[str, Latency]
    late: dict[str, float]

    def __str__(self) -> str:
        parts = "; ".join(f"{role} {latency}" for role, latency in self.parts_ms.items())
        slow = [f"{role} {share:.0%}" for role, share in self.late.items() if share >= 0.01]
        lines = f"PREDICTED for {self.title}, not measured (90 % intervals): {parts}"
        if slow:
            lines += (
                f"\nwarning: this machine came more than 3 % late in {', '.join(slow)} of "
                "invocations: close other programs, or play a slower board"
            )
        return lines


@dataclass(frozen=True)
class EmulatedBoard:
    """A board whose predicted latency each part is held to. Whatever is timed so is predicted.

    threads: a part; no more than the board has cores.
    """

    profile: Profile
    threads: int

    @classmethod
    def named(cls, text: str, threads: int = 1) -> "EmulatedBoard":
        """From `emulated:pi-4`; raise EngineError or DeviceError where there is no such board."""
        if not text.startswith(PREFIX):
            raise EngineError(f"--device {text}: write {PREFIX}{text} to play that board here")
        profile = profile_named(text.removeprefix(PREFIX))
        processor_of(profile)  # raises where nothing can be predicted
        return cls(profile, min(threads, profile.cpu.cores))

    def latency(self, model: bytes) -> Latency:
        """Predicted, of one invocation; instructions are estimated from the operators."""
        work = estimated_work(model, processor_of(self.profile).core.kernels)
        return predicted(work, self.profile, self.threads)

    def pacer(self, model: bytes) -> Pacer:
        """What holds a part to that latency."""
        return Pacer(self.latency(model).ms)

    def predicted(self, bundle: Bundle, pacers: Mapping[str, Pacer]) -> Predicted:
        """What each part was held to so far."""
        models = {part.role: bundle.members[part.file] for part in bundle.manifest.parts}
        return Predicted(
            self.profile.name,
            self.profile.title,
            {role: self.latency(models[role]) for role in pacers},
            {role: pacer.late / max(pacer.invocations, 1) for role, pacer in pacers.items()},
        )

    @contextmanager
    def confined(self) -> Iterator[None]:
        """The block runs with no more cores and memory than the board's smallest version has."""
        with confined(confinement(self.profile)):
            yield
