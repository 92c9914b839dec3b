"""Mutation testing: how many small changes to the code do the tests notice?

`python -m tests.mutants FOLDER` lays the sources under the names of their packages into FOLDER, lets
mutmut change them, one mutant at a time, and prints a table of those that made a test fail. mutmut
forks for each mutant and runs only the tests that come by the changed function, so that a mutant
takes a second. What it does not change: constants of modules, fields of classes, and functions under a
decorator, so properties too. In the folder's `tree`, `mutmut show NAME` shows a mutant.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.wheels import ROOMS, ROOT

MUTATED = (
    "edge/stream/motion_gate.py",
    "edge/stream/network.py",
    "edge/stream/options.py",
    "edge/stream/preprocess.py",
    "edge/stream/quantise.py",
    "edge/stream/ring.py",
    "edge/stream/stream.py",
    "edge/bundle/archive.py",
    "edge/bundle/manifest.py",
    "edge/bundle/manifest_check.py",
    "edge_benchmarks/statistics/*",
)
TESTS = (
    "tests/edge/stream",
    "tests/edge/bundle/test_bundle.py",
    "tests/edge/bundle/test_manifest.py",
    "tests/edge/bundle/test_messages.py",
    "tests/edge/bundle/test_wrapping.py",
    "tests/benchmarks/statistics",
)
# repeats an experiment some hundred times, for which literal values stand elsewhere
_SLOW = "tests/benchmarks/statistics/test_percentile.py::test_intervals_hold_the_truth"
# the profile gives every mutant the same examples, and no deadline that a busy machine would miss
_PYTEST = ("-p", "no:cacheprovider", "-p", "tests.mutants", "--hypothesis-profile=ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Literal values first: most mutants fail them, and property tests take far longer."""
    items.sort(key=lambda item: hasattr(getattr(item, "obj", None), "is_hypothesis_test"))


def lay_out(folder: Path) -> None:
    """The sources under the names of their packages, the tests, and mutmut's configuration."""
    for room, package in ROOMS.items():
        shutil.copytree(ROOT / room, folder / package, dirs_exist_ok=True)
    for name in ("tests", "models/configs"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    config = ConfigParser()
    config["mutmut"] = {
        "source_paths": _lines(ROOMS.values()),
        "only_mutate": _lines(MUTATED),
        "pytest_add_cli_args": _lines((*_PYTEST, f"--deselect={_SLOW}")),
        "pytest_add_cli_args_test_selection": _lines(TESTS),
        "timeout_multiplier": "6",
        "timeout_constant": "5",
    }
    with (folder / "setup.cfg").open("w") as file:
        config.write(file)


def _lines(values: Iterable[str]) -> str:
    return "\n".join(("", *values))


def build_networks(folder: Path) -> None:
    """What tests need of tensorflow, built here, so that no mutant has to import it."""
    test = "tests/edge/bundle/test_bundle.py"
    _run(ROOT, folder, "pytest", "-q", "-x", "-p", "no:cacheprovider", test)


def _run(directory: Path, built: Path, *arguments: str) -> str:
    environment = {**os.environ, "TESTS_BUILT_IN": str(built)}
    command = [sys.executable, "-m", *arguments]
    result = subprocess.run(command, cwd=directory, env=environment, stdout=subprocess.PIPE)
    output = result.stdout.decode(errors="replace")
    if result.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{output[-3000:]}")
    return output


def outcomes(results: str) -> dict[str, str]:
    """How each mutant that was tried ended, from the lines of `mutmut results --all true`."""
    lines = (line.strip().rpartition(": ") for line in results.splitlines())
    tried = (line for line in lines if "__mutmut_" in line[0] and line[2] != "not checked")
    return {name: outcome for name, _, outcome in tried}


def table(outcome_by_mutant: Mapping[str, str]) -> list[str]:
    """Of each module how many mutants there are, and how many were noticed, also by never ending."""
    count, noticed = Counter[str](), Counter[str]()
    for mutant, outcome in outcome_by_mutant.items():
        for row in (mutant.partition(".x")[0], "all"):
            count[row] += 1
            noticed[row] += outcome in ("killed", "timeout")
    rows = [
        f"| {row} | {count[row]} | {noticed[row]} | {100 * noticed[row] / count[row]:.1f} % |"
        for row in sorted(count, key=lambda row: (row == "all", row))
    ]
    return ["| module | mutants | noticed | share |", "| --- | --- | --- | --- |", *rows]


def main(folder: Path, *mutants: str) -> None:
    """`mutants`: names or patterns of those to try (again); all, if none is given."""
    built = folder.absolute() / "built"
    tree = folder.absolute() / "tree"
    built.mkdir(parents=True, exist_ok=True)
    build_networks(built)
    lay_out(tree)
    _run(tree, built, "mutmut", "run", *mutants)
    results = outcomes(_run(tree, built, "mutmut", "results", "--all", "true"))
    unnoticed = [f"{name}: {end}" for name, end in results.items() if end != "killed"]
    sys.stdout.write("\n".join([*table(results), "", *unnoticed, ""]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
