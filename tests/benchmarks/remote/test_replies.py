"""What a board says is checked before anything is believed or written."""

import json
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from edge_benchmarks.record import read_record, to_json, write_record
from edge_benchmarks.remote import outgoing, session
from edge_benchmarks.remote.board import Board, RemoteError
from edge_benchmarks.remote.link import checked_message
from edge_common import ConfigError, console
from tests.benchmarks.samples import RECORD

BOARD = Board("pi@board")
GOOD = json.loads(to_json(RECORD))


@pytest.mark.parametrize(
    "line",
    [
        b'{"step": "measuring there"}\n',
        b'{"lacks_wheel": true}\n',
        b'{"exit": 0, "record_bytes": null}\n',
        b'{"exit": -9, "record_bytes": 120}\n',
        b'{"exit": 0, "record_bytes": 1, "of_a_later_version": []}\n',
    ],
)
def test_an_agents_messages_are_taken(line: bytes) -> None:
    assert checked_message(line, BOARD) == json.loads(line)


@pytest.mark.parametrize(
    "line",
    [
        b"Welcome to Debian\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b"[]\n",
        b"null\n",
        b"1\n",
        b'{"exit": "0", "record_bytes": 1}\n',
        b'{"exit": 0}\n',
        b'{"exit": 1e9, "record_bytes": null}\n',
        b'{"exit": 0, "record_bytes": -1}\n',
        b'{"exit": 0, "record_bytes": 99999999999}\n',
        b'{"stderr": 3}\n',
        b'{"step": ["x"]}\n',
        b'{"lacks_wheel": "no"}\n',
        b'{"error": {}}\n',
    ],
)
def test_another_programs_words_are_one_line(line: bytes) -> None:
    with pytest.raises(RemoteError, match="pi@board does not answer as edge-bench does"):
        checked_message(line, BOARD)


def _without(key: str) -> bytes:
    return json.dumps({name: value for name, value in GOOD.items() if name != key}).encode()


def _with(**fields: object) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xff",
        b"garbage",
        b"[" * 100_000,
        b"{}",
        b"[1]",
        _with(schema=99),
        _without("machine"),
        _with(measurements={}),
        _with(measurements=[]),
        _with(scenarios={"party": {}}),
        _with(complete="yes"),
        _with(created_at="\ud800"),
        _with(bundle={**GOOD["bundle"], "size_bytes": 10**30}),
    ],
)
def test_a_record_that_is_none_leaves_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    output = tmp_path / "record.json"
    write_record(output, RECORD)
    monkeypatch.setattr(outgoing, "command_line", lambda *_: None)
    monkeypatch.setattr(click, "get_current_context", SimpleNamespace)
    monkeypatch.setattr(session, "run", lambda *_, **__: session.RemoteOutcome(0, content))
    with pytest.raises((RemoteError, ConfigError), match="the record of pi@board"):
        session.measure_there(BOARD, output, console.Progress(quiet=True))
    assert read_record(output) == RECORD
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_an_exit_by_a_signal_without_a_name_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "command_line", lambda *_: None)
    monkeypatch.setattr(click, "get_current_context", SimpleNamespace)
    monkeypatch.setattr(session, "run", lambda *_, **__: session.RemoteOutcome(-99, None))
    with pytest.raises(RemoteError, match="was killed .signal 99."):
        session.measure_there(BOARD, None, console.Progress(quiet=True))
