"""One session with a board: send what it lacks, follow the run, take its record back."""

import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from edge_benchmarks.record import Record, from_json
from edge_benchmarks.remote import outgoing
from edge_benchmarks.remote.board import NAMES, Board, RemoteError
from edge_benchmarks.remote.link import Link
from edge_common import command_line, console, write_whole

LOCAL = frozenset({"output", "as_json"})  # what is done here with the record that comes back


def measure_there(
    board: Board, output: Path | None, progress: console.Progress, local: Collection[str] = LOCAL
) -> Record:
    """Run the current click command on the board; its record, also written to `output`.

    local: names of the parameters that stay here. What edge-bench prints there goes
    to stderr as it comes; if it fails, SystemExit passes its exit code on. Ctrl-C interrupts
    it there, and its record is that of a run which was interrupted here. Raises RemoteError.
    """
    arguments = outgoing.command_line(click.get_current_context(), frozenset(local) | NAMES)
    outcome = run(board, arguments, progress, wants_file=output is not None)
    if outcome.record is None:
        raise _without_record(board, outcome.exit_code)
    record = _checked_record(board, outcome.record)
    if output:
        write_whole(output, outcome.record)
    if outcome.exit_code and record.complete:
        raise _failed(board, outcome.exit_code)
    return record


def _checked_record(board: Board, content: bytes) -> Record:
    """What came back, before it replaces a file that is right. Raises ConfigError, RemoteError."""
    name = f"the record of {board.host}"
    try:
        record = from_json(content.decode(), name)
    except UnicodeDecodeError as error:
        raise RemoteError(f"{name} is no UTF-8 text: measure again") from error
    if record.complete and not record.measurements:
        raise RemoteError(f"{name} holds no measurement: update edge-bench there")
    return record


def _without_record(board: Board, exit_code: int) -> BaseException:
    if exit_code:
        return _failed(board, exit_code)
    return RemoteError(f"edge-bench on {board.host} ended without a record: update it there")


def _failed(board: Board, exit_code: int) -> BaseException:
    """What an exit code means that is not 0; the reason has been printed already."""
    if exit_code == command_line.INTERRUPTED:
        return KeyboardInterrupt()
    if exit_code < 0:
        names = {each.value: each.name for each in signal.Signals}
        name = names.get(-exit_code, f"signal {-exit_code}")
        return RemoteError(
            f"edge-bench on {board.host} was killed ({name}): is its memory full (dmesg there)?"
        )
    return SystemExit(exit_code)


_CHUNK = 1 << 20


@dataclass(frozen=True)
class RemoteOutcome:
    """How edge-bench ended there.  record: the bytes of its record; None if it made none."""

    exit_code: int
    record: bytes | None


def run(
    board: Board, arguments: outgoing.CommandLine, progress: console.Progress, wants_file: bool
) -> RemoteOutcome:
    """Connect, send what the board lacks, and follow the run to its end.

    wants_file: whether the user gave -o. Raises RemoteError.
    """
    wheel = outgoing.project_wheel() if board.install else None
    progress.say(f"connecting to {board.host}")
    with Link(board) as link:
        _check_python(link)
        wheel_identity = {"name": wheel.name, "sha256": wheel.sha256} if wheel else None
        job = {"wheel": wheel_identity, "arguments": arguments.arguments, "wants_file": wants_file}
        link.start_agent(job)
        lacks_wheel = _follow(link, progress, until="lacks_wheel")["lacks_wheel"]
        _send(link, arguments.files, board, wheel if lacks_wheel else None, progress)
        with _interruptible(link):
            end = _follow(link, progress, until="exit")
            size = end["record_bytes"]
            return RemoteOutcome(end["exit"], None if size is None else link.read(size))


def _check_python(link: Link) -> None:
    if not outgoing.supports(link.python):
        version = ".".join(map(str, link.python))
        raise RemoteError(
            f"{link.board.python} on {link.board.host} is Python {version}, which edge-run does not "
            "run on: name another one with --board-python PATH"
        )


def _follow(link: Link, progress: console.Progress, until: str) -> dict:
    """Show what the agent says, up to the message that holds the key `until`."""
    while True:
        message = link.receive()
        if until in message:
            return message
        if "stderr" in message:
            console.echo(message["stderr"], nl=False, err=True)
        if "step" in message:
            progress.say(message["step"])


def _send(
    link: Link,
    files: Collection[outgoing.Outgoing],
    board: Board,
    wheel: outgoing.Wheel | None,
    progress: console.Progress,
) -> None:
    """The inputs, and the wheel with its wheelhouse, or the versions to take, if it is installed."""
    all_files = list(files)
    if wheel and board.wheelhouse:  # whose maker chose the versions
        all_files += outgoing.wheel_files(board.wheelhouse, "wheelhouse")
    elif wheel:
        all_files.append(outgoing.tested_versions())
    announced = [(file.name, file.size_bytes) for file in all_files]
    if wheel:
        announced.append((wheel.name, len(wheel.content)))
    total = sum(size for _, size in announced)
    if announced:
        progress.say(
            f"sending {len(announced)} file{'s' * (len(announced) > 1)}, {total / 1e6:.1f} MB"
        )
    link.send_message({"files": announced})
    with progress.steps() as on_progress:
        sent_bytes = 0
        for file in all_files:
            for chunk in _chunks(file):
                link.send(chunk)
                sent_bytes += len(chunk)
                on_progress(sent_bytes, total)
        if wheel:
            link.send(wheel.content)


def _chunks(file: outgoing.Outgoing) -> Iterator[bytes]:
    """As many bytes as were announced. Raises RemoteError if the file has become shorter."""
    remaining = file.size_bytes
    with file.path.open("rb") as stream:
        while remaining:
            chunk = stream.read(min(remaining, _CHUNK))
            if not chunk:
                raise RemoteError(f"{file.path} changed while it was sent: run again")
            remaining -= len(chunk)
            yield chunk


@contextmanager
def _interruptible(link: Link) -> Iterator[None]:
    """The first Ctrl-C goes to the board, whose answer is awaited; the second one ends that."""

    def forward(number: int, frame: object) -> None:
        signal.signal(number, before[number])
        link.interrupt()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before: dict[int, Any] = {number: signal.getsignal(number) for number in numbers}
    if before[signal.SIGHUP] == signal.SIG_IGN:  # as nohup sets it
        del before[signal.SIGHUP]
    try:
        for number in before:
            signal.signal(number, forward)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
