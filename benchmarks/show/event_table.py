"""Scores of events as a table."""

from collections.abc import Sequence

from edge_benchmarks.judge.event_score import EventScore
from edge_common import console

HEADER = ("run", "events", "false alarms an hour", "missed", "delay, s: median", "mean", "p90")


def event_table(scores: Sequence[EventScore]) -> str:
    """A row a run, with 95 % intervals in brackets."""
    table = console.text_table(HEADER, [_row(each) for each in scores])
    first = scores[0]
    return f"{first.intervals} intervals in {first.hours:.2f} hours (summed over alerts)\n{table}"


def _row(score: EventScore) -> list[str]:
    rate = score.false_alarms_an_hour
    low, high = rate.interval
    row = [score.name, str(score.events), f"{rate.value:.3g} [{low:.3g}, {high:.3g}]"]
    if score.missed_interval is None or score.missed_share is None:
        row.append("-")
    else:
        low, high = (100 * each for each in score.missed_interval)
        share = f"{100 * score.missed_share:.1f} % [{low:.1f}, {high:.1f}]"
        row.append(f"{score.missed} of {score.intervals}, {share}")
    if score.delay is None:
        return [*row, "-", "-", "-"]
    low, high = score.delay.mean_interval_s
    mean = f"{score.delay.mean_s:.2f} [{low:.2f}, {high:.2f}]"
    return [*row, f"{score.delay.median_s:.2f}", mean, f"{score.delay.p90_s:.2f}"]
