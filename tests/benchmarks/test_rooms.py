"""The rooms of the bench stand in an order, and import from those below them alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# from the top down; what runs a measurement writes records, and predictions count instructions
ORDER = (
    "cli",
    "commands",
    "suite",
    "remote",
    "show",
    "judge",
    "run",
    "scenarios",
    "cells",
    "record",
    "prediction",
    "inside",
    "measure",
    "statistics",
)
# (room, the one above it that it imports) -> why
EXCEPTIONS = {
    ("scenarios", "show"): "a scenario is one file, with how it is shown",
    ("record", "scenarios"): "a record is read with the results of all scenarios",
}


def _room(path: Path) -> str:
    return path.relative_to(BENCHMARKS).parts[0].removesuffix(".py")


def _imported_rooms(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (m.split(".")[1] for m in modules if m.startswith("edge_benchmarks."))


def test_every_room_has_its_place() -> None:
    rooms = {_room(path) for path in BENCHMARKS.rglob("*.py")} - {"__init__"}
    assert rooms == set(ORDER)


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_from_those_below_alone(room: str) -> None:
    above = set(ORDER[: ORDER.index(room)])
    upwards = [
        f"{path.relative_to(BENCHMARKS)} imports {other}"
        for path in sorted(BENCHMARKS.rglob("*.py"))
        if _room(path) == room
        for other in _imported_rooms(path)
        if other in above and (room, other) not in EXCEPTIONS
    ]
    assert not upwards


def test_no_exception_is_out_of_date() -> None:
    pairs = {(_room(path), o) for path in BENCHMARKS.rglob("*.py") for o in _imported_rooms(path)}
    assert set(EXCEPTIONS) <= pairs
