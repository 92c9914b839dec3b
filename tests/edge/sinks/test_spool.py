"""Messages on disk: in order, whole, over kills and restarts, within a bound."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.sinks.mqtt.spool import Spool
from edge_common import SinkError
from tests.wheels import ROOT


def _lines(spool: Spool) -> list[bytes]:
    return [line for line, _ in spool.read()]


def test_lines_come_in_order_and_what_nobody_confirmed_comes_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20)
    for number in range(5):
        spool.append(b"line %d" % number)
    positions = dict(spool.read())
    spool.confirm(positions[b"line 1"], 2)
    assert spool.waiting == 3 and not _lines(spool)
    spool.close()
    again = Spool(tmp_path, 1 << 20)
    assert again.waiting == 3
    assert _lines(again) == [b"line 2", b"line 3", b"line 4"]
    again.close()


def test_a_disk_that_is_mounted_anew_is_written_again(tmp_path: Path) -> None:
    """What nobody confirmed is read again; what is confirmed of before the break does not count."""
    spool, opened = Spool(tmp_path, 1 << 20), []
    spool.on_open = lambda: opened.append(True)
    spool.append(b"a")
    spool.append(b"b")
    positions = dict(spool.read())
    spool.confirm(positions[b"a"])
    handle = os.open(tmp_path / "spool", os.O_RDONLY | os.O_CREAT)
    os.dup2(handle, spool._writer)  # whatever is written there fails
    os.close(handle)
    with pytest.raises(SinkError, match="cannot be written"):
        spool.append(b"c")
    spool.append(b"c")
    spool.confirm(positions[b"b"])
    assert (opened, spool.waiting) == ([True], 2)
    assert _lines(spool) == [b"b", b"c"]
    spool.close()


def test_what_was_confirmed_to_the_end_does_not_come_again(tmp_path: Path) -> None:
    for number in range(3):
        spool = Spool(tmp_path, 1 << 20)
        spool.append(b"%d" % number)
        for line, position in spool.read():
            assert line == b"%d" % number
            spool.confirm(position)
        spool.close()


def test_the_oldest_goes_if_it_is_full_and_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1600)  # segments of 100
    for number in range(1000):
        spool.append(b"%019d" % number)  # 20 bytes
    size = sum(path.stat().st_size for path in tmp_path.glob("*.lines"))
    lines = _lines(spool)
    assert size <= 1600
    assert lines == [b"%019d" % number for number in range(1000 - len(lines), 1000)]
    assert spool.dropped == 1000 - len(lines) and spool.waiting == len(lines) >= 60
    spool.close()


def test_what_is_read_while_it_is_written_keeps_its_order(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path, 4000), []
    for number in range(500):
        spool.append(b"%d" % number)
        if number % 7 == 0:
            for line, position in spool.read():
                taken.append(int(line))
                spool.confirm(position)
    taken += [int(line) for line in _lines(spool)]
    assert taken == list(range(500))
    spool.close()


def test_the_disk_is_given_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 16_000)
    for _ in range(300):
        spool.append(b"x" * 200)
        for _, position in spool.read():
            spool.confirm(position)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2000
    spool.close()


def test_half_a_line_is_cut_off(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20)
    spool.append(b"whole")
    spool.close()
    (segment,) = tmp_path.glob("*.lines")
    with segment.open("ab") as file:
        file.write(b"hal")
    again = Spool(tmp_path, 1 << 20)
    again.append(b"next")
    assert _lines(again) == [b"whole", b"next"]
    again.close()


def test_two_runs_never_share_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1000)
    with pytest.raises(SinkError, match="is being written by another run"):
        Spool(tmp_path, 1000)
    spool.close()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot be written .* give another folder as spool="):
        Spool(tmp_path / "file", 1000)


WRITER = """
import sys
from pathlib import Path
from edge.sinks.mqtt.spool import Spool
spool = Spool(Path(sys.argv[1]), 1 << 24)
first = spool.waiting
for number in range(first, 10 ** 9):
    spool.append(b"%09d" % number + b"-" * 700)
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_whole_lines_in_their_order(tmp_path: Path) -> None:
    newest = 0
    for round_number in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert child.stdout
        for _ in range(50 + 37 * round_number):
            newest = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        newest = int(([newest] + child.stdout.read().split())[-1])
        child.wait()
    spool = Spool(tmp_path, 1 << 24)
    numbers = [int(line[:9]) for line in _lines(spool) if line.endswith(b"-" * 700)]
    spool.close()
    assert numbers == list(range(len(numbers))) and len(numbers) >= newest
