"""Click options that mean the same in every command that runs a network."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from edge import engine
from edge_common import DelegateError, command_line, runtimes

DAY_S = 86_400
F = TypeVar("F", bound=Callable[..., Any])

runtime_option = click.option(
    "--runtime",
    type=click.Choice(("auto", *runtimes.RUNTIMES)),
    default="auto",
    show_default=True,
    help="TFLite runtime to use.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Threads a part; more is often slower.",
)


class RateParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """Frames a second for a network: None is what it was trained at, 0 all that come."""

    name = "rate"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if value in ("trained", "all"):
            return None if value == "trained" else 0.0
        return _POSITIVE.convert(value, param, ctx)


class HeatParam(RateParam):
    """Degrees Celsius from which on less is decided: None is when the board says so, 0 never."""

    name = "heat"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if value in ("board", "never"):
            return None if value == "board" else 0.0
        return _DEGREES.convert(value, param, ctx)


_DEGREES = command_line.FiniteFloat(30, 120)
heat_option = click.option(
    "--throttle-at",
    type=HeatParam(),
    default="board",
    show_default=True,
    metavar="board|never|CELSIUS",
    help="Decide less often of live sources while the board slows down for heat, or from so many "
    "degrees on, too.",
)
_POSITIVE = command_line.FiniteFloat(0, min_open=True)
hop_option = click.option(
    "--hop",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Frames that the network gets between decisions.",
)
rate_option = click.option(
    "--rate",
    type=RateParam(),
    metavar="trained|all|HZ",
    help="Frames a second that the network gets, of a source that has more: what it was trained at, "
    "all, or so many. [default: trained]",
)
region_option = click.option(
    "--region",
    default="full",
    show_default=True,
    metavar="full|square|X,Y,W,H",
    help="Part of each frame that the network looks at, in pixels.",
)
gate_option = click.option(
    "--no-gate",
    is_flag=True,
    help="Run the encoder also for frames that show nothing new, as far as the bundle can tell.",
)
sensitive_option = click.option(
    "--allow-sensitive",
    multiple=True,
    metavar="TASK",
    help="Answer this task though it infers race, emotion or the like, which is banned or limited in "
    "places (docs/privacy.md); may be given again.",
)
device_option = click.option(
    "--device",
    default="",
    metavar="emulated:BOARD",
    help="Emulate a board: its cores, memory and *predicted* latency; `edge-devices list` shows all.",
)


class DelegateParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """A delegate by name or path, with options behind a colon."""

    name = "delegate"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> engine.Delegate:
        if isinstance(value, engine.Delegate):
            return value
        try:
            return engine.Delegate.parse(str(value))
        except DelegateError as error:
            self.fail(str(error), param, ctx)


_named = click.option(
    "--delegate",
    type=DelegateParam(),
    default=engine.DEFAULT,
    show_default=True,
    metavar="NAME|PATH[:KEY=VALUE,...]",
    help=f"Who computes: {', '.join((*engine.OF_THE_RUNTIME, *engine.LIBRARIES))}, or a delegate's library.",
)
_strict = click.option(
    "--strict-delegate",
    is_flag=True,
    help="Fail if the delegate cannot be used, instead of running without it.",
)


def engine_options(command: F) -> F:
    """Add --runtime, --threads, --delegate and --strict-delegate, which become one `engine`."""

    @functools.wraps(command)
    def wrapped(
        *args: Any,
        runtime: str,
        threads: int,
        delegate: engine.Delegate,
        strict_delegate: bool,
        **more: Any,
    ) -> Any:
        strict = replace(delegate, strict=strict_delegate)
        return command(*args, engine=engine.EngineOptions(runtime, threads, strict), **more)

    for option in (_strict, _named, threads_option, runtime_option):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
