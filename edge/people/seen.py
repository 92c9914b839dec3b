"""Who was seen in a run, and how surely."""

from collections.abc import Iterable, Iterator

from edge.decision import Answer


class PeopleSeen:
    """Decisions a name, with their lowest and highest similarity."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float, float]] = {}

    def add(self, answers: Iterable[Answer]) -> None:
        """Count the answers of one decision that name somebody, or `unknown`."""
        for answer in answers:
            if answer.similarity is not None and answer.label is not None:
                count, low, high = self._seen.get(answer.label, (0, 1.0, -1.0))
                low, high = min(low, answer.similarity), max(high, answer.similarity)
                self._seen[answer.label] = (count + 1, low, high)

    def to_json(self) -> dict[str, dict[str, float]]:
        """{name: decisions, lowest and highest similarity}, the most seen first."""
        return {
            name: {
                "decisions": count,
                "lowest_similarity": round(low, 4),
                "highest_similarity": round(high, 4),
            }
            for name, (count, low, high) in self._ordered()
        }

    def lines(self) -> Iterator[str]:
        """One line a name."""
        for name, (count, low, high) in self._ordered():
            yield f"{name}: {count} decisions, similarity {low:.2f} to {high:.2f}"

    def _ordered(self) -> list[tuple[str, tuple[int, float, float]]]:
        return sorted(self._seen.items(), key=lambda item: (-item[1][0], item[0]))
