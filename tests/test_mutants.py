"""Mutation testing looks at files that are there, and counts what mutmut reports."""

from pathlib import Path

import pytest

from tests.mutants import MUTATED, TESTS, outcomes, table
from tests.wheels import ROOMS, ROOT

FOLDERS = {package: ROOT / folder for folder, package in ROOMS.items()}
REPORT = """
    edge.bundle.archive.x_index__mutmut_1: killed
    edge.bundle.archive.x_index__mutmut_2: survived
    edge.bundle.archive.x_index__mutmut_3: not checked
    edge.stream.ring.xǁRingǁclear__mutmut_1: timeout
    edge.stream.ring.xǁRingǁclear__mutmut_2: no tests
    edge.stream.ring.xǁRingǁadvance__mutmut_1: killed
"""


@pytest.mark.parametrize("pattern", MUTATED)
def test_what_is_changed_is_there(pattern: str) -> None:
    package, _, path = pattern.partition("/")
    assert list(FOLDERS[package].glob(path))


@pytest.mark.parametrize("path", TESTS)
def test_the_tests_are_there(path: str) -> None:
    assert Path(ROOT, path).exists()


def test_a_module_has_a_row_and_all_have_the_last() -> None:
    assert table(outcomes(REPORT))[2:] == [
        "| edge.bundle.archive | 2 | 1 | 50.0 % |",
        "| edge.stream.ring | 3 | 2 | 66.7 % |",
        "| all | 5 | 3 | 60.0 % |",
    ]
