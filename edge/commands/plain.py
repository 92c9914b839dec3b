"""What the command line says of how frames become a network's input, and of a plain .tflite."""

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge import shipped
from edge.input_spec import PLANES, InputOptions, Resize
from edge_common import ConfigError, EdgeError, command_line, console

if TYPE_CHECKING:
    from edge.bundle import Bundle

F = TypeVar("F", bound=Callable[..., Any])


class NumberList(tuple[float, ...]):
    """Numbers that are written as they are read: a board gets them on its command line."""

    def __str__(self) -> str:
        return ",".join(map(repr, self))


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """Finite numbers with commas between them; `most` at most, whole ones from 1 on if `sizes`."""

    name = "numbers"

    def __init__(self, most: int, sizes: bool = False) -> None:
        self._most, self._sizes = most, sizes

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(map(int if self._sizes else float, str(value).split(",")))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 224,224", param, ctx)
        numbers = NumberList(numbers)
        usable = all(number > 0 if self._sizes else math.isfinite(number) for number in numbers)
        if not usable or len(numbers) > self._most:
            self.fail(f"{value!r} are not up to {self._most} usable numbers", param, ctx)
        return numbers


class ResizeParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """How frames of another aspect come to the input's size."""

    name = "resize"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Resize:
        try:
            return value if isinstance(value, Resize) else Resize.parse(str(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def input_options(default_range: str) -> Callable[[F], F]:
    """Add what says how frames become a network's input, which becomes one `preprocessing`.

    default_range: of --input-range, for its help.
    """
    input_range = click.option(
        "--input-range",
        type=(command_line.FiniteFloat(), command_line.FiniteFloat()),
        metavar="LOW HIGH",
        help=f"Values that black and white have for the model. [default: {default_range}]",
    )

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapped(
            *args: Any,
            input_range: tuple[float, float] | None,
            mean: tuple[float, ...] | None,
            std: tuple[float, ...] | None,
            colour_order: str | None,
            resize: Resize,
            **more: Any,
        ) -> Any:
            stated = InputOptions(input_range, mean or (), std or (), colour_order, resize)
            return command(*args, preprocessing=stated, **more)

        for option in (_resize, _colour_order, _std, _mean, input_range):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[return-value]

    return decorate


_mean = click.option(
    "--mean",
    type=Numbers(len(PLANES)),
    metavar="R,G,B",
    help="What is taken off each channel, in the model's order, of pixels 0 to 255 (or of "
    "--input-range).",
)
_std = click.option(
    "--std",
    type=Numbers(len(PLANES)),
    metavar="R,G,B",
    help="What each channel is then divided by.",
)
_colour_order = click.option(
    "--colour-order",
    type=click.Choice(("RGB", "BGR"), case_sensitive=False),
    help="In which the model takes the channels; BGR if it was trained on frames as OpenCV reads "
    "them. [default: RGB]",
)
_resize = click.option(
    "--resize",
    type=ResizeParam(),
    default="stretch",
    show_default=True,
    metavar="stretch|letterbox[:LEVEL]|crop",
    help="How frames of another aspect come to the model's input: distorted, with borders (black, "
    "or of a LEVEL up to 255), or by their centre alone.",
)
_labels = click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False),
    help="Names for the outputs of a plain .tflite that have as many values, one a line.",
)
_input_size = click.option(
    "--input-size",
    type=Numbers(3, sizes=True),
    metavar="[T,]H,W",
    help="Frames (if several), height and width for a plain .tflite that leaves them open.",
)


_states = click.option(
    "--states",
    default="",
    metavar="IN=OUT,...|none",
    help="Inputs of a plain .tflite that take outputs of the frame before, by name or number, if "
    "that cannot be told from the file; IN=none stays 0, and `none` means all.",
)


@dataclass(frozen=True)
class PlainOptions:
    """What the command line says of a plain .tflite, and of nothing else.

    labels: a file of them.  size: (H, W) or (T, H, W).  states: pairs of inputs and outputs.
    """

    preprocessing: InputOptions = field(default_factory=InputOptions)
    labels: str | None = None
    size: tuple[int, ...] = ()
    states: str = ""

    def refuse_for(self, *bundles: str) -> None:
        """Raise UsageError if something is said, and all of these know it themselves."""
        if self == PlainOptions() or any(map(shipped.is_plain_tflite, bundles)):
            return
        raise click.UsageError(
            "--labels, --input-range, --mean, --std, --colour-order, --resize, --input-size and "
            "--states go with a plain .tflite; a bundle knows its own"
        )

    def open(
        self, bundle: str, runtime: str, opener: "Callable[[str], Bundle] | None" = None
    ) -> "Bundle":
        """A bundle by its path or name, or a plain .tflite, of which is said what was assumed.

        opener: which alone opens files, and may refuse them.

        Raises EdgeError.
        """
        if opener is None and shipped.is_shipped(bundle):
            from edge.bundle import open_bundle

            return open_bundle(bundle)
        from edge.bundle.plain_tflite import Description, open_any

        labels = _read_labels(self.labels) if self.labels else ()
        description = Description(
            **vars(self.preprocessing), labels=labels, size=self.size, states=self.states
        )
        opened = open_any(bundle, description, runtime=runtime, opener=opener)
        if opened.assumptions:
            console.note(f"{opened.manifest.name}: {opened.assumptions}")
        return opened

    @contextmanager
    def as_bundle(self, name: str, runtime: str) -> Iterator[str]:
        """The name under which other processes open the same without being told.

        A plain .tflite of which something is said stands in a bundle while the block runs.
        """
        if self == PlainOptions() or not shipped.is_plain_tflite(name):
            yield name
            return
        from edge.bundle import write_bundle

        bundle = self.open(name, runtime)
        with TemporaryDirectory(prefix="edge-bench-") as folder:
            path = Path(folder, f"{bundle.manifest.name}.edge")
            write_bundle(path, bundle.manifest, bundle.members)
            yield str(path)


def _read_labels(path: str) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise EdgeError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from error
    return [line.strip() for line in lines if line.strip()]


def plain_options(command: F) -> F:
    """Add what a plain .tflite may not say of itself, which becomes one `plain`."""

    @functools.wraps(command)
    def wrapped(
        *args: Any,
        preprocessing: InputOptions,
        labels: str | None,
        input_size: tuple[int, ...] | None,
        states: str,
        **more: Any,
    ) -> Any:
        plain = PlainOptions(preprocessing, labels, input_size or (), states)
        return command(*args, plain=plain, **more)

    described = input_options("what int8 spans; floats as the file's metadata says, else 0 1")
    return _labels(described(_input_size(_states(wrapped))))  # type: ignore[return-value]
