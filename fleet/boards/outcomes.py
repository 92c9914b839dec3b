"""How a playbook went on each board: its report, or one line that says why there is none."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_benchmarks.remote.board import Board
from edge_benchmarks.remote.link import not_started
from edge_common import DataError, decode, parse_json

REPORT = "edge_report"  # the variable that the last task of a playbook prints
TURN = "Point at the bundle"  # the task from which on a board is not what it was
_SSH_FAILED = 255
_MOST_LETTERS = 300
# Ansible's words for what a program said better
_SAYS_NOTHING = ("", "non-zero return code", "MODULE FAILURE", "failed to validate")
# what programs and Ansible say, and what a person should know of it
_MEANINGS = (
    (r"No space left on device|Disk quota exceeded|ENOSPC", "the disk is full: free some space there"),
    (r"Read-only file system", "its disk is read-only: is the memory card worn out?"),
    (r"sudo: .*password is required|Missing sudo password",
     "sudo asks for a password there: allow it without (NOPASSWD in sudoers), or edge_become: false"),
    (r"No such file or directory: b?'?ssh'?", "there is no ssh on this machine: install openssh-client"),
    (r"interpreter .*not found|python\S*: (?:command )?not found|No python interpreters found",
     "there is no Python there that runs: install python3, or give ansible_python_interpreter"),
    (r"Decryption failed|Attempting to decrypt but no vault secrets",
     "a secret cannot be decrypted: give --vault-password-file"),
)  # fmt: skip


@dataclass(frozen=True)
class TaskOutcome:
    """One task on one board, as the collection's callback writes it.

    status: ok, failed, unreachable or skipped.
    """

    board: str
    task: str
    status: str
    result: Mapping[str, Any] = field(default_factory=dict)
    ignored: bool = False

    @classmethod
    def parse(cls, line: str) -> "TaskOutcome | None":
        """None if it is a line of something else."""
        if not line.startswith('{"board":'):
            return None
        try:
            return decode(cls, parse_json(line, "ansible"), ignore_unknown=True)
        except DataError:
            return None


@dataclass(frozen=True)
class BoardResult:
    """report: what its last task tells.  problem: one line; "": it went well.

    unreachable: the connection failed.  changed: whether any task changed something.  is_touched:
    whether another bundle than before may run there.
    """

    report: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    unreachable: bool = False
    changed: bool = False
    is_touched: bool = False

    @property
    def is_well(self) -> bool:
        return not self.problem


_NOTHING = BoardResult(problem="Ansible did not come to its end there: run it again")


def results_of(boards: Sequence[str], results: Iterable[TaskOutcome]) -> dict[str, BoardResult]:
    """Of each of `boards`, also of those that nothing was heard of."""
    by_board: dict[str, BoardResult] = {}
    changed, touched = set[str](), set[str]()
    for each in results:
        if each.task == TURN and each.status != "skipped":
            touched.add(each.board)
        if each.status == "ok" and each.result.get("changed"):
            changed.add(each.board)
        if each.board in by_board and by_board[each.board].problem:
            continue
        if each.status == "unreachable":
            by_board[each.board] = BoardResult(problem=unreachable_line(each), unreachable=True)
        elif each.status == "failed" and not each.ignored:
            by_board[each.board] = BoardResult(problem=failure_line(each))
        elif each.status == "ok" and REPORT in each.result:
            report = each.result[REPORT]
            by_board[each.board] = BoardResult(report if isinstance(report, dict) else {})
    return {
        name: BoardResult(r.report, r.problem, r.unreachable, name in changed, name in touched)
        for name in boards
        for r in [by_board.get(name, _NOTHING)]
    }


def meaning(text: str) -> str:
    """What a person should know of it; "" if it is nothing that is known here."""
    return next((known for pattern, known in _MEANINGS if re.search(pattern, text)), "")


def unreachable_line(result: TaskOutcome) -> str:
    """Why ssh did not get there, and what to do, in the words of `edge-bench --host`."""
    message, address = _text(result.result.get("msg")), result.result.get("edge_address", {})
    if known := meaning(message):
        return known
    port = int(address["port"]) if str(address.get("port", "")).isdecimal() else None
    board = Board(str(address.get("host") or result.board), port)
    return _one_line(str(not_started(board, _SSH_FAILED, message)))


def failure_line(result: TaskOutcome) -> str:
    """What failed, in the words of the program that did."""
    content = result.result
    item = next((r for r in content.get("results", ()) if r.get("failed")), content)
    texts = [
        _text(item.get(key)) for key in ("stderr", "module_stderr", "stdout", "msg", "exception")
    ]
    if known := next(filter(None, map(meaning, texts)), ""):
        return known
    stderr, module_stderr, stdout, message, _ = texts
    words = message if "rc" not in item or not stderr.strip() else stderr
    words = words if words.strip() not in _SAYS_NOTHING else (
        stderr or module_stderr or stdout or message
    )  # fmt: skip
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    reason = (lines[-1] if lines else "no reason given").removeprefix("Error: ")
    return _one_line(f"{result.task}: {reason}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MOST_LETTERS]
