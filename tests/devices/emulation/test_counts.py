"""What the plugin writes, and what is made of it."""

import pytest
from hypothesis import given, strategies as st

from edge_devices.emulation.counting import (
    InstructionKind,
    Mark,
    by_class,
    moved_bytes,
    parse_marks,
)

KINDS = (
    InstructionKind("load", 0xF, 1, 16),
    InstructionKind("load", 0xF, 2, 8),
    InstructionKind("dot_product", 0xF, 3, 0),
    InstructionKind("store", 0xF, 4, 4),
)


def test_each_line_is_a_mark() -> None:
    assert parse_marks("1 1000 90 1 2 3 4\n2 70 8 10 20 30 0\n", 4) == (
        Mark(1, 1000, 90, (1, 2, 3, 4)),
        Mark(2, 70, 8, (10, 20, 30, 0)),
    )


@pytest.mark.parametrize("text", ["1 1000 90 1 2 3\n", "1 1000\n", "tag\n"])
def test_a_line_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_marks(text, 4)


def test_kinds_of_one_class_are_added() -> None:
    mark = Mark(2, 70, 8, (10, 20, 30, 0))
    assert by_class(mark, KINDS) == {"load": 30, "dot_product": 30, "other": 10}
    assert moved_bytes(mark, KINDS, "load") == 320
    assert moved_bytes(mark, KINDS, "store") == 0


@given(st.lists(st.integers(0, 10**12), min_size=4, max_size=4), st.integers(0, 10**12))
def test_classes_add_up_to_all(of_kinds: list[int], others: int) -> None:
    mark = Mark(2, sum(of_kinds) + others, 1, tuple(of_kinds))
    assert sum(by_class(mark, KINDS).values()) == mark.instructions
