"""What a user may ask of engines: `--runtime`, `--threads`, and above all `--delegate`."""

import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from edge.registry import read_options, split_options
from edge_common import DelegateError

EMULATED = "emulated"


@dataclass(frozen=True)
class KnownLibrary:
    """file: as the loader knows it; empty: built on first use.  install: how to get it."""

    file: str
    install: str


LIBRARIES = {
    "edgetpu": KnownLibrary(
        "libedgetpu.so.1", "install libedgetpu1-std from Coral's package repository"
    ),
    "gpu": KnownLibrary(
        "libtensorflowlite_gpu_delegate.so",
        "build it from TensorFlow's sources, //tensorflow/lite/delegates/gpu",
    ),
    "armnn": KnownLibrary(
        "libarmnnDelegate.so", "unpack a release of Arm NN and name its folder in LD_LIBRARY_PATH"
    ),
    EMULATED: KnownLibrary("", "apt-get install gcc"),
}

# where boards keep libraries that the loader's cache may not know yet; {} is the multiarch name
_FOLDERS = ("/usr/local/lib", "/usr/local/lib/{}", "/usr/lib/{}", "/usr/lib", "/opt/armnn/lib")


def folders() -> list[str]:
    """The folders to look into on this machine, if the loader finds nothing."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    return [folder.format(multiarch) for folder in _FOLDERS if multiarch or "{}" not in folder]


DEFAULT, NONE, XNNPACK = "auto", "none", "xnnpack"
OF_THE_RUNTIME = (DEFAULT, NONE, XNNPACK)


@dataclass(frozen=True)
class Delegate:
    """A delegate as asked for.

    name: `auto` (what the runtime does by itself), `none` (its built-in kernels alone),
    `xnnpack` (as `auto`, and said if XNNPACK takes nothing), a known library's name, or
    a library's path.  options: a library's own, in the order given.
    strict: fail if it cannot be used, instead of running without it.
    """

    name: str = DEFAULT
    options: tuple[tuple[str, str], ...] = ()
    strict: bool = False

    @classmethod
    def parse(cls, text: str, strict: bool = False) -> "Delegate":
        """Read `NAME` or `PATH`, with `:key=value,key=value` behind it for a library.

        A piece between two commas that holds no `=` belongs to the value before it.
        Raises DelegateError if the text is not understood.
        """
        name, options = split_options(text)
        _check_name(name, text)
        if options and name in OF_THE_RUNTIME:
            raise DelegateError(f"the delegate {name} takes no options: leave out :{options}")
        try:
            return cls(name, read_options(options, "the delegate's"), strict)
        except ValueError as error:
            raise DelegateError(str(error)) from None

    @property
    def is_library(self) -> bool:
        """Whether it is loaded from a shared library; else it comes with the runtime."""
        return self.name not in OF_THE_RUNTIME

    @property
    def expects_work(self) -> bool:
        """Whether the user wants to know if it takes nothing."""
        return self.is_library or self.name == XNNPACK

    @property
    def is_the_runtimes_choice(self) -> bool:
        """Whether it changes nothing about what the runtime does by itself."""
        return self.name in (DEFAULT, XNNPACK)

    @property
    def arguments(self) -> list[str]:
        """What a command line needs to be given of it."""
        arguments = [] if self.name == DEFAULT else ["--delegate", str(self)]
        return arguments + ["--strict-delegate"] * self.strict

    @property
    def label(self) -> str:
        """As `str`, without the folders of a path."""
        return label_of(str(self))

    @property
    def short(self) -> str:
        """The library alone, without its options."""
        return _file_name(self.name)

    def __str__(self) -> str:
        return self.name + _written(self.options)


AUTO = Delegate()


@dataclass(frozen=True)
class EngineOptions:
    """How each part is run: by which runtime, in how many threads, through which delegate."""

    runtime: str = "auto"
    threads: int = 1
    delegate: Delegate = AUTO


def label_of(text: str) -> str:
    """A delegate as `str` writes it, without the folders of a path."""
    name, options = split_options(text)
    return _file_name(name) + (f":{options}" if options else "")


def _file_name(path: str) -> str:
    return Path(path).name or path  # `.` and `/` have none


def _check_name(name: str, text: str) -> None:
    if name in OF_THE_RUNTIME or name in LIBRARIES:
        return
    before, colon, options = name.partition(":")
    if colon and before in (*OF_THE_RUNTIME, *LIBRARIES):
        raise DelegateError(f"options of a delegate are key=value, and {options!r} is none")
    if not re.search(r"[/.]", name):
        names = (*OF_THE_RUNTIME, *LIBRARIES)
        from difflib import get_close_matches

        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}."
        raise DelegateError(f"there is no delegate {text!r}: {hint} Others are given by their path")


def _written(options: tuple[tuple[str, str], ...]) -> str:
    return ":" + ",".join(f"{key}={value}" for key, value in options) if options else ""
