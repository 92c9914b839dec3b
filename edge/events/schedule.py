"""When an alert is looked at: days and hours of local time."""

import re
from dataclasses import dataclass
from datetime import datetime

from edge_common import nearest

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FORM = "[DAYS ]HH:MM-HH:MM, such as 'mon-fri 08:00-18:00', 'sat,sun 22:00-06:00' or '07:30-24:00'"
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAY = 24 * 60


@dataclass(frozen=True)
class Hours:
    """From a minute of the day on, to another one, on the days (0: Monday) on which it begins.

    An end that is not after the beginning is one of the next day.
    """

    days: frozenset[int]
    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Raises ValueError for what is none."""
        *days, hours = text.lower().rsplit(maxsplit=1) or [""]
        match = _HOURS.fullmatch(hours)
        if not match:
            raise ValueError(f"'{text}' is no time of day: use {FORM}")
        values = [int(number) for number in match.groups()]
        start, end = values[0] * 60 + values[1], values[2] * 60 + values[3]
        if max(values[1], values[3]) > 59 or start >= _DAY or end > _DAY:
            raise ValueError(f"'{text}' has a time that no clock shows: use {FORM}")
        if start == end:
            raise ValueError(f"'{text}' begins when it ends: leave it out for all day")
        return cls(_days(days[0]) if days else frozenset(range(7)), start, end)

    def hold(self, moment: datetime) -> bool:
        minute, day = moment.hour * 60 + moment.minute, moment.weekday()
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        begun_yesterday = (day - 1) % 7 in self.days and minute < self.end
        return begun_yesterday or (day in self.days and minute >= self.start)


def _days(text: str) -> frozenset[int]:
    """Of `mon-fri` or `sat,sun`."""
    days = set[int]()
    for piece in re.sub(r"\s", "", text).split(","):
        first, _, last = piece.partition("-")
        for name in (first, last or first):
            if name not in DAYS:
                raise ValueError(f"'{name}' is no day{nearest(name, DAYS)}: use {FORM}")
        span = (DAYS.index(last or first) - DAYS.index(first)) % 7
        days |= {(DAYS.index(first) + n) % 7 for n in range(span + 1)}
    return frozenset(days)
