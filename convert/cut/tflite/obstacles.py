"""What stands in the way of a cut, or of a later one, for a person."""

import math
from collections.abc import Sequence

from edge_common import ModelError
from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.candidates import CutCandidate
from edge_convert.cut.tflite.follow import FramePath
from edge_convert.cut.tflite.names import StepNames
from edge_convert.cut.tflite.past import Past


def refuse_answers_for_frames(path: FramePath) -> None:
    """Raises ModelError if an answer is given for every frame by itself, or none is for the window."""
    outputs = {int(index): path.contents.get(int(index)) for index in path.graph.outputs}
    for index, frames in outputs.items():
        of_one = frames is not None and not path.reach(frames.value)
        if frames is not None and (len(frames.frames) > 1 or (of_one and all(outputs.values()))):
            name = next(n for n, i in main_graph.outputs_of(path.root).items() if i == index)
            raise ModelError(
                f"the network answers '{name}' for every frame by itself, not for the "
                "window: end it with what looks over time (LSTM, mean, attention, ...)"
            )


def refuse_idle(path: FramePath, cuts: Sequence[CutCandidate]) -> None:
    """Raises ModelError if no cut saves work or memory."""
    window_values = math.prod(path.shape(path.source))
    mixers = mixing(path)
    if not mixers or any(
        cut.encoder_multiply_adds or cut.ring_values < window_values for cut in cuts
    ):
        return
    place = (
        f"behind '{cuts[-1].behind}', which costs nothing" if cuts else "straight from the input"
    )
    kind, name = mixers[0]
    raise ModelError(
        f"the graph cannot be cut: its {kind} ('{name}') reads several of the {path.window} frames at "
        f"once, {place}; all the work is done on the whole window. Put what a single frame can pass "
        "alone before it"
    )


def mixing(path: FramePath) -> list[tuple[str, str]]:
    """(kind, name) of the operators that read several frames at once, in the graph's order."""
    mixers = []
    for position, operator in enumerate(path.graph.operators):
        outputs = [int(index) for index in operator.outputs]
        reads = any(index in path.contents for index in main_graph.inputs_of(operator))
        if reads and not all(index in path.contents for index in outputs):
            name = main_graph.name_of(path.graph.tensors[outputs[0]]).split(";")[0]
            mixers.append((path.kind_at(position), name))
    return mixers


def notes_of_states(path: FramePath, candidate: CutCandidate, memory: Past) -> list[str]:
    """What the encoder keeps of the frames before, and what that makes of the answers."""
    if not candidate.state_values:
        return []
    back = max((path.reach(value) for value in candidate.values), default=0)
    size = f"{candidate.state_values * 4 / 1e3:.1f} kB of states in float32"
    if memory is Past.EXACT:
        return [
            f"cut inside: the encoder looks back {back} frames with {size}, one step a frame; its "
            "results are those of the window"
        ]
    return [
        f"carried state: the encoder looks back beyond the window with {size}, one step a frame; a "
        f"decision equals the window's only for the first {path.window} frames behind a restart"
    ]


def note_of_zeros(path: FramePath, candidate: CutCandidate, share: float) -> str:
    """What --carry-state would leave of the multiply-adds of a frame, and why it is not exact."""
    back = max((path.reach(value) for value in candidate.values), default=0)
    first, saving = min(back, path.window), f"with --carry-state a frame takes {100 * share:.0f} %"
    if any(step.loop for step in path.steps):
        return (
            f"{saving} of that work. Not exact: a recurrence that begins at 0 with the window's first frame "
            "would remember all frames since the last restart"
        )
    return (
        f"{saving} of that work. Not exact: layers over time see zeros before the window's first "
        f"frame, so that the first {first} of its {path.window} positions differ from what a stream has "
        f"there. Trained without that padding, on windows of {path.window + back} frames, or with those "
        "positions cropped, it is exact"
    )


MOST_NAMED = 3
_MUCH = 0.1  # of the work of a frame


def notes(path: FramePath, candidate: CutCandidate, names: StepNames) -> list[str]:
    """Why no later cut is exact, if much work is left behind this one."""
    mixers = list(dict.fromkeys(f"'{names.of(name)}'" for _, name in mixing(path)))
    if not mixers or candidate.head_multiply_adds < _MUCH * candidate.multiply_adds:
        return []
    more = f" and {len(mixers) - MOST_NAMED} more" if len(mixers) > MOST_NAMED else ""
    share = 100 * candidate.head_multiply_adds / candidate.multiply_adds
    return [
        f"{share:.0f} % of the work of a frame stays in the head: {', '.join(mixers[:MOST_NAMED])}{more} "
        "read several frames at once. What comes of them has other neighbours, or an edge, when the "
        "window moves on: a cut behind them would keep what is not true any more"
    ]
