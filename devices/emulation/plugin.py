"""The counting plugin, compiled with the system's C compiler."""

from importlib import resources
from pathlib import Path

from devices.compiler import NoCompiler, find_compiler
from devices.emulation.cache import Say, kept, key
from devices.emulation.commands import run
from devices.emulation.unavailable import Unavailable

_FLAGS = ("-O2", "-fPIC", "-shared")
_SOURCE = "count_instructions.c"


def compiler() -> list[str]:
    """The words that begin a compiler's command line. Raises Unavailable without one."""
    try:
        return find_compiler()
    except NoCompiler as error:
        raise Unavailable(str(error)) from error


def counting_plugin(say: Say) -> Path:
    """The plugin's shared library. Raises Unavailable without a compiler, BuildFailed."""
    source = Path(str(resources.files("devices.emulation").joinpath(_SOURCE)))
    with_compiler = compiler()

    def build(folder: Path) -> None:
        target = folder / "count.so"
        run([*with_compiler, *_FLAGS, "-o", str(target), str(source)], f"compiling {_SOURCE}")

    name = f"count-{key(source.read_text(encoding='utf-8'), *with_compiler)}"
    return kept(name, build, "compiling the counting plugin", say) / "count.so"
