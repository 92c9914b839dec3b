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
class CutParts:
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

    def behind(self, encoder: bytes) -> "CutParts":
        """With a network of single frames before the frames of this one."""
        (role, model), head = self.divided.items()
        return replace(self, divided={role: chain(encoder, model), **dict([head])})

    def parts(
        self, given_inputs: tuple[str, ...], parameters: int | None = None
    ) -> tuple[FloatPart, ...]:
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
                role,
                model,
                counts[role],
                states.get(role, ()),
                given_inputs if role == last else (),
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
) -> CutParts:
    """Cut a float32 .tflite behind a layer, or where it takes the least work.

    Raises ModelError if what is asked for, a cut or a state, is not there.
    """
    if window == 1:
        return CutParts(model, _SINGLE_FRAME)
    try:
        cuttable = cuttable_file(model, layers, behind, carry)
    except ModelError as error:
        if carry or behind:
            raise
        return CutParts(model, str(error))
    selected = cuttable.choose(behind)
    cut_file = cuttable.split(selected)
    return CutParts(
        model,
        divided={"encoder": cut_file.encoder, "head": cut_file.head},
        candidates=tuple(cuttable.candidates),
        selected=selected,
        notes=tuple(cuttable.notes(selected)),
        of_states=tuple(cuttable.notes_of_states(selected)),
        states=cut_file.states,
        is_carried=bool(cut_file.states) and cuttable.memory is Past.CARRIED,
    )
