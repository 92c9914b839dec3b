"""The TFLite runtimes that may be installed, found without importing the others."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from edge_common.errors import EngineError
from edge_common.runtimes import RUNTIMES


@dataclass(frozen=True)
class Runtime:
    """A loaded runtime: its interpreter class, delegate loader and version.

    built_in_kernels: the kind of resolver that brings no XNNPACK.
    """

    name: str
    version: str
    interpreter: Callable[..., Any]
    load_delegate: Callable[..., Any]
    built_in_kernels: object = None


NAMES = ("auto", *RUNTIMES)


def installed() -> list[str]:
    """Names of the runtimes that this environment holds, best first."""
    return [name for name, (_, module) in RUNTIMES.items() if find_spec(module.split(".")[0])]


def load(name: str = "auto") -> Runtime:
    """Import a runtime; `auto` takes the first installed that is not tensorflow.

    Raises EngineError if it is not installed or does not import.
    """
    if name == "auto":
        name = next(iter(installed()), "litert")
    from importlib import metadata  # slow to import, and `--help` needs the names alone

    distribution, module_name = RUNTIMES[name]
    try:
        module: ModuleType = import_module(module_name)
        version = metadata.version(distribution)
    except ImportError as error:
        hint = f"pip install {distribution}"
        if name == "tflite-runtime":
            hint += " 'numpy<2' (it has wheels up to Python 3.11)"
        raise EngineError(f"the runtime {name} cannot be used ({error}): {hint}") from error
    built_in = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return Runtime(name, version, module.Interpreter, module.load_delegate, built_in)
