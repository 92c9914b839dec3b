"""How far something is, and how long it will take, by a clock of the test's own."""

import pytest

from edge_common.console import PaceLine, Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (29, "29 s"), (61, "1 min"), (5940, "99 min"), (9000, "2.5 h")],
)
def test_durations_are_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_time_left_is_told_every_ten_seconds_and_not_at_the_end() -> None:
    now, told = [0.0], []
    tell = PaceLine(told.append, lambda: now[0])
    for finished in range(1, 9):
        now[0] += 4
        tell(finished, 8)
    assert told == ["... 3 of 8, 20 s left", "... 6 of 8, 8 s left"]


def test_what_takes_no_time_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress().count("clips", 3) as on_each:
        for _ in range(3):
            on_each()
    with Progress(quiet=True).count("clips", 1) as on_each:
        on_each()
    assert capsys.readouterr().err.split(maxsplit=2)[2] == "clips (3)\n"
