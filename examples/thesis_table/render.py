"""The table for people, in Markdown and HTML, and with unrounded figures, in CSV and JSON."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_benchmarks.cells import amount
from edge_benchmarks.show.prediction import milliseconds
from edge_common import document, encode
from edge_devices.profiles.profile import Profile
from examples.thesis_table.measure import latency_on
from examples.thesis_table.rows import Failure, Figures, Published, RowResult, Timing

TITLE = "Networks on UTKFace"
_NONE = "-"
_PREDICTED = (
    "Latency on boards is predicted, not measured, with 90 % intervals (edge-bench predict "
    "--explain)."
)


@dataclass(frozen=True)
class ThesisTable:
    """The whole table: rows with what was found of them until now, and the boards to predict."""

    rows: tuple[Published, ...]
    results: Mapping[str, RowResult]
    boards: tuple[Profile, ...]
    threads: int
    machine: str

    @property
    def header(self) -> list[str]:
        """Of all forms that a person reads."""
        own_latency = f"int8 ms here, {self.threads} thread{'s' * (self.threads > 1)}"
        return [
            *("method", "year", "age MAE", "gender %", "race %", "params published"),
            *("params counted", "multiply-adds", "int8 file", own_latency),
            *(f"{board.name}, predicted ms" for board in self.boards),
        ]

    def cells(self, row: Published) -> list[str]:
        """One row; what was not measured says so."""
        return [*_published(row), *self._measured(self.results.get(row.key))]

    def _measured(self, result: RowResult | None) -> list[str]:
        width = len(self.header) - 6
        if not isinstance(result, Figures):
            return ["failed" if result else "not measured", *[""] * (width - 1)]
        return [
            amount(result.parameters),
            amount(result.multiply_adds),
            f"{result.size_bytes / 1e6:.1f} MB",
            _here(result.timing),
            *(self._predicted(board, result) for board in self.boards),
        ]

    def _predicted(self, board: Profile, figures: Figures) -> str:
        latency = latency_on(board, figures, self.threads)
        if latency is None:
            return _NONE
        return _bounds(latency.ms, (latency.low_ms, latency.high_ms))


def as_markdown(thesis: ThesisTable) -> str:
    """The table and what stands behind each row."""
    return document.markdown(TITLE, _sections(thesis))


def as_page(thesis: ThesisTable) -> str:
    """The same as one HTML page."""
    return document.page(TITLE, _sections(thesis))


def notes(thesis: ThesisTable) -> list[str]:
    """What has to be known to read the figures."""
    return [*_measured_notes(thesis), *([_PREDICTED] if thesis.boards else [])]


def _measured_notes(thesis: ThesisTable) -> list[str]:
    sentences = [
        "Accuracy is cited as published; none of it was measured here, and the weights here are "
        "random: they say nothing about accuracy but all about time and size.",
        f"Measured on {thesis.machine}: the median of one inference of all networks of a row, "
        "with its 95 % interval, or where the machine was too unsteady to bound it with the "
        "medians of its rounds; reading and resizing a frame are not in it.",
    ]
    yardsticks = [f.timing.yardstick_ms for f in thesis.results.values() if isinstance(f, Figures)]
    if yardsticks:
        low, high = min(yardsticks), max(yardsticks)
        sentences.append(
            "The shipped network's encoder, which took turns with each row, needed "
            f"{low:.2f} to {high:.2f} ms: so much faster or slower the machine was from row to row."
        )
    return sentences


def _sections(thesis: ThesisTable) -> list[document.Section]:
    cells = [thesis.cells(row) for row in thesis.rows]
    own = len(thesis.header) - len(thesis.boards)  # columns before those of boards
    table = document.Table(thesis.header[:own], [row[:own] for row in cells], words=1)
    behind = [_behind(row, thesis.results.get(row.key)) for row in thesis.rows]
    header = ("method", "what was built", "input", "published and counted parameters", "source")
    return [
        document.Section("Published and measured", _measured_notes(thesis), [table]),
        *([_boards(thesis, cells, own)] if thesis.boards else []),
        document.Section("What stands behind each row", (), [document.Table(header, behind)]),
    ]


def _boards(thesis: ThesisTable, cells: Sequence[Sequence[str]], own: int) -> document.Section:
    """In a table of its own: one with all columns is too wide for a page."""
    header = [thesis.header[0], *thesis.header[own:]]
    table = document.Table(header, [[row[0], *row[own:]] for row in cells], words=1)
    return document.Section("Predicted for boards", (_PREDICTED,), [table])


def _behind(row: Published, result: RowResult | None) -> list[str]:
    size = " x ".join(map(str, result.input)) if isinstance(result, Figures) else _NONE
    network = f"failed: {result.reason}" if isinstance(result, Failure) else row.built
    return [row.method, network, size, row.counts, row.source]


def _published(row: Published) -> list[str]:
    about = "about " if row.approximate else ""
    return [
        f"{row.method}, {row.reference}",
        str(row.year),
        *(_NONE if value is None else f"{value:.2f}" for value in _accuracies(row)),
        f"{about}{row.params_m:g} M",
    ]


def _accuracies(row: Published) -> Sequence[float | None]:
    return row.age_mae, row.gender_acc, row.race_acc


def _here(timing: Timing) -> str:
    """Without an interval, how far the rounds lay apart."""
    if timing.interval is not None:
        return _bounds(timing.p50_ms, timing.interval)
    low, high = map(milliseconds, timing.rounds)
    return f"{milliseconds(timing.p50_ms)} [rounds {low} to {high}]"


def _bounds(ms: float, interval: tuple[float, float]) -> str:
    return f"{milliseconds(ms)} ({milliseconds(interval[0])} to {milliseconds(interval[1])})"


def as_json(thesis: ThesisTable) -> str:
    """All figures, unrounded; `failure` or `measured` of each row, nothing if it is to come."""
    content = {
        "accuracy": "as published",
        "machine": thesis.machine,
        "threads": thesis.threads,
        "rows": [_json_row(thesis, row) for row in thesis.rows],
    }
    return json.dumps(content, indent=2) + "\n"


def as_csv(thesis: ThesisTable) -> str:
    """One line a row; empty cells were not published or not measured."""
    rows = [_flat(thesis, row) for row in thesis.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


FORMS: dict[str, Callable[[ThesisTable], str]] = {
    ".md": as_markdown,
    ".html": as_page,
    ".csv": as_csv,
    ".json": as_json,
}


def _json_row(thesis: ThesisTable, row: Published) -> dict[str, Any]:
    content: dict[str, Any] = {"published": encode(row)}
    result = thesis.results.get(row.key)
    if isinstance(result, Failure):
        content["failure"] = result.reason
    if isinstance(result, Figures):
        content["measured"] = {k: v for k, v in encode(result).items() if k not in ("key", "work")}
        content["predicted"] = {
            board.name: encode(latency_on(board, result, thesis.threads)) for board in thesis.boards
        }
    return content


def _flat(thesis: ThesisTable, row: Published) -> dict[str, Any]:
    names = ("method", "reference", "year", "age_mae", "gender_acc", "race_acc")
    flat: dict[str, Any] = {"row": row.key, **{name: getattr(row, name) for name in names}}
    flat |= {"published_params_m": row.params_m, "published_approximately": row.approximate}
    result = thesis.results.get(row.key)
    figures = result if isinstance(result, Figures) else None
    timing = figures.timing if figures else None
    low, high = timing.interval if timing and timing.interval else (None, None)
    flat |= {
        "input": "x".join(map(str, figures.input)) if figures else None,
        "counted_params": figures.parameters if figures else None,
        "multiply_adds": figures.multiply_adds if figures else None,
        "int8_bytes": figures.size_bytes if figures else None,
        "int8_p50_ms": timing.p50_ms if timing else None,
        "int8_p50_low_ms": low,
        "int8_p50_high_ms": high,
        "yardstick_ms": timing.yardstick_ms if timing else None,
    }
    for board in thesis.boards:
        latency = latency_on(board, figures, thesis.threads) if figures else None
        flat[f"predicted_{board.name}_ms"] = latency.ms if latency else None
        flat[f"predicted_{board.name}_low_ms"] = latency.low_ms if latency else None
        flat[f"predicted_{board.name}_high_ms"] = latency.high_ms if latency else None
    return flat | {"counts": row.counts, "built": row.built, "source": row.source}
