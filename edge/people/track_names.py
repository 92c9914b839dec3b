"""Names that people keep while they are followed, however they look in between."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from edge.people.recogniser import Recogniser
from edge.tasks import UNKNOWN, Prediction


class TrackNames:
    """Which track is which person of a gallery, in one source.

    Each decision votes for the person it is most similar to, if that is similar enough; a
    track has the name with the most votes, of equal ones the first. A decision that is similar to
    nobody leaves it. Nobody is there twice: of two tracks that would have one name at once, the
    one with the most similar decision has it, and the other is unknown.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._votes: dict[int, Counter[str]] = {}  # by the tracks' numbers
        self._most_similar: dict[tuple[int, str], float] = {}
        self._owners: dict[str, int] = {}

    def name_of(self, number: int) -> str | None:
        """Of a track; None: not known."""
        return next((name for name, owner in self._owners.items() if owner == number), None)

    def __call__(self, number: int, answers: Mapping[str, Prediction]) -> dict[str, Prediction]:
        """The answers of a track's decision, with its name and how similar this one is to it."""
        task = self._recogniser.task
        similarities = self._recogniser.similarities(answers[task].scores)
        nearest = max(similarities, key=similarities.__getitem__, default=UNKNOWN)
        if similarities and similarities[nearest] >= self._recogniser.threshold:
            self._vote(number, nearest, similarities[nearest])
        name = self.name_of(number)
        similarity = similarities.get(name or nearest, -1.0)
        prediction = replace(answers[task], label=name or UNKNOWN, similarity=similarity)
        return {**answers, task: prediction}

    def forget(self, number: int) -> None:
        """The track has ended: its name is free."""
        for name in self._votes.pop(number, ()):
            del self._most_similar[number, name]
            if self._owners.get(name) == number:
                del self._owners[name]

    def _vote(self, number: int, name: str, similarity: float) -> None:
        votes = self._votes.setdefault(number, Counter())
        votes[name] += 1
        key = number, name
        self._most_similar[key] = max(similarity, self._most_similar.get(key, -1.0))
        (elected, _), *_ = votes.most_common(1)
        owner = self._owners.get(elected, number)
        if self._most_similar[number, elected] < self._most_similar[owner, elected]:
            return
        if (before := self.name_of(number)) is not None:
            del self._owners[before]
        self._owners[elected] = number
