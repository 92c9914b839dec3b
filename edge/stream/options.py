"""How a bundle is run: one object from the command line to the engines, also into other processes."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edge.bundle import Bundle, GivenInput, Part
from edge.engine import EngineOptions
from edge.engine.engine import Engine
from edge.stream.given import given_values, refuse_missing
from edge.stream.preprocess import FULL, Region
from edge_common import BundleError, ConfigError

if TYPE_CHECKING:
    from edge.drift.image_statistics import ImageSampler
    from edge.emulated import ThrottledBoard


@dataclass(frozen=True)
class StreamOptions(EngineOptions):
    """How the parts are run, and on what.

    device: `emulated:BOARD` holds each part to that board's predicted latency; "" is this machine.
    timeout_s: how long an invocation may take, as in Engine.
    region: which part of each frame the network looks at.  hop: frames between two decisions.
    gate: whether frames that show nothing new pass without the encoder, if the bundle says which.
    window_pixels: whether decisions hold the frames that the network saw.
    image_statistics: whether some decisions say what frames look like, about two a second.
    inputs: what the network takes beside frames, by its inputs' names.
    """

    device: str = ""
    timeout_s: float | None = None
    region: Region = FULL
    hop: int = 1
    gate: bool = True
    window_pixels: bool = False
    image_statistics: bool = False
    inputs: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def for_clips(self) -> "StreamOptions":
        """The same for recorded clips: whole frames, every full window is decided on, none saved."""
        return replace(self, region=FULL, hop=1, gate=False)

    @property
    def arguments(self) -> list[str]:
        """What says the same on the command line of edge-run."""
        device = ["--device", self.device] if self.device else []
        region = ["--region", str(self.region)] if self.region != FULL else []
        hop = ["--hop", str(self.hop)] if self.hop != 1 else []
        engine = ["--runtime", self.runtime, "--threads", str(self.threads)]
        gate = [] if self.gate else ["--no-gate"]
        base = [*engine, *device, *self.delegate.arguments, *region, *hop, *gate]
        return [*base, *self.input_arguments]

    @property
    def input_arguments(self) -> list[str]:
        """What says `inputs` on a command line."""
        return [f"--input={name}={','.join(map(str, each))}" for name, each in self.inputs]

    def check_inputs(self, inputs: Sequence[GivenInput]) -> None:
        """Raises ConfigError if they are not those of a network, one is missing, or numbers do not fit."""
        names = [name for name, _ in self.inputs]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"the input '{twice}' is given twice: leave one --input out")
        refuse_missing(inputs, given_values(inputs, dict(self.inputs)))

    def with_inputs(self, values: Mapping[str, np.ndarray]) -> "StreamOptions":
        """The same with other inputs beside frames."""
        numbers = ((name, tuple(map(float, np.ravel(each)))) for name, each in values.items())
        return replace(self, inputs=tuple(numbers))

    @cached_property
    def board(self) -> "ThrottledBoard | None":
        """The board that is played. Raises EngineError or DeviceError if it cannot be."""
        if not self.device:
            return None
        from edge.emulated import ThrottledBoard

        return ThrottledBoard.named(self.device, self.threads)

    def confined(self) -> AbstractContextManager[None]:
        """The block has no more cores and memory than the board that is played."""
        return self.board.confined() if self.board else nullcontext()

    def image_sampler(self) -> "ImageSampler | None":
        """A new one, for one window; None: nobody wants statistics."""
        if not self.image_statistics:
            return None
        from edge.drift.image_statistics import ImageSampler

        return ImageSampler()

    def load(self, bundle: Bundle, part: Part) -> Engine:
        """Load one part; raise BundleError if it is not what the manifest says.

        What never ran here is run in a process of its own first. Raises EngineError if it crashes
        there, or the runtime or a strict delegate refuses it.
        """
        if bundle.is_foreign:
            from edge.engine import trial

            trial.require_parts(bundle, self.runtime)
        model, board = bundle.members[part.file], self.board
        engine = Engine(
            model,
            name=part.file,
            runtime=self.runtime,
            threads=board.threads if board else self.threads,
            delegate=self.delegate,
            throttle=board.throttle(model) if board else None,
            timeout_s=self.timeout_s,
        )
        manifest_tensors = [replace(tensor, name="") for tensor in (*part.inputs, *part.outputs)]
        engine_tensors = [replace(tensor, name="") for tensor in (*engine.inputs, *engine.outputs)]
        if manifest_tensors != engine_tensors:
            raise BundleError(
                f"{part.file}: its tensors are not as the manifest says; make it again"
            )
        return engine
