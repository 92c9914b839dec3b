"""What the commands of all rooms share: groups, the option --json, and errors as one line."""

import contextlib
import functools
import math
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, ParamSpec, TypeVar

import click

from edge_common import console
from edge_common.errors import EdgeError

P = ParamSpec("P")
R = TypeVar("R")

INTERRUPTED = 130
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)
MOST_IMAGE_PIXELS = 1 << 27  # 400 MB as BGR; no camera's sensor has more
# what a board's installation leaves out, and the extra that brings it
EXTRAS = {
    **dict.fromkeys(("tensorflow", "keras", "litert_quantizer", "tf_keras"), "convert"),
    **dict.fromkeys(
        ("onnx2tf", "onnx", "onnx_graphsurgeon", "onnxruntime", "onnxsim", "sng4onnx"), "onnx"
    ),
    **dict.fromkeys(("litert_torch", "torch"), "torch"),
    "cryptography": "signatures",
    "ansible": "fleet",
    **dict.fromkeys(("dask", "distributed", "fsspec", "pyarrow"), "batch"),
    "av": "clips",
    "matplotlib": "report",
    "sklearn": "train",
}
# shared libraries that slim systems lack, and the Debian package that holds each
_DEBIAN = {"libgomp": "libgomp1", "libstdc++": "libstdc++6"}
_DESKTOP = ("libGL", "libgthread", "libglib", "libxcb", "libX", "libSM", "libICE")
_DESKTOP_PACKAGES = "libgl1 libglib2.0-0 libsm6"
# both OpenCVs write into the folder cv2, and removing one of them takes it away
HEADLESS_FILES = "pip install --force-reinstall --no-deps opencv-python-headless"
WINDOW_FILES = "pip install --force-reinstall --no-deps opencv-python"

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
scheduler_option = click.option(
    "--scheduler",
    default="",
    metavar="tcp://HOST:PORT",
    help="Let the workers of this Dask cluster do it (docs/batch.md). [default: this machine]",
)


class FiniteFloat(click.FloatRange):
    """A number in a range, or any; `nan`, which is in every range, and `inf` are none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return float(number)


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn every EdgeError, and what no room expected, into one line on stderr and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        silence_libraries()
        console.speak_when_dying()
        endings = _ENDINGS if threading.current_thread() is threading.main_thread() else ()
        before = {number: signal.getsignal(number) for number in endings}
        for number in endings:
            if before[number] != signal.SIG_IGN:  # as nohup sets it
                signal.signal(number, _interrupt)
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):  # the terminal may be gone
                click.echo("Interrupted.", err=True)
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:
            # the reader of our stdout left, as `head` does: nothing more to say
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise SystemExit(0) from None
        except (EdgeError, ImportError, MemoryError, OSError) as error:
            message = _message(error)
            if not message:
                raise
            code = error.exit_code if isinstance(error, EdgeError) else 2
            raise CommandFailed(console.visible(message), code) from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    return wrapped


class CommandFailed(click.ClickException):
    """One line, and the exit code of the command."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it of the instance

    def show(self, file: IO[Any] | None = None) -> None:
        text = f"{console.journal_prefix(console.ERROR)}Error: {self.format_message()}"
        click.echo(text, file=file, err=file is None)


def _interrupt(number: int, stack: object) -> None:
    """`kill`, or a terminal that is closed, ends a command as cleanly as Ctrl-C does.

    Once: a shell and its terminal both tell, and the outputs are to be completed.
    """
    for each in _ENDINGS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _message(error: Exception) -> str:
    """What went wrong and what to do; empty for a module that no extra brings: that is a bug."""
    if isinstance(error, ModuleNotFoundError):
        if error.name == "cv2":  # also if one of two OpenCVs was removed, with the files of both
            return f"this needs cv2: {HEADLESS_FILES}"
        extra = EXTRAS.get((error.name or "").split(".")[0])
        return f"this needs {error.name}: {install_hint(extra)}" if extra else ""
    if isinstance(error, ImportError):
        return missing_library(str(error))
    if isinstance(error, MemoryError):
        return "out of memory: close other programs, or take a larger board"
    if isinstance(error, OSError):  # a full disk, a folder without rights
        path = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or str(error)
        return f"{path}{reason}; check the path, its rights and the free space"
    return " ".join(str(error).split())


