"""Every command, installed from a wheel, in a folder whose own packages have the names of our folders."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edge_models.datasets.orl import package_file
from examples.demo_video import write_film
from tests.wheels import ROOMS, ROOT

PACKAGES = ("benchmarks", "common", "convert", "devices", "examples", "models", "tests")
MODULES = ("cli", "console", "errors", "json_lines", "record", "run_module", "statistics")
TRAP = 'raise ImportError("the user\'s own " + __name__ + " was imported")\n'
COMMANDS = (
    "edge-run", "edge-convert", "edge-train", "edge-bench", "edge-devices", "edge-bundle", "edge-batch",
    "edge-fleet",
)  # fmt: skip
Run = Callable[..., str]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with our wheel, and with what it needs from this very environment."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps"]
    subprocess.run([*pip, "--no-index", str(wheel)], check=True, capture_output=True)
    site = next((venv / "lib").glob("python*")) / "site-packages"
    # plain paths: the links of an editable install that lie there are not followed
    needed = [path for path in sys.path if path.endswith("-packages")]
    (site / "needed.pth").write_text("\n".join(needed))
    return venv / "bin"


@pytest.fixture(scope="module")
def user_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which importing anything by the name of one of our folders or files raises."""
    folder = tmp_path_factory.mktemp("user")
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(TRAP)
    for name in MODULES:
        (folder / f"{name}.py").write_text(TRAP)
    return folder


@pytest.fixture(scope="module")
def run(environment: Path, user_folder: Path) -> Run:
    """Run a program of the environment in the user's folder; gives what it printed."""

    def run_in_folder(program: str, *arguments: str | Path) -> str:
        inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        result = subprocess.run(
            [environment / program, *arguments],
            capture_output=True,
            text=True,
            cwd=user_folder,
            env={**inherited, "HOME": str(user_folder)},
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run_in_folder


def test_it_is_the_wheel_that_runs(run: Run, environment: Path) -> None:
    rooms = (
        "edge, edge_benchmarks, edge_common, edge_convert, edge_devices, edge_fleet, edge_models"
    )
    files = run("python", "-c", f"import {rooms}\nfor room in ({rooms}): print(room.__file__)")
    assert all(line.startswith(str(environment.parent)) for line in files.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_printed(run: Run, command: str) -> None:
    assert run(command, "--help").startswith(f"Usage: {command} ")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_option_is_one_line_off_terminals(environment: Path, command: str) -> None:
    result = subprocess.run([environment / command, "--nosuch"], capture_output=True, text=True)
    assert result.returncode == 2 and not result.stdout
    assert result.stderr.startswith("Error: No such option '--nosuch'.")
    assert result.stderr.count("\n") == 1


def test_a_video_is_run(run: Run, video_path: Path) -> None:
    assert (
        run("edge-run", "faces-in-motion", "--source", video_path, "--jsonl", "-").count('"tasks"')
        == 16
    )


def test_a_board_is_emulated(run: Run, video_path: Path) -> None:
    emulated = ("--device", "emulated:pi-5", "--jsonl", "-")
    assert '"predicted_for": "pi-5"' in run(
        "edge-run", "faces-in-motion", "--source", video_path, *emulated
    )


def test_fresh_processes_are_timed(run: Run) -> None:
    short = ("--frames", "3", "--seconds", "0.01", "--rounds", "1")
    fresh = ("--processes", "2", "--cold-starts", "1")
    assert '"process_floors_ms"' in run("edge-bench", *short, *fresh, "--json")


def test_no_module_is_started_by_its_bare_name() -> None:
    """`python -m` looks into the user's folder first; on the board of `--host` there is none."""
    files = {path: path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    started = {path.relative_to(ROOT).as_posix() for path, text in files.items() if '"-m"' in text}
    assert {name for name in started if not name.startswith("benchmarks/remote/agent/")} == set()


def test_the_clock_is_held_against_another_program(run: Run) -> None:
    code = """
from edge import open_bundle
from edge.stream import StreamOptions
from edge_benchmarks.inside.cross_check import CrossCheckPlan, cross_check

model = open_bundle("faces-in-motion").members["head.tflite"]
print(cross_check(model, StreamOptions(), CrossCheckPlan(1, 2, 1), lambda: None).reference)
"""
    assert run("python", "-c", code) == "LiteRT's benchmark script\n"


def test_a_suite_is_run(run: Run, user_folder: Path) -> None:
    options = "frames = 3\nseconds = 0.01\nrounds = 1\nprocesses = 0\ncold-starts = 0\n"
    suite = f"bundles = ['face']\n[options]\n{options}"
    (user_folder / "suite.toml").write_text(suite)
    run("edge-bench", "suite", "suite.toml", "-o", "records")
    assert list((user_folder / "records").glob("*.json"))


def test_predictions_and_facts_are_made(run: Run) -> None:
    assert "pi-5" in run("edge-bench", "predict", "--device", "pi-5")
    assert '"facts_schema"' in run("edge-bench", "facts", "--json")


def test_this_machine_is_checked(run: Run) -> None:
    run("edge-devices", "show")
    run("edge-devices", "list")
    run("edge-devices", "record", "this-machine")


def test_a_network_is_converted(run: Run, tiny_model_path: Path, tiny_clips_path: Path) -> None:
    clips = ("--calibration", tiny_clips_path, "--validation", tiny_clips_path)
    run("edge-convert", tiny_model_path, "-o", "tiny.edge", *clips, "--report", "tiny.html")
    assert run("edge-run", "tiny.edge", "--self-test").startswith("self-test passed")


def test_the_example_of_the_readme_runs(run: Run, user_folder: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[:1]
    photo = cv2.imread(str(package_file("skimage", "data/astronaut.png")))
    write_film(user_folder / "clip.mp4", [photo] * 20)
    (user_folder / "example.py").write_text(example)
    assert run("python", "example.py").startswith("1 ")  # the first person
