"""A window for each person, as long as there are some, and encoder calls in turns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from edge.scene import budget as budgets
from edge.scene.person import Person
from edge.scene.view import SceneSummary
from edge.stream import Decision, Frame, Numbers, Stream, TrackInfo
from edge.tracks import Track

StreamChange: TypeAlias = Callable[[Any], Any]  # from a Stream, or what is one to its user


class Windows:
    """Who came first has one; that of who left is free.

    new_stream: makes one more, on the network that all share.  most: at once.
    margin, rate_hz: of each `Person`.  summary: counts windows and encoder calls.
    """

    def __init__(
        self,
        new_stream: Callable[[], Stream],
        most: int,
        margin: float,
        rate_hz: float,
        summary: SceneSummary,
    ) -> None:
        self._new_stream, self._most = new_stream, most
        self._later: StreamChange = lambda stream: stream
        self._margin, self._rate_hz, self._summary = margin, rate_hz, summary
        self._people: dict[int, Person] = {}
        self._unused: list[Stream] = []
        self._turn = 0

    def exchange(self, change: StreamChange, later: StreamChange) -> None:
        """Other streams take the frames from now on.

        change: gives one for the one before.  later: for a new one, of people who come later.
        """
        self._later = later
        self._unused = [change(each) for each in self._unused]
        for person in self._people.values():
            person.stream = change(person.stream)

    def give(self, inputs: Numbers) -> None:
        """As Stream.give, for everybody who has a window; new ones begin with what their maker gives."""
        for each in (*self._unused, *(person.stream for person in self._people.values())):
            each.give(inputs)

    def __len__(self) -> int:
        return len(self._people)

    @property
    def visible(self) -> int:
        """Of how many people with a window there is something to see."""
        return sum(person.region is not None for person in self._people.values())

    @property
    def is_any_behind(self) -> bool:
        """Whether one gets clearly fewer frames than it should."""
        return any(person.is_behind for person in self._people.values())

    def follow(self, tracks: Sequence[Track], frame: Frame, time_s: float) -> Sequence[int]:
        """Take who is there in the next frame; the numbers of those who left."""
        numbers = {track.number for track in tracks}
        absent = sorted(self._people.keys() - numbers)
        for number in absent:
            stream = self._people.pop(number).stream
            stream.reset()
            self._unused.append(stream)
        for number in sorted(numbers - self._people.keys())[: self._most - len(self._people)]:
            stream = self._unused.pop() if self._unused else self._later(self._new_stream())
            self._people[number] = Person(stream, self._margin, self._rate_hz, self._next_turn())
            self._summary.windows += 1
        for track in tracks:
            if person := self._people.get(track.number):
                self._summary.calls_due += person.follow(track, frame, time_s)
        return absent

    def look(
        self, frame: Frame, infos: Mapping[int, TrackInfo], time_s: float, budget: budgets.Budget
    ) -> Sequence[Decision]:
        """Encoder calls for those who wait longest, as many as the budget allows."""
        due = [(person.turn, number) for number, person in self._people.items() if person.is_due]
        decisions = []
        for _, number in sorted(due):
            if not budget.allows_call:
                break
            person = self._people[number]
            with budget.spend(budgets.ENCODER, person.is_call_saved):
                decision = person.look(frame, infos[number], time_s, self._next_turn())
            self._summary.calls += 1
            decisions += [decision] if decision else []
        return decisions

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn
