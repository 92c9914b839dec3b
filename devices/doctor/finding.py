"""What a check finds."""

from dataclasses import dataclass
from enum import Enum


class Status(str, Enum):
    """`problem`: it will not work or not as measured elsewhere.  `warning`: it may cost speed."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """what: one fact, in words.  advice: what to do about it; "" where nothing is to be done.

    command: what to type for it, where one line does it.
    """

    status: Status
    what: str
    advice: str = ""
    command: str = ""


def ok(what: str) -> Finding:
    """All is well here."""
    return Finding(Status.OK, what)


def warning(what: str, advice: str, command: str = "") -> Finding:
    """It may cost speed or surprise."""
    return Finding(Status.WARNING, what, advice, command)


def problem(what: str, advice: str, command: str = "") -> Finding:
    """It will not work, or not as fast as the board can."""
    return Finding(Status.PROBLEM, what, advice, command)
