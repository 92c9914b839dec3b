"""What a fault is, and what came of it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class PromiseBroken(Exception):
    """The appliance did not do what is promised."""


@dataclass(frozen=True)
class Outcome:
    """recovered_s: seconds from the fault's end until all was as before; None: it needed no recovery.

    lost: what is not there that would have been without the fault.
    """

    recovered_s: float | None
    lost: str = "nothing"


@dataclass(frozen=True)
class Fault:
    """Something that happens to a board.

    needs: programs, or files by their absolute path, without which it cannot be done here.
    as_root: whether it needs root, to mount something for instance.
    short: whether `make test` does it, too.
    """

    name: str
    group: str
    does: str
    promise: str
    run: Callable[[Path], Outcome]
    needs: tuple[str, ...] = ()
    as_root: bool = False
    short: bool = False

    def missing(self, is_root: bool) -> str:
        """What is not here; "": nothing."""
        places = "/usr/sbin:/usr/bin:/sbin:/bin"
        absent = [
            need for need in self.needs
            if not (Path(need).exists() or shutil.which(need, path=places))
        ]  # fmt: skip
        absent += ["root"] if self.as_root and not is_root else []
        return ", ".join(absent)


@dataclass
class FaultList:
    """All faults of one group, in the order in which they are written down."""

    group: str
    faults: list[Fault] = field(default_factory=list)

    def add(
        self,
        name: str,
        does: str,
        promise: str,
        *,
        needs: tuple[str, ...] = (),
        as_root: bool = False,
        short: bool = False,
    ) -> Callable[[Callable[[Path], Outcome]], Callable[[Path], Outcome]]:
        """Put a function into the list, which gets an empty folder, and raises PromiseBroken."""

        def put(run: Callable[[Path], Outcome]) -> Callable[[Path], Outcome]:
            self.faults.append(Fault(name, self.group, does, promise, run, needs, as_root, short))
            return run

        return put


def check(condition: object, what: str) -> None:
    """Raise PromiseBroken unless it holds."""
    if not condition:
        raise PromiseBroken(what)
