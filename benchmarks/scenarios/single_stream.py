"""single-stream: the next frame when the last is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge_benchmarks.measure.timing import Trial, alternate
from edge_benchmarks.scenarios.samples import FrameSamples, Interruptible, frame_samples


@dataclass(frozen=True)
class SingleStream:
    """samples: of each subject by its name.

    Of an interrupted run whole rounds are kept: half a round has nothing to be paired with.
    """

    samples: dict[str, FrameSamples] = field(default_factory=dict)
    complete: bool = True


def single_stream(
    trials: Mapping[str, Trial], rounds: int, on_round: Callable[[], None] = lambda: None
) -> SingleStream:
    """Warm all trials up, then measure them in turn, as often as `rounds` says."""
    with Interruptible() as run:
        alternate(list(trials.values()), rounds, on_round)
    measured = {name: trial.rounds for name, trial in trials.items() if trial.rounds}
    return SingleStream({n: frame_samples(taken) for n, taken in measured.items()}, run.complete)
