"""The system's C compiler."""

import os
import shlex
import shutil
from collections.abc import Mapping

from edge_common.errors import DeviceError

_NAMES = ("cc", "gcc", "clang")


class NoCompiler(DeviceError):
    """There is none, or `$CC` names none: the message says what to install or change."""


def find_compiler(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The words that begin a compiler's command line: `$CC`, else cc, gcc or clang.

    The first of them is a path. Raises NoCompiler.
    """
    wanted = _words(environment.get("CC", ""))
    for command in [wanted] if wanted else [[name] for name in _NAMES]:
        if found := shutil.which(command[0], path=environment.get("PATH")):
            return [found, *command[1:]]
    missing = f"$CC is {wanted[0]}, which is not there" if wanted else "there is no C compiler"
    raise NoCompiler(f"{missing}: apt-get install gcc libc6-dev")


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        reason = str(error).lower()
        raise NoCompiler(f"$CC is {command!r}, which is no command ({reason}): unset it") from error
