"""What a conversion is asked for: its options, and clips by path or by the name of a data set."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from edge.engine.delegate import Delegate
from edge.input_spec import InputOptions, InputSpec
from edge_common import (
    BundleError,
    ConfigError,
    SourceError,
    SourceLost,
    can_be_written,
    console,
)
from edge_convert.input_forms import InputRequest
from edge_convert.options import NAMES
from edge_convert.precision import recipes

if TYPE_CHECKING:
    from edge.bundle import GivenInput
    from edge.check.clips import Clips
    from edge.emulated import ThrottledBoard


USUAL_BOARD, HERE = "pi-4", "here"  # of --for


@dataclass(frozen=True)
class ConversionRequest:
    """What the user asked for.

    custom: the user's own code, `FILE.py`, `FILE.py:FUNCTION` or `-`.
    detection: a detector's, which says what its outputs are.
    encoder: what gives the features that `model` looks at, if that is a head.  feature: which of its
    outputs, if several fit.  window: frames; size: height and width; of a network that leaves them open.
    max_drop: points that any task may lose.  preprocessing: black and white are 0 and 255 by
    default, or what the integers of a quantised network's input span.  gate: whether the bundle gets
    a motion gate.  cache: whether results of earlier conversions are taken.  carry_state: whether the
    encoder may remember more than the window.
    board: whose predicted latency ranks precisions; "": USUAL_BOARD's; HERE: what is timed on this machine.
    scheduler: of a Dask cluster, whose workers convert candidates; "": this machine does.
    layout, planes, constants, sampling, given: as in InputRequest, of images and what stands beside them.
    """

    model: Path
    output: Path
    calibration: Path
    validation: Path | None = None
    golden: Path | None = None
    tasks: Path | None = None
    cut: str | None = None
    max_drop: float = 0.5
    encoder_precision: str = "auto"
    head_precision: str = "auto"
    preprocessing: InputOptions = field(default_factory=InputOptions)
    calibration_clips: int = 32
    search_clips: int | None = None
    seed: int = 0
    whole_window: bool = False
    gate: bool = True
    try_with: tuple[Path, ...] = ()
    try_delegate: tuple[Delegate, ...] = ()
    detection: Path | None = None
    encoder: Path | None = None
    feature: str = ""
    window: int | None = None
    size: tuple[int, ...] = ()
    custom: str | None = None
    cache: bool = False
    carry_state: bool = False
    board: str = ""
    layout: str = ""
    planes: tuple[str, ...] = ()
    constants: Sequence[tuple[str, tuple[float, ...]]] = ()
    sampling: Sequence[tuple[str, str]] = ()
    given: Sequence[tuple[str, str]] = ()
    scheduler: str = ""

    @cached_property
    def latency_board(self) -> "ThrottledBoard | None":
        """Whose latency counts; None: this machine's, also for int16x8, which nothing predicts.

        Raises DeviceError or ConfigError if nothing can be predicted of the board asked for.
        """
        is_unpredictable = recipes.INT16X8 in self.forced.values()
        if self.board == HERE or (is_unpredictable and not self.board):
            return None
        from edge.emulated import PREFIX, ThrottledBoard

        if is_unpredictable:
            raise ConfigError(
                f"nothing is predicted of {recipes.INT16X8}, which no kernel of XNNPACK computes: leave out "
                "--for, or that precision"
            )
        return ThrottledBoard.named(f"{PREFIX}{self.board or USUAL_BOARD}")

    @cached_property
    def inputs(self) -> InputRequest:
        """What fills sizes that the network leaves open: what is said, else what the clips have."""
        stated = InputRequest(
            window=self.window or 0,
            size=self.size,
            layout=self.layout,
            planes=self.planes,
            constants=dict(self.constants),
            sampling=dict(self.sampling),
            given=dict(self.given),
        )
        source = self.calibration
        if not source:
            return stated
        return replace(stated, clip=clip_shape(source), clips=source.name, hint=clip_hint(source))

    @property
    def forced(self) -> dict[str, str]:
        """Precisions that are not searched for, by role."""
        by_role = {
            "encoder": self.encoder_precision,
            "model": self.encoder_precision,
            "detector": self.encoder_precision,
            "head": self.head_precision,
        }
        return {role: precision for role, precision in by_role.items() if precision != "auto"}


def refuse_output(output: Path) -> None:
    """Raises BundleError if no bundle can be written."""
    if output.suffix != ".edge":
        raise BundleError(f"{output} is no name for a bundle: it ends in .edge")
    if not can_be_written(output):
        raise BundleError(f"{output} cannot be written: its folder is missing or read-only")


SEARCH_CLIPS, SEARCH_CLIPS_UNLABELLED = 1000, 32
SEARCH_WORK = 5 * 10**10  # multiply-adds of one candidate on unlabelled clips: some seconds


@dataclass(frozen=True)
class ConversionClips:
    """calibration, golden: drawn for their purpose.  validation: all labelled ones, if any.
    usual: all that calibrate, before some are drawn.
    scored: those of them that candidates are compared on; unlabelled, seen anew, if there are no others.
    held_out: that calibration does not see, if there are any.
    skipped: videos and folders of the calibration clips that gave no window.
    """

    calibration: "Clips"
    golden: "Clips"
    validation: "Clips | None"
    scored: "Clips"
    held_out: "Clips"
    usual: "Clips"
    skipped: int


def read_conversion_clips(
    request: ConversionRequest, window: int, spec: InputSpec, inputs: "Sequence[GivenInput]" = ()
) -> ConversionClips:
    """Raises ClipError or ConfigError if clips are of no use to calibrate."""
    from edge_convert.precision.calibration import refuse_unusable

    def read(source: Path) -> "Clips":
        return clips_of(source, window, spec, inputs)

    every = read(request.calibration)
    calibration = every.sample(request.calibration_clips, request.seed)
    refuse_unusable(calibration.windows, calibration.name)
    golden = read(request.golden) if request.golden else calibration
    validation = read(request.validation) if request.validation else None
    count = request.search_clips or (SEARCH_CLIPS if validation else SEARCH_CLIPS_UNLABELLED)
    scored = (validation or every).sample(count, request.seed)
    held_out = validation or every.others(request.calibration_clips, request.seed)
    return ConversionClips(calibration, golden, validation, scored, held_out, every, every.skipped)


def clip_shape(source: Path) -> tuple[int, ...]:
    """Of each clip in an `.npz`, (T, H, W, 3) or (T, F); () of all else, or if it holds none."""
    from edge_common import archives

    try:
        shapes = archives.array_shapes(source) if source.suffix == ".npz" else {}
    except (ValueError, OSError):  # who reads the clips says it
        return ()
    shape = shapes.get("clips", ())[1:]
    return shape if len(shape) in (2, 4) else ()


def clip_hint(source: Path) -> str:
    """What the first video or folder of frames holds; "" of all else, or if nothing reads it."""
    if not source.is_dir():
        return ""
    from edge import sources

    with suppress(SourceError, SourceLost, StopIteration):
        entries = sorted(source.glob("[!.]*"))
        with sources.open_source(str(entries[0] if entries else source)) as opened:
            height, width = next(iter(opened)).pixels.shape[:2]
            frames = f"{opened.total or 'many'} frames of {height}x{width}"
        return f" ({Path(opened.name).name} in {source.name} holds {frames}; a smaller size may do)"
    return ""


def with_clips_to_score(
    clips: ConversionClips,
    request: ConversionRequest,
    spec: InputSpec,
    work: int,
    progress: console.Progress,
) -> ConversionClips:
    """With as many unlabelled clips to score as the budget needs, of a large network fewer.

    These may be what the network was trained on: they are scored as if taken again.
    work: multiply-adds of a window.
    """
    from edge_convert.precision.calibration import seen_anew
    from edge_convert.precision.margins import clips_needed

    scored, needed = clips.scored, clips_needed(request.max_drop)
    if not (clips.validation or request.search_clips):
        count = max(SEARCH_CLIPS_UNLABELLED, min(needed, SEARCH_WORK // max(work, 1)))
        scored = clips.usual.sample(count, request.seed)
    if len(scored) < needed:
        progress.say(
            f"a budget of {request.max_drop:g} points needs {needed} clips; of {len(scored)} it is "
            "told by how far decisions lead"
        )
    if not clips.validation:
        scored = replace(scored, windows=seen_anew(scored.windows, spec))
    return replace(clips, scored=scored)


def clips_of(
    source: Path, window: int, spec: InputSpec, inputs: "Sequence[GivenInput]" = ()
) -> "Clips":
    """Windows of `window` frames in the size of the input. Raises ClipError, ConfigError.

    inputs: what is given beside them.
    """
    from edge.check.clips import read_clips_for, with_inputs

    if str(source) not in NAMES or source.exists() or spec.is_features:
        return read_clips_for(source, window, spec, inputs)
    from edge_models.datasets.named import named_clips

    return with_inputs(named_clips(str(source), window, spec.size, spec.resize), inputs)
