"""The table beside kept clips, as `edge-train` reads it: labels that people write, and suggestions."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.tasks import KINDS, Prediction, Task, label_probabilities, multi_label
from edge_common import SinkError, console, write_whole

CLIP, UNLABELLED = "clip", "?"
# columns that begin so are no labels, unless a training file names them
SUGGESTED, KEPT = "suggested_", "kept_"
_FACTS = ("reason", "unsureness", "at", "source", "track", "group", "bundle")
_NUMBERS = ("regression",)


def is_note(column: str) -> bool:
    """Whether a column says how a clip came here, and labels nothing."""
    return column.startswith((SUGGESTED, KEPT))


@dataclass(frozen=True)
class Columns:
    """tasks: that can be labelled; all but embeddings, points, maps, and classes without names."""

    tasks: tuple[Task, ...]

    @classmethod
    def of(cls, tasks: Iterable[Task]) -> "Columns":
        of_labels = (t for t in tasks if not KINDS[t.kind].is_placed)
        return cls(tuple(task for task in of_labels if task.labels or task.kind in _NUMBERS))

    @property
    def labels(self) -> list[str]:
        """A column a task; `NAME[UNIT]` holds numbers."""
        titles = (f"{t.name}[{t.unit}]" if t.kind in _NUMBERS else t.name for t in self.tasks)
        return list(titles)

    @property
    def header(self) -> list[str]:
        suggestions = []
        for task in self.tasks:
            name = f"{SUGGESTED}{task.name}"
            suggestions += [name] if task.kind in _NUMBERS else [name, f"{name}_probability"]
        return [CLIP, *self.labels, *suggestions, *(f"{KEPT}{fact}" for fact in _FACTS)]

    def suggested(self, predictions: Mapping[str, Prediction]) -> dict[str, str]:
        """What the network says, as cells; of an unknown class its guess. "" if it says nothing."""
        cells = {}
        for task in self.tasks:
            prediction, name = predictions[task.name], f"{SUGGESTED}{task.name}"
            if task.kind in _NUMBERS:
                cells[name] = _number(prediction.value)
            elif prediction.labels is not None:
                probabilities = label_probabilities(task, prediction)
                cells[name] = multi_label.SEPARATOR.join(prediction.labels)
                cells[f"{name}_probability"] = multi_label.SEPARATOR.join(
                    f"{probabilities[label]:.4f}" for label in prediction.labels
                )
            else:
                cells[name] = prediction.guess or prediction.label or ""
                cells[f"{name}_probability"] = _number(prediction.p)
        return cells


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


class LabelTable:
    """A CSV file as people leave it: their columns, rows and labels stay. Raises SinkError.

    header, rows: cells by their columns, the clip's first.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path = path
        lines = self._read()
        header = lines[0] if lines else []
        if lines and header[:1] != [CLIP]:
            raise SinkError(
                f"{path} does not begin with a column '{CLIP}', separated by commas: save it so, or "
                "give another folder"
            )
        self.header = [*header, *(title for title in columns.header if title not in header)]
        self.rows = {row[0]: dict(zip(header, row)) for row in lines[1:] if row and row[0].strip()}

    def _read(self) -> list[list[str]]:
        try:
            with self._path.open(newline="", encoding="utf-8-sig") as file:
                return list(csv.reader(file))
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SinkError(f"{self._path} cannot be read as CSV: {error}") from error

    def is_labelled(self, clip: str) -> bool:
        """Whether somebody wrote into its row."""
        row = self.rows.get(clip, {})
        labels = (row.get(title, "") for title in self.header[1:] if not is_note(title))
        return any(cell.strip() not in ("", UNLABELLED) for cell in labels)

    def add(self, clip: str, cells: Mapping[str, str], labels: Sequence[str]) -> None:
        """Unless it has a row."""
        safe = {title: console.no_formula(cell) for title, cell in cells.items()}
        blank = dict.fromkeys(labels, UNLABELLED)
        self.rows.setdefault(clip, {CLIP: clip, **blank, **safe})

    def content(self) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        for row in self.rows.values():
            writer.writerow([row.get(title, "") for title in self.header])
        return text.getvalue().encode("utf-8", "backslashreplace")

    def write(self) -> None:
        """Unless it says so already."""
        content = self.content()
        if not self._path.is_file() or self._path.read_bytes() != content:
            write_whole(self._path, content)
