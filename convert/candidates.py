"""Where a network can be cut, what each cut would cost, and which one is taken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from convert.cost import of_call
from convert.framewise import Layout
from convert.graph import Call, calls
from convert.keras_model import window_shape
from convert.split import Followed, follow, frontier
from edge.errors import ModelError
from edge.text_table import text_table


@dataclass(frozen=True)
class Candidate:
    """A cut behind `behind`: the calls that stay in the encoder, and its cost.

    encoder_multiply_adds: a frame.  head_multiply_adds: a decision.
    ring_values: numbers that the ring keeps, T features.
    """

    behind: str
    keep: tuple[Call, ...]
    features: tuple[str, ...]
    encoder_multiply_adds: int
    head_multiply_adds: int
    ring_values: int

    @property
    def multiply_adds(self) -> int:
        """Of a frame that a decision is made on."""
        return self.encoder_multiply_adds + self.head_multiply_adds


def candidates(model: keras.Model) -> list[Candidate]:
    """All cuts along the way that single frames go, from the first to the last.

    Raises ModelError where there is none.
    """
    followed = follow(model)
    frontier(model, followed)  # says what stands in the way of every cut
    lengths = range(1, len(followed.calls) + 1)
    found = [_candidate(model, followed.up_to(model, length)) for length in lengths]
    return [candidate for candidate in found if candidate is not None]


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
    """The candidates for a person: work on both sides, memory of the ring, what is gained."""
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
        for c in found
    ]
    header = ("cut behind", "encoder", "head", "a frame", "at most", "ring kB", "features")
    note = (
        "encoder, head, a frame: million multiply-adds; at most: gain over the whole window a frame"
    )
    return text_table(header, rows) + f"\n{note}"


def _gain(candidate: Candidate, window: int) -> float:
    whole = window * candidate.encoder_multiply_adds + candidate.head_multiply_adds
    return whole / candidate.multiply_adds if candidate.multiply_adds else 1.0


def _candidate(model: keras.Model, followed: Followed) -> Candidate | None:
    """The cut that leaves these calls to the encoder, if it is one."""
    window = window_shape(model)[0]
    try:
        cut = frontier(model, followed)
    except ModelError:
        return None  # the raw frames are still read behind it
    inside = {id(call.node) for call in followed.calls}
    every = [call for call in calls(model) if isinstance(call, Call)]
    return Candidate(
        behind=followed.calls[-1].operation.name,
        keep=tuple(followed.calls),
        features=tuple(cut),
        encoder_multiply_adds=sum(of_call(call) for call in followed.calls) // window,
        head_multiply_adds=sum(of_call(call) for call in every if id(call.node) not in inside),
        ring_values=window * sum(_values(tensor, followed) for tensor in cut.values()),
    )


def _values(tensor: Any, followed: Followed) -> int:
    """Numbers of one frame's share of a feature."""
    shape = followed.known[id(tensor)].shape
    behind = 2 if followed.layouts[id(tensor)] is Layout.WINDOW else 1
    return math.prod(shape[behind:])
