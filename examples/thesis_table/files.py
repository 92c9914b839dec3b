"""The table as a file, in the form that its name asks for; CSV and JSON hold unrounded figures."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from edge_common.data import encode
from examples.thesis_table.measure import latency_on
from examples.thesis_table.render import Shown, as_markdown, as_page
from examples.thesis_table.rows import Failure, Figures, Published


def as_json(shown: Shown) -> str:
    """All figures, unrounded; `failure` or `measured` of each row, nothing if it is to come."""
    content = {
        "accuracy": "as published",
        "machine": shown.machine,
        "threads": shown.threads,
        "rows": [_json_row(shown, row) for row in shown.rows],
    }
    return json.dumps(content, indent=2) + "\n"


def as_csv(shown: Shown) -> str:
    """One line a row; empty cells were not published or not measured."""
    rows = [_flat(shown, row) for row in shown.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


FORMS: dict[str, Callable[[Shown], str]] = {
    ".md": as_markdown,
    ".html": as_page,
    ".csv": as_csv,
    ".json": as_json,
}


def _json_row(shown: Shown, row: Published) -> dict[str, Any]:
    content: dict[str, Any] = {"published": encode(row)}
    found = shown.found.get(row.key)
    if isinstance(found, Failure):
        content["failure"] = found.reason
    if isinstance(found, Figures):
        content["measured"] = {k: v for k, v in encode(found).items() if k not in ("key", "work")}
        content["predicted"] = {
            board.name: encode(latency_on(board, found, shown.threads)) for board in shown.boards
        }
    return content


def _flat(shown: Shown, row: Published) -> dict[str, Any]:
    names = ("method", "reference", "year", "age_mae", "gender_acc", "race_acc")
    flat: dict[str, Any] = {"row": row.key, **{name: getattr(row, name) for name in names}}
    flat |= {"published_params_m": row.params_m, "published_approximately": row.approximate}
    found = shown.found.get(row.key)
    measured = found if isinstance(found, Figures) else None
    timing = measured.timing if measured else None
    low, high = timing.interval if timing and timing.interval else (None, None)
    flat |= {
        "input": "x".join(map(str, measured.input)) if measured else None,
        "counted_params": measured.parameters if measured else None,
        "multiply_adds": measured.multiply_adds if measured else None,
        "int8_bytes": measured.size_bytes if measured else None,
        "int8_p50_ms": timing.p50_ms if timing else None,
        "int8_p50_low_ms": low,
        "int8_p50_high_ms": high,
        "yardstick_ms": timing.yardstick_ms if timing else None,
    }
    for board in shown.boards:
        latency = latency_on(board, measured, shown.threads) if measured else None
        flat[f"predicted_{board.name}_ms"] = latency.ms if latency else None
        flat[f"predicted_{board.name}_low_ms"] = latency.low_ms if latency else None
        flat[f"predicted_{board.name}_high_ms"] = latency.high_ms if latency else None
    return flat | {"counts": row.counts, "built": row.built, "source": row.source}
