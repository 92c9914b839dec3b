"""The ways of running one network that a run compares, `streamed` first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edge.bundle import Bundle
from edge.check import evaluate
from edge.stream import Stream, StreamOptions
from edge_benchmarks import record
from edge_benchmarks.measure import subjects, timing

# (windows (N, T, H, W, 3) uint8 RGB, after each window) -> {task: (N, k) float32}
Outputs = Callable[[np.ndarray, Callable[[], None]], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Target:
    """One way of running the network.

    subject: None if it cannot be measured; `not_measured` says why.
    outputs: what it answers to whole windows; None if that is known from another.
    exact: whether it is the float network that the others approximate.
    waits: whether it waits within a frame by design: for a delegate's library, or to emulate a board.
    """

    name: str
    subject: timing.Subject | None = None
    outputs: Outputs | None = None
    size_bytes: int | None = None
    exact: bool = False
    not_measured: str = ""
    waits: bool = False


def missing(name: str, reason: str) -> Target:
    """A way that could not be made ready."""
    return Target(name, not_measured=reason)


def bundle_target(
    name: str, bundle: Bundle, options: StreamOptions, *, exact: bool = False
) -> Target:
    """A bundle, cut or uncut, through a Stream. Raises EngineError if it does not load."""
    unpaced = replace(options, device="")  # an emulated board answers the same, only later
    return Target(
        name,
        subjects.StreamSubject(Stream(bundle, options)),
        lambda windows, on_window: evaluate.stream_outputs(bundle, windows, unpaced, on_window),
        sum(len(bundle.members[part.file]) for part in bundle.manifest.parts),
        exact,
        waits=_waits(options),
    )


def _waits(options: StreamOptions) -> bool:
    return options.delegate.is_library or bool(options.device)


def split_rerun_target(bundle: Bundle, options: StreamOptions) -> Target:
    """The bundle's two parts without a ring: its answers are the streamed ones."""
    name = record.SPLIT_RERUN
    if bundle.manifest.part("encoder") is None:
        return missing(name, "the bundle is not cut into an encoder and a head")
    size = sum(len(bundle.members[part.file]) for part in bundle.manifest.parts)
    subject = subjects.RerunSubject(evaluate.WindowRerun(bundle, options))
    return Target(name, subject, size_bytes=size, waits=_waits(options))
