"""Mutation testing: how many small changes to the code do the tests notice?

`python -m tests.mutants FOLDER` lays the sources under the names of their packages into FOLDER, lets
mutmut change them, one mutant at a time, and prints a table of those that made a test fail. mutmut
forks for each mutant and runs only the tests that come by the changed function, so that a mutant
takes a fraction of a second.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.wheels import ROOMS, ROOT

MUTATED = (
    "edge/stream/decision.py",
    "edge/stream/quantise.py",
    "edge/stream/ring.py",
    "edge/stream/stream.py",
    "edge/bundle/archive.py",
    "edge/bundle/manifest.py",
    "edge_benchmarks/statistics/*",
)
TESTS = (
    "tests/edge/stream",
    "tests/edge/bundle/test_bundle.py",
    "tests/edge/bundle/test_manifest.py",
    "tests/benchmarks/statistics",
)
_CONFIG = f"""[mutmut]
source_paths=
    {
    '''
    '''.join(ROOMS.values())
}
only_mutate=
    {
    '''
    '''.join(MUTATED)
}
pytest_add_cli_args=
    -p
    no:cacheprovider
    --hypothesis-profile=ci
    --deselect=tests/benchmarks/statistics/test_percentile.py::test_intervals_hold_the_truth
pytest_add_cli_args_test_selection=
    {
    '''
    '''.join(TESTS)
}
"""


def lay_out(folder: Path) -> None:
    """The sources under the names of their packages, the tests, and mutmut's configuration."""
    for room, package in ROOMS.items():
        shutil.copytree(ROOT / room, folder / package, dirs_exist_ok=True)
    for name in ("tests", "models/configs"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "setup.cfg").write_text(_CONFIG)


def build_networks(folder: Path) -> None:
    """What tests need of tensorflow, built here, so that no mutant has to import it."""
    test = "tests/edge/bundle/test_bundle.py"
    _run(ROOT, folder, "pytest", "-q", "-x", "-p", "no:cacheprovider", test)


def _run(directory: Path, built: Path, *arguments: str) -> str:
    environment = {**os.environ, "TESTS_BUILT_IN": str(built)}
    result = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=directory, env=environment, stdout=subprocess.PIPE
    )
    return result.stdout.decode(errors="replace")


def scores(results: str) -> dict[str, Counter[str]]:
    """Of each module how many mutants ended how, from the lines of `mutmut results --all true`."""
    table: dict[str, Counter[str]] = {}
    for line in results.splitlines():
        name, _, outcome = line.strip().rpartition(": ")
        if "__mutmut_" in name:
            module = name.partition(".x")[0]
            table.setdefault(module, Counter())[outcome] += 1
    return table


def share_noticed(outcomes: Counter[str]) -> float:
    """Killed ones, also by never ending, of all."""
    return (outcomes["killed"] + outcomes["timeout"]) / outcomes.total()


def main(folder: Path) -> None:
    built = folder.absolute() / "built"
    tree = folder.absolute() / "tree"
    built.mkdir(parents=True, exist_ok=True)
    build_networks(built)
    lay_out(tree)
    _run(tree, built, "mutmut", "run", *sys.argv[2:])
    table = scores(_run(tree, built, "mutmut", "results", "--all", "true"))
    rows = [*table.items(), ("all", sum(table.values(), Counter()))]
    sys.stdout.write("| module | mutants | noticed |\n| --- | --- | --- |\n")
    for module, outcomes in rows:
        row = f"| {module} | {outcomes.total()} | {100 * share_noticed(outcomes):.0f} % |"
        sys.stdout.write(row + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
