"""Programs on real workers: what comes back, who ends them, and what a lost worker costs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edge_common import ConfigError, cluster, worker_programs
from edge_common.worker_programs import Program, SchedulerLost, WorkerPrograms
from tests import clusters

HOSTS = ("127.0.0.1", "127.0.0.2")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPrograms]:
    with (
        clusters.running(tmp_path_factory.mktemp("workers"), HOSTS) as opened,
        cluster.connected(opened.scheduler_address) as client,
    ):
        yield WorkerPrograms(client)


def python(code: str, *outputs: str, **options: Any) -> Program:
    """A program that runs some code once."""
    return Program("timeit", ("-n", "1", "-r", "1", code), outputs, **options)


def ended(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def pid_in(path: Path) -> int:
    """What a program wrote there, once it did."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("no program was started")


def test_files_go_there_and_outputs_come_back(programs: WorkerPrograms) -> None:
    code = "open('b', 'w').write(open('0/a').read() * 2); open('d', 'w')"
    for content in (b"one", b"two", b"one"):
        result = programs.start(python(code, "b", "c"), {"0/a": content}).result()
        assert result and result.reason == "" and result.outputs == {"b": content * 2}
    assert len(programs._files) == 2  # each was sent once


@pytest.mark.parametrize(
    ("code", "exit_code", "reason"),
    [
        ("os.write(2, b'one\\nError: no such thing\\n'); os._exit(2)", 2, "no such thing"),
        ("os._exit(3)", 3, "ended with exit code 3"),
        ("os.kill(os.getpid(), 11)", -11, "it was ended by SIGSEGV"),
    ],
)
def test_a_failure_is_one_line(
    programs: WorkerPrograms, code: str, exit_code: int, reason: str
) -> None:
    result = programs.start(python(f"import os; {code}"), {}).result()
    assert result and (result.exit_code, result.reason) == (exit_code, reason)


def test_a_worker_that_cannot_is_said(programs: WorkerPrograms) -> None:
    run = programs.start(python("1", folder="/no/such/folder"), {})
    with pytest.raises(ConfigError, match="a worker cannot run it: .*/no/such/folder"):
        run.result()


def test_what_is_cancelled_ends(programs: WorkerPrograms, tmp_path: Path) -> None:
    code = f"import os, time; print(os.getpid(), file=open('{tmp_path}/pid', 'w')); time.sleep(600)"
    run = programs.start(python(code), {})
    pid = pid_in(tmp_path / "pid")
    assert run.result(0.1) is None
    run.cancel()
    assert ended(pid)
    with pytest.raises(SchedulerLost, match="this was cancelled: run the same again"):
        run.result()


def test_a_lost_worker_takes_its_program_along_and_another_runs_it(
    programs: WorkerPrograms, tmp_path: Path
) -> None:
    first, marker = tmp_path / "pid", tmp_path / "again"
    code = (
        "import os, time\n"
        f"if os.path.exists({str(marker)!r}): open('out', 'a').write('once')\n"
        "else:\n"
        f"  open({str(marker)!r}, 'w'); print(os.getpid(), file=open({str(first)!r}, 'w'))\n"
        "  time.sleep(600)"
    )
    run = programs.start(python(code, "out"), {"in": b"x"})
    pid = pid_in(first)
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent in programs.client.run(os.getpid).values()
    os.kill(parent, signal.SIGKILL)
    assert ended(pid)
    result = run.result(60)
    assert result and result.outputs == {"out": b"once"}


def test_on_one_machine_one_measures_at_a_time(programs: WorkerPrograms, tmp_path: Path) -> None:
    """Two workers of one machine, whatever their addresses."""
    code = (
        "import json, time; t = time.monotonic(); time.sleep(0.4)\n"
        "json.dump([t, time.monotonic()], open('times', 'w'))"
    )
    programs.client.wait_for_workers(2)
    measured = {}
    for alone in (True, False):
        runs = [
            programs.start(python(code, "times", alone=alone), {}, host)
            for host in programs.hosts()
        ]
        assert len(runs) == 2
        results = [run.result(60) for run in runs]
        measured[alone] = sorted(json.loads(each.outputs["times"]) for each in results if each)
    (_, end), (start, _) = measured[True]
    assert end <= start
    assert all(stop - start >= 0.4 for start, stop in measured[False])


def test_what_dask_sets_for_its_workers_is_not_for_programs(programs: WorkerPrograms) -> None:
    code = "import json, os; json.dump(dict(os.environ), open('e', 'w'))"
    result = programs.start(python(code, "e"), {}).result(60)
    assert result
    environment = json.loads(result.outputs["e"])
    assert programs.client.run(os.getenv, "OMP_NUM_THREADS").popitem()[1] == "1"
    assert "OMP_NUM_THREADS" not in environment
    assert environment["PYTHONHASHSEED"] == "0"


def test_a_lost_scheduler_is_one_error_and_its_programs_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 60)
    monkeypatch.setattr(cluster, "_FIRST_WORKER_S", 60)
    file, dask = tmp_path / "scheduler.json", [sys.executable, "-m", "dask"]
    words = ["--no-dashboard", "--scheduler-file", str(file)]
    scheduler = subprocess.Popen([*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", *words])
    worker = subprocess.Popen([*dask, "worker", *words, "--nthreads", "1"], cwd=tmp_path)
    try:
        with cluster.connected(address_in(file)) as client:
            code = f"print(os.getpid(), file=open('{tmp_path}/pid', 'w')); time.sleep(600)"
            run = WorkerPrograms(client).start(python(f"import os, time; {code}"), {})
            pid = pid_in(tmp_path / "pid")
            scheduler.kill()
            with pytest.raises(SchedulerLost):
                run.result(30)
            assert ended(pid)
            client.close()
            with pytest.raises(SchedulerLost):
                WorkerPrograms(client).hosts()
            with pytest.raises(SchedulerLost):
                WorkerPrograms(client).start(python("1"), {})
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait(60)


def address_in(file: Path) -> str:
    """Where a scheduler listens, once it says so."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError, ValueError):
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.05)
    raise AssertionError("no scheduler was started")


def test_dask_is_not_needed_until_a_cluster_is_asked_for() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['dask', 'distributed']))\n"
        "from edge_common import cluster, worker_programs\n"
        "try: cluster.connected('tcp://127.0.0.1:9').__enter__()\n"
        "except ImportError as error: print(error.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "dask\n", done.stderr
    assert worker_programs.__file__
