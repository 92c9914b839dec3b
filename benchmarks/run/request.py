"""What a benchmark run is asked for."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.stream.stream import EngineOptions
from edge_benchmarks.measure.frames import BenchFrames
from edge_benchmarks.measure.timing import Plan
from edge_common.errors import ConfigError
from edge_common.files import cache_folder
from edge_devices.profiles.profile import Profile

BASELINE_WARMUP = 5  # a baseline's frame is slow and its caches are full after one


@dataclass(frozen=True)
class Request:
    """Single-stream is always measured; the rest only where it is named here.

    scenarios: of `edge_benchmarks.commands.options.SCENARIOS`.  rate_hz: of frames in camera,
    capacity and soak (0: flat out, soak only); None is the bundle's own.
    streams: of multi-stream.
    count_for: boards whose instructions are counted.
    processes: fresh ones whose shortest frames comparisons rest on.
    """

    bundle: str
    options: EngineOptions = field(default_factory=EngineOptions)
    data: Path | None = None
    clips: int | None = None
    source: str | None = None
    baselines: bool = False
    model: Path | None = None
    cache: Path = field(default_factory=lambda: cache_folder() / "baselines")
    plan: Plan = field(default_factory=Plan)
    baseline_frames: int = 100
    cold_starts: int = 3
    processes: int = 0
    scenarios: tuple[str, ...] = ("cold",)
    rate_hz: float | None = None
    deadline_ms: float | None = None
    streams: int = 4
    stream_threads: bool = False
    soak_minutes: float = 10.0
    soak_interval_s: float = 10.0
    profile: bool = False
    roofline: bool = False
    engines: bool = False
    cross_check: bool = False
    count_for: tuple[Profile, ...] = ()

    @property
    def baseline_plan(self) -> Plan:
        """Of everything but the streamed network."""
        frames = min(self.plan.frames, self.baseline_frames)
        return replace(self.plan, frames=frames, warmup=BASELINE_WARMUP)


def refuse_impossible(request: Request, frames: BenchFrames) -> None:
    """Raise ConfigError, before minutes of measuring, where a part of it cannot be had."""
    if "pipeline" in request.scenarios and frames.uri is None:
        raise ConfigError("the pipeline scenario reads a recording: give --source")
    _refuse_unplayable(request)
    inside = [name for name in ("profile", "cross_check") if getattr(request, name)]
    delegate = request.options.delegate
    if inside and not delegate.is_the_runtimes_choice:
        option = inside[0].replace("_", "-")
        raise ConfigError(
            f"--{option} knows the runtime's own choice alone, not --delegate {delegate.label}: "
            "leave one of them out"
        )


_OF_THIS_MACHINE = ("model", "profile", "roofline", "engines", "cross_check")


def _refuse_unplayable(request: Request) -> None:
    asked = [name for name in _OF_THIS_MACHINE if getattr(request, name)]
    if request.options.device and asked:
        raise ConfigError(
            f"--{asked[0].replace('_', '-')} measures this machine, and --device "
            f"{request.options.device} plays another: leave one of them out"
        )
