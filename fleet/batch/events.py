"""Events of the recordings of a batch, by the judges that `edge-run` has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from edge import bundle as bundles, sinks, stream
from edge.events import replay
from edge.events.alert import Alert, AlertError
from edge.sinks import jsonl
from edge_common import write_whole
from edge_fleet.batch.rows import decision_of, moment_of, read_rows

# nobody knows at what time of day a recording was made
_OF_DAY = ("at", "captured_at", "started", "started_at", "ended", "ended_at")


@dataclass(frozen=True)
class RowLine(replay.Line):
    """A row, as replay has a line, with all that alerts look at."""

    row: stream.Decision = field(kw_only=True)

    def decision(self) -> stream.Decision:
        return self.row


def check(
    alerts: Sequence[Alert], bundle: bundles.Bundle, zones: Sequence[str], people: bool
) -> None:
    """Raises AlertError for an alert that can never come."""
    for alert in alerts:
        alert.fit(bundle.manifest.tasks, list(zones), has_people=people)
        if alert.hours:
            raise AlertError(
                alert, "hours", "recordings do not say at which time of day they were made"
            )


def judge(path: Path, alerts: Sequence[Alert], bundle: bundles.Bundle) -> Iterator[dict[str, Any]]:
    """The events of a file of decisions, as JSON lines have them, in its order.

    Their ids say which recording they are of, and are the same each time.
    """
    info = sinks.BundleInfo(bundle.manifest.name, bundle.sha256, bundle.manifest.tasks)
    for number, (_, rows) in enumerate(groupby(read_rows(str(path)), lambda row: row["source"])):
        lines = [_line(row, bundle) for row in rows]
        ids: dict[str, str] = {}
        for event in replay.replay(lines, alerts, info):
            fields = event.to_json()
            own = ids.setdefault(event.id, f"{number:06d}-{len(ids):06d}")
            yield {**{k: v for k, v in fields.items() if k not in _OF_DAY}, "id": own}


def _line(row: dict[str, Any], bundle: bundles.Bundle) -> RowLine:
    decision = decision_of(row, bundle.manifest.tasks)
    return RowLine(
        row["frame"], moment_of(row), source=row["source"], time_s=row["time_s"], row=decision
    )


def write_events(
    path: Path, decisions: Path, alerts: Sequence[Alert], bundle: bundles.Bundle
) -> int:
    """JSON lines; how many. Raises EdgeError, OSError."""
    lines = [jsonl.line_of(fields) for fields in judge(decisions, alerts, bundle)]
    write_whole(path, b"".join(lines))
    return len(lines)
