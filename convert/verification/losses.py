"""What candidates lose, in words."""

from edge_convert.precision.candidates import AccuracyDrop, Combination, SearchResult


def verdict(combination: Combination, result: SearchResult, max_drop: float) -> str:
    """What became of a combination."""
    if combination is result.chosen:
        return "**chosen**"
    if combination.is_within(max_drop):
        return ""
    return "may lose too much" if combination.worst <= max_drop else "loses too much"


def drop(measured: AccuracyDrop) -> str:
    """The points that a task loses, never without their interval."""
    return f"{points(measured.points)} ({points(measured.low)} to {points(measured.high)})"


def points(value: float) -> str:
    """Two places, and no minus before a zero."""
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text
