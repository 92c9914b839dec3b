"""The connection to a board: a running ssh, the agent's source sent there, its messages back.

Also the one place where ssh's words about a failure become ours.
"""

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from edge_benchmarks.remote.board import Board, RemoteError, agent_source
from edge_common import Closable, DataError, decode, parse_json

_GREETING = re.compile(rb"edge-run (\d{1,4})\.(\d{1,4})\r?\n")
_PATIENCE_S = 5
_LONGEST_LINE = 1 << 20
_MOST_RECORD_BYTES = 256 << 20


@dataclass(frozen=True)
class _Message:
    """All that an agent may say; a message has some of it."""

    error: str = ""
    stderr: str = ""
    step: str = ""
    lacks_wheel: bool = False
    exit: int = 0
    record_bytes: int | None = None


def checked_message(line: bytes, board: Board) -> dict[str, Any]:
    """The agent's message in a line. Raises RemoteError if it is another program's."""
    try:
        message: dict[str, Any] = parse_json(line, "it")
        size = decode(_Message, message, ignore_unknown=True).record_bytes
        if size is not None and not 0 <= size <= _MOST_RECORD_BYTES:
            raise DataError(f"a record of {size} bytes")
        if "exit" in message and "record_bytes" not in message:
            raise DataError("key 'record_bytes' is missing")
    except DataError as error:
        raise RemoteError(
            f"{board.host} does not answer as edge-bench does ({error}): is edge-run of another "
            "version there, or does something else write to its stdout?"
        ) from error
    return message


class Link(Closable):
    """Open while a board is used.

    python: (major, minor) of the interpreter that answered. Raises RemoteError
    if none does.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        try:
            # a session of its own: Ctrl-C here must not end ssh before the record is back
            self._ssh = subprocess.Popen(
                board.ssh_command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            self._stderr.close()
            raise RemoteError(
                "there is no ssh on this machine: install it (sudo apt install openssh-client)"
            ) from error
        assert self._ssh.stdin and self._ssh.stdout  # both are pipes
        self._stdin, self._stdout = self._ssh.stdin, self._ssh.stdout
        try:
            self.python = self._greeting()
        except BaseException:
            self.close()
            raise

    def start_agent(self, job: dict[str, Any]) -> None:
        """Send the agent's source and what it has to do."""
        self.send(agent_source())
        self.send_message(job)

    def send_message(self, message: dict[str, Any]) -> None:
        self.send(json.dumps(message).encode() + b"\n")

    def send(self, data: bytes) -> None:
        """Raises RemoteError with the agent's reason if it takes no more."""
        try:
            self._stdin.write(data)
            self._stdin.flush()
        except BrokenPipeError:
            self._read_until_it_fails()

    def interrupt(self) -> None:
        """Ctrl-C for what runs there. May be called by a signal handler: no buffer is touched."""
        try:
            os.write(self._stdin.fileno(), b"interrupt\n")
        except BrokenPipeError:
            pass  # the next message is that the connection is lost

    def receive(self) -> dict[str, Any]:
        """The agent's next message. Raises RemoteError if it is an error, or there is none."""
        line = self._stdout.readline(_LONGEST_LINE)
        if not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
            raise connection_lost(self.board, self._end())
        message = checked_message(line, self.board)
        if "error" in message:
            raise RemoteError(f"{self.board.host}: {message['error']}")
        return message

    def read(self, size: int) -> bytes:
        """Bytes that the agent's last message announced."""
        data = self._stdout.read(size)
        if len(data) < size:
            raise connection_lost(self.board, self._end())
        return data

    def close(self) -> None:
        """End ssh; the agent notices, and ends what still runs there."""
        self._end()
        for stream in (self._stdin, self._stdout, self._stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass  # what could not be sent any more

    def _greeting(self) -> tuple[int, int]:
        """What a login shell prints before is skipped."""
        while line := self._stdout.readline(_LONGEST_LINE):
            if match := _GREETING.fullmatch(line):
                return int(match[1]), int(match[2])
        stderr = self._end(terminate=False)
        raise not_started(self.board, self._ssh.returncode, stderr)

    def _read_until_it_fails(self) -> NoReturn:
        while True:
            self.receive()

    def _end(self, terminate: bool = True) -> str:
        """Wait for ssh to end; what stood on its stderr."""
        if terminate and self._ssh.poll() is None:
            self._ssh.terminate()
        try:
            self._ssh.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()
        if self._stderr.closed:
            return ""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")


_NO_PYTHON = (126, 127)  # what shells answer if a command cannot be run or is not there
_SSH_FAILED = 255


class _SshFailure(NamedTuple):
    pattern: str
    meaning: str


# the first that fits counts: ssh says more than one thing about a changed key
_SSH_FAILURES = (
    _SshFailure(
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "{host} has another host key than it had: if the board was set up anew, forget the "
        "old key (ssh-keygen -R '{known_as}'); else somebody may stand in between",
    ),
    _SshFailure(
        "Host key verification failed",
        "the host key of {host} is not known here: look at it once and accept it ({by_hand})",
    ),
    _SshFailure(
        "Too many authentication failures",
        "{host} was offered too many keys: name one (--ssh-option IdentitiesOnly=yes "
        "--ssh-option IdentityFile=PATH)",
    ),
    _SshFailure(
        "Permission denied",
        "{host} takes none of your keys, and no password is asked for here: give it one "
        "(ssh-copy-id{port} {host}), and unlock it in your agent (ssh-add)",
    ),
    _SshFailure(
        "Could not resolve hostname",
        "there is no host {host}: check the name, or give its address",
    ),
    _SshFailure(
        "Connection refused",
        "{host} refuses connections: is ssh enabled there (sudo systemctl enable --now ssh), and "
        "is the port right (-p PORT)?",
    ),
    _SshFailure(
        "timed out|No route to host|Network is unreachable|Host is down",
        "{host} does not answer: is it on, and in this network?",
    ),
    _SshFailure(
        "Bad configuration option|keyword .* extra arguments|unsupported option|missing argument"
        "|Bad .*argument|no argument after keyword",
        "ssh does not take the --ssh-option ({last}): write it as in ssh_config, NAME=VALUE",
    ),
)


def not_started(board: Board, status: int, stderr: str) -> RemoteError:
    """Why ssh, or the shell behind it, ended with `status` before Python answered.

    stderr: what stood on stderr.
    """
    last = _last_line(stderr)
    if status == _SSH_FAILED:
        return RemoteError(_meaning(board, stderr, last))
    if status in _NO_PYTHON:
        return RemoteError(
            f"{board.host} has no {board.python}: install it (sudo apt install python3-venv), or "
            "name another one with --board-python PATH"
        )
    return RemoteError(
        f"{board.host} did not start {board.python} (status {status}: {last}): does "
        f"`{board.by_hand} true` work?"
    )


def connection_lost(board: Board, stderr: str) -> RemoteError:
    """The connection broke under way."""
    return RemoteError(
        f"the connection to {board.host} broke ({_last_line(stderr)}): what ran there is ended; "
        "check power and network, and run again"
    )


def _meaning(board: Board, stderr: str, last: str) -> str:
    for message in _SSH_FAILURES:
        if re.search(message.pattern, stderr):
            return message.meaning.format(
                host=board.host,
                port=board.port_option,
                known_as=board.known_as,
                by_hand=board.by_hand,
                last=last,
            )
    return f"ssh does not reach {board.host} ({last}): does `{board.by_hand} true` work?"


def _last_line(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing was said"
