"""Where a network can be cut, what each cut would cost, and which one is taken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from edge_common import ModelError, console
from edge_convert.cut.keras.cost import multiply_adds
from edge_convert.cut.keras.follow import FramePath, FrameStep, follow
from edge_convert.cut.keras.model import CallGraph, graph, window_shape
from edge_convert.cut.keras.split import Feature, cut_boundary, head_of, reached

MOST_ROWS = 12  # of a table that shows all


@dataclass(frozen=True)
class CutCandidate:
    """A cut behind `behind`: the steps that stay in the encoder, and its cost.

    encoder_multiply_adds: a frame.  head_multiply_adds: a decision.
    ring_values: numbers that the ring keeps, T features.
    reads_frames: the head reads the raw frames too.
    """

    behind: str
    keep: tuple[FrameStep, ...]
    features: tuple[str, ...]
    encoder_multiply_adds: int
    head_multiply_adds: int
    ring_values: int
    reads_frames: bool = False

    @property
    def multiply_adds(self) -> int:
        """Of a frame that a decision is made on."""
        return self.encoder_multiply_adds + self.head_multiply_adds


def candidates(model: keras.Model) -> list[CutCandidate]:
    """All cuts along the way that single frames go, from the first to the last.

    Raises ModelError if there is none.
    """
    network = graph(model)
    frame_path = follow(model, network)
    features = cut_boundary(model, network, frame_path)  # says what stands in the way of every cut
    raw = _reads_frames(features, frame_path)
    behind = _work_behind(model, network, frame_path)
    parts = [frame_path.up_to(length) for length in _lengths(frame_path)]
    cuts = [_candidate(model, network, part, frame_path, behind) for part in parts]
    return [c for c in cuts if c is not None and (raw or not c.reads_frames)]


def choose(cuts: Sequence[CutCandidate], behind: str | None = None) -> CutCandidate:
    """The cut with the least work a frame, or the one behind a layer.

    Among equals the last: what is not counted as multiply-adds is then done once a
    frame too, and not T times. Raises ModelError if no cut lies behind `behind`.
    """
    if behind is None:
        return min(reversed(cuts), key=lambda candidate: candidate.multiply_adds)
    for candidate in cuts:
        if candidate.behind == behind:
            return candidate
    names = ", ".join(candidate.behind for candidate in cuts)
    raise ModelError(f"no cut lies behind a layer '{behind}': choose one of {names}")


def table(cuts: Sequence[CutCandidate], selected: CutCandidate, window: int) -> str:
    """The candidates for a person: work on both sides, memory of the ring, what is gained.

    Of many, those are left out that another beats in work and in memory.
    """
    listed = cuts if len(cuts) <= MOST_ROWS else _unbeaten(cuts, selected)
    rows = [
        (
            f"{'>' if c is selected else ' '} {c.behind}",
            f"{c.encoder_multiply_adds / 1e6:.2f}",
            f"{c.head_multiply_adds / 1e6:.2f}",
            f"{c.multiply_adds / 1e6:.2f}",
            f"{_gain(c, window):.1f} x",
            f"{c.ring_values * 4 / 1e3:.1f}",
            len(c.features),
        )
        for c in listed
    ]
    header = ("cut behind", "encoder", "head", "a frame", "at most", "ring kB", "features")
    note = (
        "encoder, head, a frame: million multiply-adds; at most: gain over the whole window a frame"
    )
    if len(listed) < len(cuts):
        note += f"; {len(cuts) - len(listed)} cuts that need more work and memory are not shown"
    return console.text_table(header, rows) + f"\n{note}"


def _unbeaten(every: Sequence[CutCandidate], selected: CutCandidate) -> list[CutCandidate]:
    def cost(candidate: CutCandidate) -> tuple[int, int]:
        return candidate.multiply_adds, candidate.ring_values

    def beaten(candidate: CutCandidate) -> bool:
        costs = (cost(other) for other in every)
        return any(
            c != cost(candidate) and c[0] <= cost(candidate)[0] and c[1] <= cost(candidate)[1]
            for c in costs
        )

    return [candidate for candidate in every if candidate is selected or not beaten(candidate)]


def _gain(candidate: CutCandidate, window: int) -> float:
    whole = window * candidate.encoder_multiply_adds + candidate.head_multiply_adds
    return whole / candidate.multiply_adds if candidate.multiply_adds else 1.0


def _lengths(frame_path: FramePath) -> list[int]:
    """Where to stop following: where no frame has passed less than another."""
    last = {
        id(frame_path.frame_tensors[step.call.outputs[0]]): i
        for i, step in enumerate(frame_path.steps, 1)
    }
    return sorted(last.values())


def _work_behind(model: keras.Model, network: CallGraph, frame_path: FramePath) -> int:
    """Multiply-adds of a decision in the head behind all that single frames pass."""
    head = head_of(cut_boundary(model, network, frame_path), frame_path, window_shape(model)[0])
    tensors = reached(network, head.tensors, head.rebuilder)
    return sum(
        multiply_adds(
            call.operation,
            [tensors[value].shape for value in call.inputs],
            [tensors[value].shape for value in call.outputs],
        )
        for call in network.calls
        if not all(value in frame_path.frame_tensors for value in call.outputs)
    )


def _candidate(
    model: keras.Model, network: CallGraph, part: FramePath, frame_path: FramePath, behind: int
) -> CutCandidate | None:
    """The cut that leaves these calls to the encoder, if it is one."""
    try:
        features = cut_boundary(model, network, part)
    except ModelError:
        return None  # the raw frames are still all that is read behind it
    head_steps = frame_path.steps[len(part.steps) :]
    window = window_shape(model)[0]
    return CutCandidate(
        behind=part.steps[-1].call.operation.name,
        keep=tuple(part.steps),
        features=tuple(feature.name for feature in features),
        encoder_multiply_adds=sum(s.multiply_adds for s in part.steps if not s.reused),
        head_multiply_adds=behind + sum(s.multiply_adds * s.frames for s in head_steps),
        ring_values=window * sum(math.prod(feature.frame_tensor.shape) for feature in features),
        reads_frames=_reads_frames(features, part),
    )


def _reads_frames(features: Sequence[Feature], frame_path: FramePath) -> bool:
    return any(
        feature.frame_tensor is frame_path.frame_tensors[frame_path.source] for feature in features
    )
