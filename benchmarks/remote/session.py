"""One session with a board: send what it lacks, follow the run, take its record back."""

import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from edge_benchmarks.remote.board import Board, CommandLine
from edge_benchmarks.remote.errors import RemoteError
from edge_benchmarks.remote.files import Outgoing, wheel_files
from edge_benchmarks.remote.link import Link
from edge_benchmarks.remote.wheel import Wheel, project_wheel, supports
from edge_common.console import Progress

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """How edge-bench ended there.  record: the bytes of its record; None if it made none."""

    exit_code: int
    record: bytes | None


def run(board: Board, asked: CommandLine, progress: Progress, wants_file: bool) -> Outcome:
    """Connect, send what the board lacks, and follow the run to its end.

    wants_file: whether the user gave -o. Raises RemoteError.
    """
    wheel = project_wheel() if board.install else None
    progress.say(f"connecting to {board.host}")
    with Link(board) as link:
        _check_python(link)
        named = {"name": wheel.name, "sha256": wheel.sha256} if wheel else None
        job = {"wheel": named, "arguments": asked.arguments, "wants_file": wants_file}
        link.start_agent(job)
        lacks_wheel = _follow(link, progress, until="lacks_wheel")["lacks_wheel"]
        _send(link, asked.files, board, wheel if lacks_wheel else None, progress)
        with _interruptible(link):
            end = _follow(link, progress, until="exit")
            size = end["record_bytes"]
            return Outcome(end["exit"], None if size is None else link.read(size))


def _check_python(link: Link) -> None:
    if not supports(link.python):
        found = ".".join(map(str, link.python))
        raise RemoteError(
            f"{link.board.python} on {link.board.host} is Python {found}, which edge-run does not "
            "run on: name another one with --board-python PATH"
        )


def _follow(link: Link, progress: Progress, until: str) -> dict:
    """Show what the agent says, up to the message that holds the key `until`."""
    while True:
        message = link.receive()
        if until in message:
            return message
        if "stderr" in message:
            click.echo(message["stderr"], nl=False, err=True)
        if "step" in message:
            progress.say(message["step"])


def _send(
    link: Link, files: Collection[Outgoing], board: Board, wheel: Wheel | None, progress: Progress
) -> None:
    """The inputs, and the wheel with its wheelhouse where it has to be installed."""
    outgoing = list(files)
    if wheel and board.wheelhouse:
        outgoing += wheel_files(board.wheelhouse, "wheelhouse")
    named = [(file.name, file.size_bytes) for file in outgoing]
    if wheel:
        named.append((wheel.name, len(wheel.content)))
    total = sum(size for _, size in named)
    if named:
        progress.say(f"sending {len(named)} file{'s' * (len(named) > 1)}, {total / 1e6:.1f} MB")
    link.send_message({"files": named})
    with progress.steps() as tell:
        done = 0
        for file in outgoing:
            for chunk in _chunks(file):
                link.send(chunk)
                done += len(chunk)
                tell(done, total)
        if wheel:
            link.send(wheel.content)


def _chunks(file: Outgoing) -> Iterator[bytes]:
    """As many bytes as were announced. Raises RemoteError where the file has become shorter."""
    left = file.size_bytes
    with file.path.open("rb") as stream:
        while left:
            chunk = stream.read(min(left, _CHUNK))
            if not chunk:
                raise RemoteError(f"{file.path} changed while it was sent: run again")
            left -= len(chunk)
            yield chunk


@contextmanager
def _interruptible(link: Link) -> Iterator[None]:
    """The first Ctrl-C goes to the board, whose answer is awaited; the second one ends that."""

    def forward(number: int, frame: object) -> None:
        signal.signal(number, before[number])
        link.interrupt()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, forward)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
