import pytest
from hypothesis import given, strategies as st

from edge_common.console import hanging, printable, section


def test_a_section_leaves_out_what_has_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = section("Now", [("a", "one two three four five six seven"), ("b", None), ("c", "x")], 4)
    assert text == "Now\n  a   one two three four five six seven\n  c   x"


def test_long_lines_wrap_below_their_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert hanging("ok    ", "one two three four five six seven eight") == (
        "ok    one two three four five six\n      seven eight"
    )


@given(st.text())
def test_no_control_character_reaches_the_terminal(text: str) -> None:
    assert printable(text).isprintable() and len(printable(text)) == len(text)


def test_an_escape_sequence() -> None:
    assert hanging("", "\x1b[2Jboo") == "?[2Jboo"
