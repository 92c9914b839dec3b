"""Children of a real server, in a process of its own, also ones that end badly."""

import json
import sys
from pathlib import Path

import pytest

from edge_common import children

PROGRAM = """
import json, os, signal, sys, time, types
from pathlib import Path
from edge_convert.precision import fork_server

def main(text):
    if text == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if text == "raise":
        raise ValueError("no such op")
    if text == "leave":
        raise SystemExit(4)
    if text == "sleep":
        time.sleep(600)
    print("done", text)

if __name__ == "__main__":
    sys.modules["job"] = types.SimpleNamespace(main=main)
    folder, text = Path(sys.argv[1]), sys.argv[2]
    assert fork_server.start("job", [text], folder / "none.log") is None
    fork_server.launch()
    fork_server.launch()
    child = fork_server.start("job", [text], folder / "job.log")
    if text == "sleep":
        assert child.process.poll() is None
        child.process.kill()
    code = child.wait()
    print(json.dumps([code, child.cause(), (folder / "job.log").read_text()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no server is started")
@pytest.mark.parametrize(
    ("text", "code", "cause"),
    [
        ("well", 0, "done well"),
        ("crash", -11, "the converter crashed (SIGSEGV)"),
        ("raise", 1, "ValueError: no such op"),
        ("leave", 4, "it ended with code 4"),
        ("sleep", -9, "it was killed, most likely for want of memory; close other programs"),
    ],
)
def test_a_fork_ends_as_a_process_would(tmp_path: Path, text: str, code: int, cause: str) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, tmp_path / "program.py", tmp_path, text]
    done = children.run_captured(command, timeout_s=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[:2] == [code, cause]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no server is started")
def test_without_its_server_a_child_is_started_anew(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from edge_convert.precision import fork_server\n"
        "fork_server.launch()\n"
        "os.kill(fork_server._servers[0]._process.pid, signal.SIGKILL)\n"
        "fork_server._servers[0]._process.join()\n"
        "assert fork_server.start('json', [], Path(sys.argv[1], 'log')) is None\n"
        "assert not fork_server._servers\n"
    )
    done = children.run_captured([sys.executable, "-c", program, tmp_path], timeout_s=60)
    assert done.returncode == 0, done.stderr
