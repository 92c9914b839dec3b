"""Click options that mean the same in every command, and errors as one line."""

import functools
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from edge.engine import runtimes
from edge.engine.delegate import DEFAULT, LIBRARIES, OF_THE_RUNTIME, Delegate
from edge_common.errors import DelegateError, DeviceError, EdgeError

F = TypeVar("F", bound=Callable[..., Any])

INTERRUPTED = 130
# what a board's installation leaves out, and the extra that brings it
EXTRAS = {
    **dict.fromkeys(("tensorflow", "keras", "litert_quantizer"), "convert"),
    **dict.fromkeys(
        ("onnx2tf", "onnx", "onnx_graphsurgeon", "onnxruntime", "onnxsim", "sng4onnx", "tf_keras"),
        "onnx",
    ),
    **dict.fromkeys(("litert_torch", "torch"), "torch"),
    "matplotlib": "report",
    "sklearn": "train",
}

runtime_option = click.option(
    "--runtime",
    type=click.Choice(runtimes.NAMES),
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
region_option = click.option(
    "--region",
    default="full",
    show_default=True,
    metavar="full|square|X,Y,W,H",
    help="Part of each frame that the network looks at, in pixels.",
)
device_option = click.option(
    "--device",
    default="",
    metavar="emulated:BOARD",
    help="Play a board: its cores, memory and *predicted* latency; `edge-devices list` shows all.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def engine_options(command: F) -> F:
    """Add --runtime, --threads, --delegate and --strict-delegate, as one value of `delegate`."""
    return runtime_option(threads_option(delegate_options(command)))


def one_line_errors(command: F) -> F:
    """Turn every EdgeError and DeviceError into one line on stderr and its exit code."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        hush_libraries()
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            return command(*args, **kwargs)
        except (EdgeError, DeviceError) as error:
            raise _failure(" ".join(str(error).split()), error.exit_code) from error
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").split(".")[0])
            if extra is None:
                raise
            raise _failure(
                f"this needs {error.name}: pip install 'edge-run[{extra}]'", 2
            ) from error
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:
            # the reader of our stdout left, as `head` does: nothing more to say
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise SystemExit(0) from None
        except MemoryError as error:
            raise _failure(
                "out of memory: close other programs, or take a larger board", 2
            ) from error
        except OSError as error:  # what no room expected: a full disk, a folder without rights
            where = f"{error.filename}: " if error.filename else ""
            reason = error.strerror or str(error)
            raise _failure(
                f"{where}{reason}; check the path, its rights and the free space", 2
            ) from error
        finally:
            signal.signal(signal.SIGTERM, before)

    return wrapped  # type: ignore[return-value]


def _interrupt(number: int, stack: object) -> None:
    """`kill` ends a command as cleanly as Ctrl-C does."""
    raise KeyboardInterrupt


def _failure(message: str, exit_code: int) -> click.ClickException:
    failure = click.ClickException(message)
    failure.exit_code = exit_code
    return failure


def hush_libraries() -> None:
    """Libraries log to stderr, where our one line belongs; a user's own setting wins."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def is_plain_tflite(path: str) -> bool:
    """Whether the user gave a third-party .tflite instead of a bundle."""
    return Path(path).suffix == ".tflite"


Function = TypeVar("F", bound=Callable[..., Any])


class DelegateParam(click.ParamType):
    """A delegate by name or path, with options behind a colon."""

    name = "delegate"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Delegate:
        if isinstance(value, Delegate):
            return value
        try:
            return Delegate.parse(str(value))
        except DelegateError as error:
            self.fail(str(error), param, ctx)


_named = click.option(
    "--delegate",
    type=DelegateParam(),
    default=DEFAULT,
    show_default=True,
    metavar="NAME|PATH[:KEY=VALUE,...]",
    help=f"Who computes: {', '.join((*OF_THE_RUNTIME, *LIBRARIES))}, or a delegate's library.",
)
_strict = click.option(
    "--strict-delegate",
    is_flag=True,
    help="Fail where the delegate cannot be used, instead of running without it.",
)


def delegate_options(command: Function) -> Function:
    """Add both; the command gets one `delegate`, which knows whether it is strict."""

    @functools.wraps(command)
    def wrapped(*args: Any, delegate: Delegate, strict_delegate: bool, **kwargs: Any) -> Any:
        return command(*args, delegate=replace(delegate, strict=strict_delegate), **kwargs)

    return _named(_strict(wrapped))  # type: ignore[return-value]
