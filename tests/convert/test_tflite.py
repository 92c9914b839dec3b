import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from convert.tflite import Conversion, Workshop
from edge.errors import ModelError


def _child(code: str, folder: Path) -> Conversion:
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=stream, stderr=stream)
    return Conversion("encoder", "int8", process, folder / "none.tflite", log)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"crashed \(SIGSEGV\)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "for want of memory"),
        ("raise ValueError('no such op')", "ValueError: no such op"),
        ("raise SystemExit(4)", "ended with code 4"),
    ],
)
def test_a_child_that_ends_badly_is_reported(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(ModelError, match=f"converting the encoder to int8 failed: .*{message}"):
        _child(code, tmp_path).result()


def test_children_are_ended_on_leaving(tmp_path: Path) -> None:
    with Workshop(tmp_path) as shop:
        process = _child("import time; time.sleep(600)", tmp_path).process
        shop._children.append(process)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
