"""An encoder and a head of a float .tflite over a window, or why it stays one part."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edge.bundle import CarriedState
from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert.cut.tflite.candidates import CutCandidate, table
from edge_convert.cut.tflite.chain import chain
from edge_convert.cut.tflite.names import LayerNames
from edge_convert.cut.tflite.past import Past
from edge_convert.cut.tflite.split import cuttable_file
from edge_convert.precision.parts import FloatPart

_SINGLE_FRAME = "it looks at a single frame, so there is nothing to keep"


@dataclass(frozen=True)
class Halves:
    """The parts by role, the possible cuts, or why there is only one part.

    notes: what is to know of the cut.  of_states, states, is_carried: what the encoder keeps of the
    frames before, and whether it remembers more than the window.
    """

    whole: bytes
    reason: str = ""
    divided: Mapping[str, bytes] = field(default_factory=dict)
    candidates: tuple[CutCandidate, ...] = ()
    selected: CutCandidate | None = None
    notes: tuple[str, ...] = ()
    of_states: tuple[str, ...] = ()
    states: tuple[CarriedState, ...] = ()
    is_carried: bool = False

    @property
    def models(self) -> Mapping[str, bytes]:
        """Float .tflite by role."""
        return self.divided or {"model": self.whole}

    def behind(self, encoder: bytes) -> "Halves":
        """With a network of single frames before the frames of this one."""
        first, *rest = self.divided.items()
        return replace(self, divided={first[0]: chain(encoder, first[1]), **dict(rest)})

    def parts(self, given: tuple[str, ...], parameters: int | None = None) -> tuple[FloatPart, ...]:
        """parameters: of the original, if that is known.

        What TFLite folded into other weights of it counts for the first part.
        """
        models, states = self.models, {"encoder": self.states}
        counts = {role: flatbuffer.cost(model).parameters for role, model in models.items()}
        if parameters is not None:
            first = next(iter(counts))
            counts[first] = max(0, parameters - sum(counts.values()) + counts[first])
        last = list(models)[-1]
        return tuple(
            FloatPart(
                role, model, counts[role], states.get(role, ()), given if role == last else ()
            )
            for role, model in models.items()
        )

    def tell(self, progress: console.Progress) -> None:
        """Why there is one part, or what the encoder keeps."""
        if self.reason:
            progress.say(f"one part, no streaming: {self.reason}")
        for note in self.of_states:
            progress.say(note)

    def explanation(self, file: str, window: int) -> str:
        """The table of cuts, the selected one marked."""
        if self.selected is None:
            return f"{file} becomes one part: {self.reason}"
        cuts = table(self.candidates, self.selected, window)
        return "\n".join([cuts, *self.of_states, *self.notes])


def divided(
    model: bytes,
    window: int,
    *,
    layers: LayerNames | None = None,
    behind: str | None = None,
    carry: bool = False,
) -> Halves:
    """Cut a float32 .tflite behind a layer, or where it takes the least work.

    Raises ModelError if what is asked for, a cut or a state, is not there.
    """
    if window == 1:
        return Halves(model, _SINGLE_FRAME)
    try:
        cuttable = cuttable_file(model, layers, behind, carry)
    except ModelError as error:
        if carry or behind:
            raise
        return Halves(model, str(error))
    selected = cuttable.choose(behind)
    both = cuttable.split(selected)
    return Halves(
        model,
        divided={"encoder": both.encoder, "head": both.head},
        candidates=tuple(cuttable.candidates),
        selected=selected,
        notes=tuple(cuttable.notes(selected)),
        of_states=tuple(cuttable.notes_of_states(selected)),
        states=both.states,
        is_carried=bool(both.states) and cuttable.memory is Past.CARRIED,
    )
