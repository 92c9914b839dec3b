"""What the commands give is what version 0.1.0 gave, and new keys: figures, options, exit codes.

Sentences may be reworded, so of each only its figures are compared.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.bundle import open_bundle, write_bundle
from edge.shipped import find_bundle
from edge_benchmarks.measure.timing import Plan
from tests.recorded import commands
from tests.recorded.commands import CASES, REFUSED, SUMMARY, Case

EXPECTED = Path(__file__).parent / "expected"
COMMANDS = ("edge-run", "edge-convert", "edge-train", "edge-bench", "edge-devices")
# the program that became `python -m examples.thesis_table`, which nobody installs
LEFT = ("edge-bench table", "edge-bench table utkface")
# names that a message has to keep: options, files, and what stands in quotes
_NAMES = re.compile(r"--[a-z][a-z-]+|'[^' ]+'|[\w-]+\.[a-z]\w+")


def expected(name: str) -> Any:
    return json.loads((EXPECTED / f"{name}.json").read_text())


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The inputs of all cases as current folder, and nothing of this user's configuration."""
    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(folder))
        commands.prepare(folder)
        yield folder


def figures(text: str) -> list[float]:
    """The numbers in a text, in order."""
    text = re.sub(r"\d+ MB here", "", text)  # memory of this very process
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def assert_alike(value: Any, recorded: Any, where: str = "") -> None:
    """The same keys, items, types and figures; text of several words may be reworded."""
    if isinstance(recorded, dict):
        assert isinstance(value, dict), where
        assert set(value) == set(recorded), where
        for key, item in recorded.items():
            assert_alike(value[key], item, f"{where}.{key}")
    elif isinstance(recorded, list):
        assert isinstance(value, list), where
        assert len(value) == len(recorded), where
        for number, item in enumerate(recorded):
            assert_alike(value[number], item, f"{where}[{number}]")
    elif isinstance(recorded, float):
        assert value == pytest.approx(recorded, rel=1e-4, abs=1e-3), where
    elif isinstance(recorded, str) and " " in recorded.strip():
        assert figures(value) == pytest.approx(figures(recorded), rel=1e-3), f"{where}: {value}"
    else:
        assert value == recorded, where


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_command_gives_what_it_gave(case: Case) -> None:
    recorded = expected(case.command)[case.name]
    assert_alike(commands.outcome(case), recorded)


def test_a_run_without_people_sums_up_in_the_same_keys() -> None:
    assert commands.structure(commands.outcome(SUMMARY)["output"]) == expected("summary")


@pytest.mark.parametrize(("command", "arguments"), REFUSED)
def test_what_was_refused_is_refused_in_one_line(command: str, arguments: str) -> None:
    recorded = expected("refused")[f"{command} {arguments}"]
    result = commands.call(command, arguments)
    assert result["exit_code"] == recorded["exit_code"] == 2
    message, recorded_message = (r["stderr"].splitlines()[-1] for r in (result, recorded))
    assert message.startswith("Error: ")
    assert set(_NAMES.findall(recorded_message)) <= set(_NAMES.findall(message)), message
    assert "Traceback" not in result["stderr"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_still_there(command: str) -> None:
    options = commands.options(command)
    recorded = {
        path: parameters
        for path, parameters in expected("options").items()
        if path.split()[0] == command and path not in LEFT
    }
    for path, parameters in recorded.items():
        for name, option in parameters.items():
            assert name in options[path], f"{path} lacks {name}"
            choices = option.pop("choices")
            assert set(choices) <= set(options[path][name].pop("choices")), f"{path} {name}"
            # one that was given once may be given more often
            assert option.pop("repeatable") <= options[path][name].pop("repeatable"), (
                f"{path} {name}"
            )
            # one that was needed may be left out
            assert option.pop("required") >= options[path][name].pop("required"), f"{path} {name}"
            assert options[path][name] == option, f"{path} {name}"


def test_a_record_has_every_key_of_the_recorded_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Plan(frames=20, seconds=0.05, rounds=2)
    monkeypatch.setattr("edge_benchmarks.measure.processes.PLAN", short)
    options = (
        "--frames 20 --seconds 0.05 --processes 4 --cold-starts 1 --baselines --baseline-frames 3"
        " --rounds 2 --scenario camera --scenario offline --scenario multi-stream --scenario cold"
        " --scenario soak --soak-minutes 0.02 --profile"
    )
    result = commands.call("edge-bench", f"faces-in-motion {options} -o new.json")
    assert result["exit_code"] == 0, result["stderr"]
    record = json.loads((folder / "new.json").read_text())
    assert_holds(commands.structure(record), expected("record"))


def assert_holds(value: Any, recorded: Any, where: str = "record") -> None:
    """Every key of the recorded structure, of the recorded type or empty."""
    if isinstance(recorded, dict):
        assert isinstance(value, dict | str), where
        for key, item in recorded.items() if isinstance(value, dict) else ():
            assert key in value, f"{where}.{key}"
            assert_holds(value[key], item, f"{where}.{key}")
    elif isinstance(recorded, list):
        assert isinstance(value, list), where
        if recorded and value and isinstance(recorded[0], dict):
            assert_holds(value[0], recorded[0], f"{where}[]")
    else:
        assert value == recorded or "NoneType" in (value, recorded), f"{where}: {value}"


@pytest.mark.parametrize("name", ["faces-in-motion", "face"])
def test_a_shipped_bundle_written_again_is_the_same_file(name: str, tmp_path: Path) -> None:
    bundle = open_bundle(name)
    write_bundle(tmp_path / "again.edge", bundle.manifest, bundle.members)
    assert (tmp_path / "again.edge").read_bytes() == find_bundle(name).read_bytes()
