"""Profile one part of a bundle, operator by operator."""

from benchmarks.profile.assembly import assemble
from benchmarks.profile.c_library import check_release
from benchmarks.profile.figures import PartProfile
from benchmarks.profile.recorder import RecordingPlan
from benchmarks.profile.recording import OnProgress, record_trace
from edge import runtimes
from edge.errors import EngineError
from edge.operators import read_operators
from edge.stream import EngineOptions


def profile_part(
    model: bytes,
    options: EngineOptions,
    plan: RecordingPlan = RecordingPlan(),
    on_progress: OnProgress = lambda done, total: None,
) -> PartProfile:
    """The time of each operator of a .tflite, as LiteRT's own profiler tells it.

    Raises EngineError, with the reason in one line, where it cannot be had: no LiteRT
    whose profiler is known, another runtime, an external delegate, a model that LiteRT
    does not run.
    """
    _check(options)
    trace = record_trace(model, options.threads, plan, on_progress)
    return assemble(read_operators(model), trace, options.threads)


def _check(options: EngineOptions) -> None:
    name = runtimes.load(options.runtime).name
    if name != "litert":
        raise EngineError(f"{name} has no profiler that can be reached: give --runtime litert")
    if not options.delegate.is_the_runtimes_choice:
        raise EngineError("the operators inside of an external delegate cannot be timed")
    check_release()
