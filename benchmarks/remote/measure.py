"""`edge-bench --host`: the record of a run on a board, as if it had been made here."""

import signal
from collections.abc import Collection
from pathlib import Path

import click

from edge_benchmarks.record.file import from_json
from edge_benchmarks.record.record import Record
from edge_benchmarks.remote import options, session
from edge_benchmarks.remote.board import Board, command_line
from edge_benchmarks.remote.errors import RemoteError
from edge_common.command_line import INTERRUPTED
from edge_common.console import Progress
from edge_common.files import write_whole

LOCAL = frozenset({"output", "as_json"})  # what is done here with the record that comes back


def measure_there(
    board: Board, output: Path | None, progress: Progress, local: Collection[str] = LOCAL
) -> Record:
    """Run the current click command on the board; its record, also written to `output`.

    local: names of the parameters that the board is not told. What edge-bench says there goes
    to stderr as it comes; where it fails, SystemExit passes its exit code on. Ctrl-C interrupts
    it there, and its record is that of a run which was interrupted here. Raises RemoteError.
    """
    asked = command_line(click.get_current_context(), frozenset(local) | options.NAMES)
    outcome = session.run(board, asked, progress, wants_file=output is not None)
    if outcome.record is None:
        raise _without_record(board, outcome.exit_code)
    if output:
        write_whole(output, outcome.record)
    found = from_json(outcome.record.decode(), f"the record of {board.host}")
    if outcome.exit_code and found.complete:
        raise _failed(board, outcome.exit_code)
    return found


def _without_record(board: Board, exit_code: int) -> BaseException:
    if exit_code:
        return _failed(board, exit_code)
    return RemoteError(f"edge-bench on {board.host} ended without a record: update it there")


def _failed(board: Board, exit_code: int) -> BaseException:
    """What an exit code means that is not 0; the reason has been said already."""
    if exit_code == INTERRUPTED:
        return KeyboardInterrupt()
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return RemoteError(
            f"edge-bench on {board.host} was killed ({name}): is its memory full (dmesg there)?"
        )
    return SystemExit(exit_code)
