"""Processes that are killed at a chosen step of what they do to a disk."""

import os
import signal
import sys
from collections.abc import Callable

_CHANGES = ("os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "open")


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do it in a process that SIGKILL ends before its `step`-th change, from 1 on; whether it was ended."""
    child = os.fork()
    if child == 0:
        count = 0

        def watch(event: str, arguments: object) -> None:
            nonlocal count
            if event in _CHANGES:
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - nothing of it may reach the tests
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return status != 0
