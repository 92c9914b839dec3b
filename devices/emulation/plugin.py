"""The counting plugin, compiled with the system's C compiler."""

import os
import shutil
from importlib import resources
from pathlib import Path

from devices.emulation.cache import Say, kept, key
from devices.emulation.commands import run
from devices.emulation.unavailable import Unavailable

_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-O2", "-fPIC", "-shared")
_SOURCE = "count_instructions.c"


def compiler() -> str:
    """The C compiler: `$CC`, else the system's. Raises Unavailable without one."""
    for name in filter(None, (os.environ.get("CC"), *_COMPILERS)):
        if found := shutil.which(name):
            return found
    raise Unavailable("there is no C compiler: apt-get install gcc libc6-dev")


def counting_plugin(say: Say) -> Path:
    """The plugin's shared library. Raises Unavailable without a compiler, BuildFailed."""
    source = Path(str(resources.files("devices.emulation").joinpath(_SOURCE)))
    with_compiler = compiler()

    def build(folder: Path) -> None:
        target = folder / "count.so"
        run([with_compiler, *_FLAGS, "-o", str(target), str(source)], f"compiling {_SOURCE}")

    name = f"count-{key(source.read_text(encoding='utf-8'), with_compiler)}"
    return kept(name, build, "compiling the counting plugin", say) / "count.so"
