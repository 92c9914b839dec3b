"""Decisions as rows of Parquet: fields of JSON lines, named by their path: `tasks.action.label`."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from edge import stream, tasks
from edge_common import ConfigError

_ROWS = 4096  # that wait in memory as Python objects
_META = b"edge_batch"
_NUMBERS, _TEXT = pa.list_(pa.float64()), pa.string()
_TYPES = {
    "label": _TEXT, "guess": _TEXT, "unit": _TEXT, "labels": pa.list_(_TEXT), "p": pa.float64(),
    "index": pa.int64(), "size": pa.int64(), "value": pa.float64(), "vector": _NUMBERS,
    "shares": pa.map_(_TEXT, pa.float64()), "points": pa.map_(_TEXT, _NUMBERS),
    "boxes": pa.map_(_TEXT, _NUMBERS),
    "areas": pa.map_(_TEXT, pa.struct({"share": pa.float64(), "peak": _NUMBERS})),
    "scores": pa.list_(pa.float32()),
}  # fmt: skip
# of each kind of task; `shares` is the `p` of several labels
_FIELDS = {
    "classification": ("label", "p", "index", "guess"),
    "binary": ("label", "p", "index"),
    "ordinal": ("label", "p", "index"),
    "class-index": ("label", "index"),
    "regression": ("value", "unit"),
    "multi-label": ("labels", "shares"),
    "keypoints": ("points",),
    "heat-map": ("points",),
    "box": ("boxes",),
    "map": ("areas",),
    "embedding": ("size", "vector"),
}
_TRACK = {
    "number": pa.int64(), "box": pa.list_(pa.int64()), "age_s": pa.float64(),
    "zones": pa.map_(_TEXT, pa.float64()), "name": _TEXT,
}  # fmt: skip


def has_scores(task: tasks.Task) -> bool:
    """Whether the network's own numbers are kept: not those that tell people apart, and no pictures."""
    kind = tasks.kind_of(task)
    return not (kind.is_descriptor or kind.is_placed)


def schema_of(task_list: Sequence[tasks.Task], has_tracks: bool) -> pa.Schema:
    """Columns of all decisions on these tasks."""
    columns = [
        ("source", _TEXT), ("frame", pa.int64()), ("first_frame", pa.int64()),
        ("time_s", pa.float64()), ("restart", pa.bool_()),
    ]  # fmt: skip
    columns += [(f"track.{name}", kind) for name, kind in _TRACK.items() if has_tracks]
    for task in task_list:
        names = (*_FIELDS[task.kind], *(("scores",) if has_scores(task) else ()))
        columns += [(_column(task.name, name), _TYPES[name]) for name in names]
    return pa.schema([*columns, ("bundle_sha256", _TEXT)])


def _column(task: str, name: str) -> str:
    return f"tasks.{task}.{'p' if name == 'shares' else name}"


@dataclass
class RowTable:
    """Rows of one recording, of which few wait as Python objects."""

    task_list: Sequence[tasks.Task]
    common: Mapping[str, str]  # columns that all rows have alike
    has_tracks: bool = False
    vectors: bool = False
    count: int = 0
    _waiting: list[dict[str, Any]] = field(default_factory=list)
    _batches: list[pa.RecordBatch] = field(default_factory=list)

    @property
    def schema(self) -> pa.Schema:
        return schema_of(self.task_list, self.has_tracks)

    def add(self, decisions: Iterable[stream.Decision]) -> None:
        for decision in decisions:
            self._waiting.append(self._row(decision))
            self.count += 1
        if len(self._waiting) >= _ROWS:
            self._flush()

    def _row(self, decision: stream.Decision) -> dict[str, Any]:
        fields = decision.to_json(self.vectors)
        row = {**self.common, **fields, "restart": decision.restart}
        row.update({f"track.{name}": value for name, value in fields.get("track", {}).items()})
        for task in self.task_list:
            values = fields["tasks"].get(task.name, {})
            row.update({f"tasks.{task.name}.{name}": value for name, value in values.items()})
            if has_scores(task) and task.name in decision.tasks:
                row[_column(task.name, "scores")] = decision.tasks[task.name].scores
        return row

    def _flush(self) -> None:
        if self._waiting:
            columns = [
                pa.array([_cell(row.get(each.name), each.type) for row in self._waiting], each.type)
                for each in self.schema
            ]
            self._batches.append(pa.RecordBatch.from_arrays(columns, schema=self.schema))
            self._waiting.clear()

    def to_parquet(self, meta: Mapping[str, Any]) -> bytes:
        """A whole file that also says `meta`, JSON values."""
        self._flush()
        schema = self.schema.with_metadata({_META: json.dumps(meta).encode()})
        buffer = io.BytesIO()
        with parquet.ParquetWriter(buffer, schema, compression="zstd") as writer:
            writer.write_table(pa.Table.from_batches(self._batches, self.schema).cast(schema))
        return buffer.getvalue()


def _cell(value: Any, kind: pa.DataType) -> Any:
    return list(value.items()) if pa.types.is_map(kind) and value is not None else value


def read_meta(path: str) -> dict[str, Any]:
    """What a part says beside its rows. Raises ConfigError if it is none, OSError."""
    try:
        return dict(json.loads(parquet.read_schema(path).metadata[_META]))
    except (pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} is no part of a batch: remove it") from error


def read_rows(path: str) -> Iterator[dict[str, Any]]:
    """Rows of a file of decisions, as they were written. Raises ConfigError, OSError."""
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS):
                yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise ConfigError(f"{path} is no Parquet file: {error}") from error


def decision_of(row: Mapping[str, Any], task_list: Sequence[tasks.Task]) -> stream.Decision:
    """The decision that a row is of, as far as alerts look at it."""
    predictions: dict[str, tasks.Prediction] = {}
    for task in task_list:
        scores = row.get(_column(task.name, "scores"))
        if scores is not None:
            outputs = [np.array(scores, np.float32)]
            predictions |= tasks.predictions([task], outputs)
    track = None
    if row.get("track.number") is not None:
        zones = dict(row["track.zones"] or ())
        track = stream.TrackInfo(
            row["track.number"], tuple(row["track.box"]), row["track.age_s"], zones
        )
    return stream.Decision(
        row["frame"], moment_of(row), 0.0, {}, predictions, first_frame=row["first_frame"], track=track,
        restart=row["restart"], time_s=row["time_s"],
    )  # fmt: skip


def moment_of(row: Mapping[str, Any]) -> float:
    """Seconds into the recording; of one without times, frames."""
    return float(row["frame"] if row["time_s"] is None else row["time_s"])
