import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from edge.summary import process_age_s


def test_it_is_the_time_since_boot_less_that_of_the_start(tmp_path: Path) -> None:
    fields = ["S"] + ["0"] * 18 + [str(125 * os.sysconf("SC_CLK_TCK")), "99", "98"]
    stat = tmp_path / "stat"
    stat.write_text(f"4711 (a (strange) name) {' '.join(fields)}\n")
    assert process_age_s(stat, lambda: 125.75) == 0.75


def test_where_there_is_no_proc_psutil_serves(tmp_path: Path) -> None:
    assert abs(process_age_s(tmp_path / "nosuch") - process_age_s()) < 2.0


def test_a_system_that_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a chroot in which nothing was mounted."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert process_age_s(tmp_path / "nosuch") == 0.0


def test_a_fresh_process_is_no_older_than_its_parent_knows() -> None:
    code = "from edge.summary import process_age_s; print(process_age_s())"
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.0 < float(done.stdout) <= time.monotonic() - started + 0.01  # a tick