def install_hint(extra: str) -> str:
    """What brings an extra: of the wheel that was installed, if it is there, or of the clone.

    No index holds the project, so that its name alone would install nothing, or what somebody else
    called so.
    """
    from importlib import metadata

    with contextlib.suppress(metadata.PackageNotFoundError):
        origin = metadata.distribution("edge-run").read_text("direct_url.json") or ""
        wheel = re.search(r'"file://([^"]+\.whl)"', origin)
        if wheel and os.path.exists(wheel[1]):
            return f"pip install '{wheel[1]}[{extra}]'"
    return f"pip install -c constraints.txt '.[{extra}]' in the clone of edge-run"


def missing_library(reason: str) -> str:
    """Which shared library an import missed, and what brings it; "" if `reason` names none."""
    match = re.search(r"\b((lib[a-zA-Z+]+)[\w.+-]*\.so[.\d]*)", reason)
    if match is None:
        return ""
    library, stem = match.groups()
    package = _DESKTOP_PACKAGES if stem in _DESKTOP else _DEBIAN.get(stem)
    install = f"apt-get install {package}" if package else "install the package that holds it"
    headless = f", or without windows: pip uninstall opencv-python; {HEADLESS_FILES}"
    return f"{library} cannot be loaded: {install}{headless if stem in _DESKTOP else ''}"


def silence_libraries() -> None:
    """Libraries log to stderr, where our one line belongs; a user's own setting wins.

    OpenCV, once it is imported, refuses images that would fill a board's memory.
    """
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_IMAGE_PIXELS))
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def _visible_errors() -> Iterator[None]:
    """What is wrong with a command may quote what was typed, which may hold a password.

    How it is used is told on a terminal alone: a journal gets one line.
    """
    try:
        yield
    except click.UsageError as error:
        message = console.visible(error.format_message())
        is_help = isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ()))
        if sys.stderr.isatty() or is_help:
            error.message = console.visible(error.message)  # type: ignore[misc]  # click reads it
            raise
        raise CommandFailed(" ".join(message.split()), error.exit_code) from error
    except click.ClickException as error:
        error.message = console.visible(error.message)  # type: ignore[misc]  # click reads it
        raise


class Once(click.Option):
    """An option whose second value would silently take the place of the first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **(kwargs | {"multiple": True, "callback": _only}))


def _only(ctx: click.Context, option: click.Parameter, values: tuple[Any, ...]) -> Any:
    if len(values) > 1:
        raise click.UsageError(
            f"{option.opts[0]} is given twice: give it once, and run once for each"
        )
    return values[0] if values else None


class OneLineCommand(click.Command):
    """A command whose errors are one line each, unless a terminal shows them."""

    @_visible_errors()
    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        return super().make_context(info_name, args, parent, **extra)

    @_visible_errors()
    def invoke(self, ctx: click.Context) -> Any:
        return super().invoke(ctx)


class OneLineGroup(OneLineCommand, click.Group):
    """The same of a group, and of what is in it."""


class CommandWithSubcommands(OneLineCommand):
    """`program NAME ...` is a subcommand, everything else this command.

    Unlike a group, it needs no name for itself: its help and its usage stay those of a
    plain command. A file that is called like a subcommand is given as `./NAME`.
    """

    def __init__(self, *args: Any, subcommands: Mapping[str, click.Command], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subcommands = subcommands

    @_visible_errors()
    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        subcommand = self.subcommands.get(args[0]) if args else None
        if subcommand is None:
            return super().make_context(info_name, args, parent, **extra)
        return subcommand.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    @_visible_errors()
    def invoke(self, ctx: click.Context) -> Any:
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Other commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(60)) for name, each in self.subcommands.items()]
            )
        super().format_epilog(ctx, formatter)


_OWN_OPTIONS = frozenset({"--help", "--version"})


class DefaultCommandGroup(OneLineGroup):
    """`program X` means `program DEFAULT X`, unless X is one of the commands."""

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in _OWN_OPTIONS:
            args = [self._default, *args]
        return super().parse_args(ctx, args)
