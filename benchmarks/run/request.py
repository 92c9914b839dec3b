"""What a benchmark run is asked for."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from edge.stream import StreamOptions
from edge_benchmarks.measure.frames import BenchFrames
from edge_benchmarks.measure.timing import Plan
from edge_benchmarks.scenarios.base import Scenario
from edge_benchmarks.scenarios.cold import Cold
from edge_common.errors import ConfigError
from edge_common.files import cache_folder
from edge_devices.profiles.profile import Profile

BASELINE_WARMUP = 5  # a baseline's frame is slow and its caches are full after one


@dataclass(frozen=True)
class Baselines:
    """Slower ways to run the same network. model: the uncut network, if it is given.

    frames: enough of each.
    """

    model: Path | None = None
    frames: int = 100


@dataclass(frozen=True)
class Analyses:
    """What is looked into beside the clock. count_for: boards whose instructions are counted."""

    profile: bool = False
    roofline: bool = False
    engines: bool = False
    cross_check: bool = False
    count_for: tuple[Profile, ...] = ()


@dataclass(frozen=True)
class Request:
    """Single-stream is always measured; the rest only if it is named here.

    data: clips, for accuracy labelled ones.  clips: at most so many are answered.
    source: of the frames that are timed.  cache: of converted networks.
    processes: fresh ones whose shortest frames comparisons rest on.
    """

    bundle: str
    options: StreamOptions = field(default_factory=StreamOptions)
    data: Path | None = None
    clips: int | None = None
    source: str | None = None
    plan: Plan = field(default_factory=Plan)
    processes: int = 0
    baselines: Baselines | None = None
    scenarios: tuple[Scenario[Any], ...] = (Cold(),)
    analyses: Analyses = field(default_factory=Analyses)
    cache: Path = field(default_factory=lambda: cache_folder() / "baselines")

    @property
    def baseline_plan(self) -> Plan:
        """Of everything but the streamed network."""
        enough = self.baselines.frames if self.baselines else self.plan.frames
        return replace(self.plan, frames=min(self.plan.frames, enough), warmup=BASELINE_WARMUP)


def refuse_impossible(request: Request, frames: BenchFrames) -> None:
    """Raise ConfigError, before minutes of measuring, if a part of it cannot be had."""
    for scenario in request.scenarios:
        scenario.check(frames)
    _refuse_emulated(request)
    analyses, delegate = request.analyses, request.options.delegate
    inside = [name for name in ("profile", "cross_check") if getattr(analyses, name)]
    if inside and not delegate.is_the_runtimes_choice:
        raise ConfigError(
            f"{_flag(inside[0])} knows the runtime's own choice alone, not --delegate "
            f"{delegate.label}: leave one of them out"
        )


def _refuse_emulated(request: Request) -> None:
    """Refuse what looks at this machine in a run that emulates another."""
    has_model = request.baselines is not None and request.baselines.model is not None
    analyses = [each.name for each in fields(Analyses) if each.name != "count_for"]
    requested = ["model"] * has_model + [n for n in analyses if getattr(request.analyses, n)]
    if request.options.device and requested:
        raise ConfigError(
            f"{_flag(requested[0])} measures this machine, and --device "
            f"{request.options.device} emulates another: leave one of them out"
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
