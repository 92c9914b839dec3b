"""What stands behind the options of edge-convert: their types, one for each form of value."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from edge.input_spec import PLANES
from edge_common import named_numbers, nearest_or_all
from edge_convert import input_forms, layouts

# spelled out, so that `--help` needs none of what the data sets need
NAMES = ("orl-motion:train", "orl-motion:test")


class ClipsParam(click.ParamType):
    """A path that exists, or one of NAMES."""

    name = "clips"

    def convert(
        self, value: str | Path, param: click.Parameter | None, context: click.Context | None
    ) -> Path:
        if Path(value).exists() or str(value) in NAMES:
            return Path(value)
        self.fail(
            f"there are no clips at '{value}': give a folder, an .npz or one of {', '.join(NAMES)}",
            param,
            context,
        )


class ImageSize(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """`96x128`: height and width, pixels."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", str(value))
        if not match:
            self.fail(f"{value!r} is no size: write height and width as 96x128.", param, context)
        return int(match[1]), int(match[2])


class CustomCodeParam(click.ParamType):
    """`FILE.py`, `FILE.py:FUNCTION`, or `-` if the model's file holds all its code."""

    name = "code"

    def convert(
        self, value: str, param: click.Parameter | None, context: click.Context | None
    ) -> str:
        file, _, function = value.partition(":")
        if file != "-" and not (file.endswith(".py") and Path(file).is_file()):
            self.fail(f"there is no Python file '{file}'", param, context)
        if function and (file == "-" or not function.isidentifier()):
            self.fail(f"'{value}' names no function: give FILE.py:FUNCTION", param, context)
        return value


class LayoutParam(click.ParamType):
    """`HWTC`: T, H, W and C once each; T and C may be missing."""

    name = "layout"

    def convert(
        self, value: str, param: click.Parameter | None, context: click.Context | None
    ) -> str:
        if value and not layouts.is_layout(value.upper()):
            self.fail(
                f"'{value}' is no layout: write the axes behind the batch in their order, H and W, T "
                "of several frames and C of channels, as in HWTC",
                param,
                context,
            )
        return value.upper()


class PlanesParam(click.ParamType):
    """`red,green,blue,alpha`: some of PLANES."""

    name = "planes"

    def convert(
        self,
        value: str | Sequence[str],
        param: click.Parameter | None,
        context: click.Context | None,
    ) -> tuple[str, ...]:
        names = tuple(value.split(",")) if isinstance(value, str) and value else tuple(value)
        for name in names:
            if name not in PLANES:
                self.fail(
                    f"there is no plane '{name}'{nearest_or_all(name, PLANES)}", param, context
                )
        return names


class GivenParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """`NAME` or `NAME=UNIT`: an input that is given while the network runs, and what in."""

    name = "input"

    def convert(
        self, value: object, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, separator, unit = str(value).partition("=")
        if not name or bool(separator) != bool(unit):
            self.fail(
                f"'{value}' is no input: write NAME, or NAME=UNIT as in speed=m/s", param, context
            )
        return name, unit


class ClipSamplingParam(click.ParamType):
    """`NAME=every:4`, `NAME=linspace` or `NAME=last`: which frames a second input of the clip takes."""

    name = "frames"

    def convert(
        self,
        value: str | tuple[str, str],
        param: click.Parameter | None,
        context: click.Context | None,
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, _, text = value.rpartition("=")
        if not name or not re.fullmatch(input_forms.SAMPLING, text):
            self.fail(
                f"'{value}' says of no input which frames it takes: write NAME=linspace, NAME=every:4 or "
                "NAME=last",
                param,
                context,
            )
        return name, text


def shape_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says the form of a network's inputs, as `InputRequest` takes it."""
    for option in reversed(_SHAPE_OPTIONS):
        command = option(command)
    return command


_SHAPE_OPTIONS = (
    click.option(
        "--window",
        type=click.IntRange(1, 10_000),
        metavar="T",
        help="Frames of a network that leaves their number open. [default: as many as clips of an .npz have]",
    ),
    click.option(
        "--size",
        type=ImageSize(),
        default=(),
        metavar="HxW",
        help="Height and width of images of a network that leaves them open. [default: as clips of an .npz]",
    ),
    click.option(
        "--layout",
        type=LayoutParam(),
        default="",
        metavar="HWTC",
        help="The axes of the images behind the batch, in their order: H, W, T of several frames, C of "
        "channels. [default: by their sizes]",
    ),
    click.option(
        "--planes",
        type=PlanesParam(),
        default=(),
        metavar="NAME,NAME,...",
        help=f"What the channels are, if neither grey nor RGB: {', '.join(PLANES)}.",
    ),
    click.option(
        "--constant",
        "constants",
        type=named_numbers.NamedNumbersParam(),
        multiple=True,
        metavar="NAME=NUMBER,...",
        help="What a second input always takes.",
    ),
    click.option(
        "--given",
        type=GivenParam(),
        multiple=True,
        metavar="NAME[=UNIT]",
        help="A second input whose numbers are given while it runs; clips are an .npz with an array of that "
        "name, (N, n).",
    ),
    click.option(
        "--clip-input",
        "sampling",
        type=ClipSamplingParam(),
        multiple=True,
        metavar="NAME=linspace|every:N|last",
        help="Which frames of the window a second input of images takes. [default: linspace, as SlowFast]",
    ),
)
