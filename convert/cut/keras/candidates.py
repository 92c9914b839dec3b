"""Where a network can be cut, what each cut would cost, and which one is taken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from edge_common.console import text_table
from edge_common.errors import ModelError
from edge_convert.cut.keras.boundary import Feature, frontier
from edge_convert.cut.keras.cost import multiply_adds
from edge_convert.cut.keras.follow import Followed, Step, follow
from edge_convert.cut.keras.graph import Graph, graph
from edge_convert.cut.keras.model import window_shape
from edge_convert.cut.keras.split import head_of, reached

MOST_ROWS = 12  # of a table that shows all


@dataclass(frozen=True)
class Candidate:
    """A cut behind `behind`: the steps that stay in the encoder, and its cost.

    encoder_multiply_adds: a frame.  head_multiply_adds: a decision.
    ring_values: numbers that the ring keeps, T features.
    reads_frames: the head reads the raw frames too.
    """

    behind: str
    keep: tuple[Step, ...]
    features: tuple[str, ...]
    encoder_multiply_adds: int
    head_multiply_adds: int
    ring_values: int
    reads_frames: bool = False

    @property
    def multiply_adds(self) -> int:
        """Of a frame that a decision is made on."""
        return self.encoder_multiply_adds + self.head_multiply_adds


def candidates(model: keras.Model) -> list[Candidate]:
    """All cuts along the way that single frames go, from the first to the last.

    Raises ModelError where there is none.
    """
    network = graph(model)
    followed = follow(model, network)
    features = frontier(model, network, followed)  # says what stands in the way of every cut
    raw = _reads_frames(features, followed)
    behind = _work_behind(model, network, followed)
    parts = [followed.up_to(length) for length in _lengths(followed)]
    found = [_candidate(model, network, part, followed, behind) for part in parts]
    return [c for c in found if c is not None and (raw or not c.reads_frames)]


def choose(found: Sequence[Candidate], behind: str | None = None) -> Candidate:
    """The cut with the least work a frame, or the one behind a layer.

    Among equals the last: what is not counted as multiply-adds is then done once a
    frame too, and not T times. Raises ModelError where no cut lies behind `behind`.
    """
    if behind is None:
        return min(reversed(found), key=lambda candidate: candidate.multiply_adds)
    for candidate in found:
        if candidate.behind == behind:
            return candidate
    names = ", ".join(candidate.behind for candidate in found)
    raise ModelError(f"no cut lies behind a layer '{behind}': choose one of {names}")


def table(found: Sequence[Candidate], chosen: Candidate, window: int) -> str:
    """The candidates for a person: work on both sides, memory of the ring, what is gained.

    Of many, those are left out that another beats in work and in memory.
    """
    shown = found if len(found) <= MOST_ROWS else _unbeaten(found, chosen)
    rows = [
        (
            f"{'>' if c is chosen else ' '} {c.behind}",
            f"{c.encoder_multiply_adds / 1e6:.2f}",
            f"{c.head_multiply_adds / 1e6:.2f}",
            f"{c.multiply_adds / 1e6:.2f}",
            f"{_gain(c, window):.1f} x",
            f"{c.ring_values * 4 / 1e3:.1f}",
            len(c.features),
        )
        for c in shown
    ]
    header = ("cut behind", "encoder", "head", "a frame", "at most", "ring kB", "features")
    note = (
        "encoder, head, a frame: million multiply-adds; at most: gain over the whole window a frame"
    )
    if len(shown) < len(found):
        note += f"; {len(found) - len(shown)} cuts that need more work and memory are not shown"
    return text_table(header, rows) + f"\n{note}"


def _unbeaten(found: Sequence[Candidate], chosen: Candidate) -> list[Candidate]:
    def cost(candidate: Candidate) -> tuple[int, int]:
        return candidate.multiply_adds, candidate.ring_values

    def beaten(one: Candidate) -> bool:
        costs = (cost(other) for other in found)
        return any(c != cost(one) and c[0] <= cost(one)[0] and c[1] <= cost(one)[1] for c in costs)

    return [candidate for candidate in found if candidate is chosen or not beaten(candidate)]


def _gain(candidate: Candidate, window: int) -> float:
    whole = window * candidate.encoder_multiply_adds + candidate.head_multiply_adds
    return whole / candidate.multiply_adds if candidate.multiply_adds else 1.0


def _lengths(followed: Followed) -> list[int]:
    """Where to stop following: where no frame has passed less than another."""
    last = {id(followed.twins[step.call.outputs[0]]): i for i, step in enumerate(followed.steps, 1)}
    return sorted(last.values())


def _work_behind(model: keras.Model, network: Graph, followed: Followed) -> int:
    """Multiply-adds of a decision in the head behind all that single frames pass."""
    head = head_of(frontier(model, network, followed), followed, window_shape(model)[0])
    found = reached(network, head.known, head.assembly)
    return sum(
        multiply_adds(
            call.operation,
            [found[value].shape for value in call.inputs],
            [found[value].shape for value in call.outputs],
        )
        for call in network.calls
        if not all(value in followed.twins for value in call.outputs)
    )


def _candidate(
    model: keras.Model, network: Graph, part: Followed, followed: Followed, behind: int
) -> Candidate | None:
    """The cut that leaves these calls to the encoder, if it is one."""
    try:
        features = frontier(model, network, part)
    except ModelError:
        return None  # the raw frames are still all that is read behind it
    left = followed.steps[len(part.steps) :]
    window = window_shape(model)[0]
    return Candidate(
        behind=part.steps[-1].call.operation.name,
        keep=tuple(part.steps),
        features=tuple(feature.name for feature in features),
        encoder_multiply_adds=sum(s.multiply_adds for s in part.steps if not s.again),
        head_multiply_adds=behind + sum(s.multiply_adds * s.frames for s in left),
        ring_values=window * sum(math.prod(feature.twin.shape) for feature in features),
        reads_frames=_reads_frames(features, part),
    )


def _reads_frames(features: Sequence[Feature], followed: Followed) -> bool:
    return any(feature.twin is followed.twins[followed.source] for feature in features)
