"""The inputs of a network as its file describes them, and as its user does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

SAMPLING = r"linspace|last|every:([1-9]\d{0,3})"  # of a second input of images
Sizes = tuple[int | None, ...]


@dataclass(frozen=True)
class TensorForm:
    """One input as its file describes it.

    shape: with the batch; None stands for a size that is left open.  dtype: as numpy calls it.
    """

    name: str
    shape: Sizes
    dtype: str = "float32"

    @property
    def words(self) -> str:
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"[{sizes}] {self.dtype}"


@dataclass(frozen=True)
class InputRequest:
    """What a file is to be read as, and what fills the sizes that it leaves open.

    role: `encoder` or `head`; "": a whole network.  window: frames; 0: not said.
    size: height and width; (): not said.  clip: the shape of one calibration clip, (T, H, W, 3) or
    (T, F), which fills what nobody says; (): unknown.  clips: what it is of.  hint: what is known of
    clips that leave it open, in words.
    layout: of images, as in `layouts`; "": by their shape.  planes: what their channels are; (): grey
    or RGB.  constants: by the name of an input, the numbers that it always takes.  sampling: by the
    name of a second input of images, which frames of the window it takes.  given: by the name of an
    input that is given while the network runs, its unit.
    """

    role: str = ""
    window: int = 0
    size: tuple[int, ...] = ()
    clip: tuple[int, ...] = ()
    clips: str = ""
    hint: str = ""
    layout: str = ""
    planes: tuple[str, ...] = ()
    constants: Mapping[str, Sequence[float]] = field(default_factory=dict)
    sampling: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "InputRequest":
        """Of what `vars` gave, once it was JSON."""
        tuples = {name: tuple(fields[name]) for name in ("size", "clip", "planes")}
        return cls(**{**fields, **tuples})

    def of_role(self, role: str) -> "InputRequest":
        """The same of an encoder or a head, which looks at no images."""
        if role == "head":
            return replace(self, role=role, layout="", planes=())
        return replace(self, role=role, given={})

    def renamed(self, names: Mapping[str, str]) -> "InputRequest":
        """With other names for some inputs, {the user's: the file's}."""
        return replace(
            self,
            constants={names.get(name, name): each for name, each in self.constants.items()},
            sampling={names.get(name, name): each for name, each in self.sampling.items()},
            given={names.get(name, name): unit for name, unit in self.given.items()},
        )

    @property
    def channels(self) -> tuple[int, ...]:
        """How many images may have."""
        return (len(self.planes),) if self.planes else (1, 3)

    @property
    def frames(self) -> int | None:
        """Of a window, if somebody says it."""
        return self.window or (self.clip[0] if len(self.clip) == 4 else None)
