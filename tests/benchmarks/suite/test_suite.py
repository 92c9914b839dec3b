"""`edge-bench suite`: what is run, what is kept, and what is said of it."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_benchmarks.cli import main
from edge_benchmarks.commands.run import run as run_command
from edge_benchmarks.record import read_record, write_record
from edge_benchmarks.suite.machines import MachineGroup, MachineLost, local_groups
from edge_benchmarks.suite.running import (
    FAILED,
    KEPT,
    MEASURED,
    SuiteRun,
    TimeLeft,
    duration,
    outcomes_table,
)
from edge_benchmarks.suite.suite_file import SuiteEntry, SuiteOptions, default_suite, read_suite
from edge_common.errors import ConfigError
from tests.benchmarks.samples import RECORD

ROOT = Path(__file__).parents[3]
OPTIONS = SuiteOptions(run_command)
QUICK = "[options]\nframes = 10\nseconds = 0.05\nrounds = 2\nprocesses = 0\ncold-starts = 0\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "suite.toml"
    path.write_text(text)
    return path


def titles(path: Path) -> list[str]:
    return [combination.title for combination in read_suite(path, OPTIONS).combinations()]


def test_the_default_suite_runs_the_shipped_network() -> None:
    assert titles(default_suite()) == [
        "faces-in-motion, auto, 1 thread",
        "faces-in-motion, auto, 2 threads",
    ]


def test_all_combinations_bundles_last(tmp_path) -> None:
    text = 'bundles = ["x/a.edge", "b"]\nthreads = [1, 2]\ndelegates = ["", "/lib/d.so"]'
    assert titles(written(tmp_path, text)) == [
        "a, auto, 1 thread",
        "a, auto, 2 threads",
        "a, auto, 1 thread, d.so",
        "a, auto, 2 threads, d.so",
        "b, auto, 1 thread",
        "b, auto, 2 threads",
        "b, auto, 1 thread, d.so",
        "b, auto, 2 threads, d.so",
    ]


def test_options_become_a_command_line(tmp_path) -> None:
    text = (
        f'bundles = ["a", {{ bundle = "b", frames = 7, data = "{tmp_path}" }}]\n'
        "[options]\nframes = 5\nbaselines = true\ncold_starts = 0\n"
    )
    first, second = read_suite(written(tmp_path, text), OPTIONS).combinations()
    start = ["--runtime", "auto", "--threads", "1"]
    common = ["--baselines", "--cold-starts", "0"]
    assert OPTIONS.arguments(first) == [*start, "--frames", "5", *common, "--", "a"]
    assert OPTIONS.arguments(second) == [
        *start, "--frames", "7", *common, "--data", str(tmp_path), "--", "b"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bundles = [", "is not TOML"),
        ("", "key 'bundles' is missing"),
        ('bundle = ["a"]', "unknown key 'bundle'; did you mean 'bundles'\\?"),
        ('bundles = ["a"]\n[options]\nframs = 3', "unknown option 'frams'; did you mean 'frames'"),
        ('bundles = ["a"]\n[options]\nxyzzy = 3', "unknown option 'xyzzy'; there are data, clips"),
        ('bundles = ["a"]\n[options]\nthreads = 2', "give a list `threads` for all"),
        ('bundles = ["a"]\n[options]\noutput = "x"', "unknown option 'output'"),
        ('bundles = ["a"]\n[options]\nframes = "many"', "a, auto, 1 thread: .*'many'"),
        ('bundles = ["a"]\n[options]\nbaselines = 1', "`baselines` is true or false, not 1"),
        ('bundles = ["a"]\n[options]\nframes = true', "`frames` takes a value, not True"),
        ('bundles = ["a"]\n[options]\ndata = "/no/such"', "'/no/such' does not exist"),
        ('bundles = ["a"]\noptions = 1', "key 'options' should be a table"),
        ('bundles = ["a"]\nthreads = [0]', "0 is not in the range"),
        (
            'bundles = ["a"]\nthreads = ["1"]',
            "key 'threads\\[0\\]' should be a whole number, not '1'",
        ),
        ('bundles = ["a"]\nruntimes = ["tf"]', "'tf' is not one of"),
        ("bundles = []", "key 'bundles' should be a list of at least one"),
        ('bundles = ["a"]\nhosts = []', "key 'hosts' should be a list of at least one"),
        ('bundles = ["a"]\nhosts = ["b", "b"]', "key 'hosts' names b twice"),
        ('bundles = ["a"]\nhosts = ["-oX"]', "takes boards as ssh does .*, not '-oX'"),
        (
            'bundles = [{ bundle = "a", host = "b" }]\nhosts = ["c"]',
            "option 'host' and key 'hosts' both name boards",
        ),
        ("bundles = [3]", r"key 'bundles\[0\]' should be text or a table"),
    ],
)
def test_a_mistake_is_named_before_anything_runs(tmp_path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_suite(written(tmp_path, text), OPTIONS)


@pytest.fixture
def combinations(tmp_path) -> list[SuiteEntry]:
    return [SuiteEntry("faces-in-motion", "auto", n, "auto", {}) for n in (1, 2, 3)]


def good(combination: SuiteEntry, path: Path) -> str:
    write_record(path, RECORD)
    return ""


class Fake:
    """A machine that measures with a function."""

    def __init__(self, measure) -> None:
        self.measure = measure

    def interrupt(self) -> None:
        pass


def run_all(combinations, folder, *measures):
    group = MachineGroup(RECORD.machine, [Fake(each) for each in measures])
    group.waiting.extend(enumerate(combinations))
    return SuiteRun([group], folder, lambda text: None, clock=lambda: 0.0).run()


def outcomes(combinations, folder, run) -> list[str]:
    return [outcome.outcome for outcome in run_all(combinations, folder, run)]


def test_a_failure_does_not_end_the_others(combinations, tmp_path) -> None:
    def run(combination: SuiteEntry, path: Path) -> str:
        return "no such delegate" if combination.threads == 2 else good(combination, path)

    found = run_all(combinations, tmp_path, run)
    assert [outcome.outcome for outcome in found] == [MEASURED, FAILED, MEASURED]
    assert "faces-in-motion, auto, 2 threads: no such delegate" in outcomes_table(found)


def test_what_a_lost_machine_was_at_is_left_to_another(combinations, tmp_path) -> None:
    def lost(combination: SuiteEntry, path: Path) -> str:
        raise MachineLost("it was unplugged")

    found = run_all(combinations, tmp_path, lost, good)
    assert [outcome.outcome for outcome in found] == [MEASURED] * 3
    other = [replace(each, options={"clips": 1}) for each in combinations]
    found = run_all(other, tmp_path, lost)
    assert [outcome.outcome for outcome in found] == [FAILED] * 3
    assert "no machine of its kind is left: run the same again" in outcomes_table(found)


def test_each_board_measures_what_names_it_and_this_machine_comes_first(tmp_path) -> None:
    text = 'bundles = ["a", { bundle = "b", host = "pi" }]\n'
    first, second = local_groups(
        read_suite(written(tmp_path, text), OPTIONS).combinations(), OPTIONS
    )
    assert (first.first, second.first) == (True, False)
    assert [each.title for _, each in second.waiting] == ["b, auto, 1 thread, on pi"]
    text = 'bundles = ["a"]\nthreads = [1, 2]\nhosts = ["pi", "nano"]'
    groups = local_groups(read_suite(written(tmp_path, text), OPTIONS).combinations(), OPTIONS)
    assert [[number for number, _ in group.waiting] for group in groups] == [[0, 2], [1, 3]]


def test_finished_records_are_kept_and_others_done_again(combinations, tmp_path) -> None:
    assert outcomes(combinations, tmp_path, good) == [MEASURED] * 3
    partial, broken, _ = sorted(tmp_path.iterdir())
    write_record(partial, replace(RECORD, complete=False))
    broken.write_text("{")
    assert sorted(outcomes(combinations, tmp_path, good)) == [KEPT, MEASURED, MEASURED]
    assert outcomes(combinations, tmp_path, good) == [KEPT] * 3


def test_other_options_files_or_machines_are_other_records(tmp_path) -> None:
    data = tmp_path / "clips.npz"
    data.write_text("a")
    combination = SuiteEntry("faces-in-motion", "auto", 1, "auto", {"data": str(data)})
    machine = RECORD.machine
    names = {combination.record_name(machine), combination.record_name(machine)}
    assert len(names) == 1
    names.add(replace(combination, options={"data": str(data), "clips": 3}).record_name(machine))
    names.add(combination.record_name(replace(machine, cpu="another")))
    data.write_text("ab")
    names.add(combination.record_name(machine))
    assert len(names) == 4
    assert all(name.startswith("faces-in-motion-auto-1-thread-") for name in names)


def test_only_measured_runs_tell_the_time_left() -> None:
    left = TimeLeft(4)
    assert left.bar() == "[--------------------] 0 of 4"
    left.done(None)
    assert left.bar() == "[#####---------------] 1 of 4"
    left.done(90.0)
    assert left.bar() == "[##########----------] 2 of 4, about 3 min left"
    left.done(30.0)
    left.done(30.0)
    assert left.bar() == "[####################] 4 of 4"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (40, "40 s"), (180, "3 min"), (7500, "2 h 5 min")]
)
def test_a_duration_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_suite_end_to_end(tiny_bundle_path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("edge_benchmarks.suite.running.find_spec", lambda name: None)
    path = written(tmp_path, f'bundles = ["{tiny_bundle_path}", "nosuch.edge"]\n{QUICK}')
    output = tmp_path / "out"
    result = CliRunner().invoke(main, ["suite", str(path), "-o", str(output)])
    assert result.exit_code == 1, result.output
    (record,) = output.glob("*.json")
    assert read_record(record).setup.min_frames == 10
    assert "nosuch, auto, 1 thread: there is no bundle 'nosuch.edge'" in result.stdout
    assert "no report: its plots need matplotlib" in result.stdout
    written(tmp_path, f'bundles = ["{tiny_bundle_path}"]\n{QUICK}')
    again = CliRunner().invoke(main, ["suite", str(path), "-o", str(output)])
    assert again.exit_code == 0 and "kept" in again.stdout


def test_an_interrupted_suite_ends_its_run_and_can_go_on(tiny_bundle_path, tmp_path) -> None:
    path = written(tmp_path, f'bundles = ["{tiny_bundle_path}"]\n[options]\nseconds = 500\n')
    code = "from edge_benchmarks.cli import main; main(prog_name='edge-bench')"
    command = [sys.executable, "-c", code, "suite", str(path), "-o", str(tmp_path / "out")]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert "0 of 1" in running.stderr.readline()
    child = _listening_child_of(running.pid)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 130
    assert "Interrupted." in running.stderr.read()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert not any(read_record(path).complete for path in (tmp_path / "out").glob("*.json"))


def _listening_child_of(pid: int) -> int:
    """The process that the suite started, once it is one that ends when told to."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        for child in " ".join(path.read_text() for path in tasks).split():
            if b"\0run\0" not in Path(f"/proc/{child}/cmdline").read_bytes():
                continue  # forked, and still a copy of its parent
            status = Path(f"/proc/{child}/status").read_text()
            caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
            if caught >> (signal.SIGTERM - 1) & 1:
                return int(child)
    raise AssertionError("no run was started")
