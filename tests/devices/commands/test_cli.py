"""edge-devices as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_devices.cli import main
from tests.devices.profiles.own_profiles import OwnProfiles
from tests.devices.trees import JETSON_NANO, PI_4, PI_5, PI_ZERO_2_W, XAVIER_NX, plant


@pytest.fixture
def run(own: OwnProfiles):
    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)

    return invoke


def test_list(run) -> None:
    done = run("list")
    assert done.exit_code == 0
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["name", "board", "cores", "MHz", "memory", "profile"]
    pi_5 = next(row for row in rows if row.startswith("pi-5"))
    assert "4 x ARM Cortex-A76" in pi_5 and "2400  2 to 16 GB  shipped" in pi_5
    assert sum(" *" in row.split("  ")[0] for row in rows) == 1
    assert rows[-1].startswith("* this machine (")


def test_list_as_json(run, own: OwnProfiles) -> None:
    path, broken = own.add("rock-5b", "Radxa ROCK 5B"), own.write("torn", "=")
    told = json.loads(run("list", "--json").stdout)
    boards = {board["name"]: board for board in told["boards"]}
    assert len(boards) == 11 and sum(board["is_this_machine"] for board in told["boards"]) == 1
    assert boards["pi-zero-2w"] == {
        "name": "pi-zero-2w",
        "title": "Raspberry Pi Zero 2 W",
        "cores": 4,
        "cpu": "ARM Cortex-A53",
        "clock_mhz": 1000,
        "memory_mib": [512],
        "is_this_machine": False,
        "file": None,
    }
    assert boards["rock-5b"]["file"] == str(path)
    assert told["broken"][0]["file"] == str(broken)


def test_a_broken_profile_is_listed_and_disturbs_nothing(run, own: OwnProfiles) -> None:
    path = own.write("torn", "schema = 1\n")
    reason = f"{path}: key 'name' is missing"
    assert f"broken, left out: {reason}" in run("list").stdout
    shown = run("show", "pi-4")
    assert shown.exit_code == 0 and shown.stdout.startswith("Raspberry Pi 4 Model B (pi-4)")
    assert shown.stderr == f"left out: {reason}\n"
    asked = run("show", "torn")
    assert asked.exit_code == 2 and asked.stderr.endswith(f"Error: {reason}\n")


def test_show_a_board_by_name(run) -> None:
    done = run("show", "jetson-xavier-nx")
    assert done.exit_code == 0
    for words in ("6 x NVIDIA Carmel at 1900 MHz", "no dot products", "L3 4096 KiB", "nothing"):
        assert words in done.stdout
    profile = json.loads(run("show", "pi-5", "--json").stdout)["profile"]
    assert profile["cpu"]["clock_mhz"] == 2400 and profile["recognise"]["compatible"]


def test_show_an_unknown_board(run) -> None:
    done = run("show", "pi5")
    assert done.exit_code == 2 and "did you mean 'pi-5'?" in done.stderr
    assert done.stderr.count("\n") == 1


def test_show_a_recorded_machine(run, tmp_path: Path) -> None:
    done = run("show", "--root", plant(tmp_path / "root", PI_4))
    assert done.exit_code == 0
    for words in (
        "recognised by its model: 'Raspberry Pi 4 Model B Rev 1.4'",
        "1500 MHz of 1800, ondemand (cores 0 1 2 3)",
        "49 degrees Celsius",
        "under-voltage and throttled now; under-voltage and throttled since boot",
        "Debian GNU/Linux 12 (bookworm), kernel 6.6.31+rpt-rpi-v8",
        "Raspberry Pi 4 Model B (pi-4), as its profile has it",
    ):
        assert words in " ".join(done.stdout.split())


def test_show_a_recorded_machine_as_json(run, tmp_path: Path) -> None:
    root = plant(tmp_path / "root", XAVIER_NX)
    told = json.loads(run("show", "--root", root, "--json").stdout)
    assert told["detected"]["how"] == "model" and told["profile"]["name"] == "jetson-xavier-nx"
    now = told["now"]
    assert (now["cores"], now["temperature_c"]) == (6, 37.5)
    assert now["power_modes"]["now"]["name"] == "MODE_15W_6CORE"
    assert now["snapshot"]["clocks"][0]["max_khz"] == 1_420_800


def test_show_this_machine(run) -> None:
    assert json.loads(run("show", "--json").stdout)["now"]["cores"] == os.cpu_count()


def test_doctor_tells_problems_first_and_fails(run, tmp_path: Path) -> None:
    done = run("doctor", "--root", plant(tmp_path / "root", PI_4))
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        "problem",
        "throttling",
        "under-voltage",
        "and",
        "throttled,",
        "now",
    ]
    assert lines[1].strip().startswith("-> use the board's own power supply")
    assert lines[-1] == "1 problem, 1 warning, 6 checks without complaint"


def test_doctor_is_content(run, tmp_path: Path) -> None:
    done = run("doctor", "--root", plant(tmp_path / "root", JETSON_NANO))
    assert done.exit_code == 0 and "->" not in done.stdout
    assert done.stdout.endswith("no problems, no warnings, 8 checks without complaint\n")


def test_doctor_as_json(run, tmp_path: Path) -> None:
    done = run("doctor", "--json", "--root", plant(tmp_path / "root", PI_ZERO_2_W))
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    checks = {check["check"]: check for check in told["checks"]}
    assert told["board"] == "pi-zero-2w" and checks["governor"]["status"] == "problem"
    assert set(checks["governor"]) == {"check", "status", "what", "advice", "command"}


def test_a_machine_is_recorded_and_looked_at_elsewhere(run, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    done = run("record", folder)
    assert done.exit_code == 0
    assert done.stdout.endswith(f"files in {folder}; now: edge-devices doctor --root {folder}\n")
    here, there = run("doctor", "--json"), run("doctor", "--json", "--root", folder)
    names = [
        [check["check"] for check in json.loads(done.stdout)["checks"]] for done in (here, there)
    ]
    assert names[0] == names[1] and here.exit_code == there.exit_code
    assert run("record", folder).exit_code == 2


@pytest.mark.parametrize("command", ["show", "doctor"])
def test_a_folder_that_is_no_machine(run, tmp_path: Path, command: str) -> None:
    done = run(command, "--root", tmp_path)
    assert done.exit_code == 2 and "holds no proc, sys, etc" in done.stderr
    assert run(command, "--root", tmp_path / "missing").exit_code == 2


@pytest.mark.parametrize("command", ["", "list", "show", "doctor", "record"])
def test_help_has_examples(run, command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.exit_code == 0 and "Examples:" in done.stdout
    assert f"edge-devices {command}".strip() in done.stdout


def test_a_process_of_its_own(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", PI_5)
    done = subprocess.run(
        [sys.executable, "-m", "edge_devices.cli", "doctor", "--root", str(root)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "warning  governor" in done.stdout and "\x1b" not in done.stdout


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys\nfrom edge_devices.cli import main\n"
        "try: main(['doctor'])\nexcept SystemExit: pass\n"
        "print({'numpy', 'psutil', 'tensorflow', 'cv2', 'ai_edge_litert'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr
