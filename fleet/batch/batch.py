"""Many recordings through one bundle: chunks to workers, parts to disk, one file at the end."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import distributed
import pyarrow as pa
from pyarrow import parquet

from edge.tasks import Task
from edge_common import ConfigError, EdgeError, SinkError, cluster, in_one_line, whole_path
from edge_fleet.batch.chunks import Chunk, Inseparable
from edge_fleet.batch.parts import ALL, Bounds, Layout, PartFolder, first_unequal
from edge_fleet.batch.recordings import RecordedFile
from edge_fleet.batch.rows import schema_of
from edge_fleet.batch.work import ChunkPlan, Job, decide, survey

_SURVEY = None  # in place of a part's bounds
_RETRIES = 2  # of what may fail once, such as a server
OnStep = Callable[[int, int], None]


@dataclass
class RecordingOutcome:
    """What became of a recording.  problem: why it is not decided on; warning: what of it is not."""

    recording: RecordedFile
    key: str
    layout: Layout | None = None
    frames: int = 0
    decisions: int = 0
    warning: str = ""
    problem: str = ""

    @property
    def is_whole(self) -> bool:
        return not (self.problem or self.warning)

    def to_json(self) -> dict[str, Any]:
        layout = self.layout or Layout(())
        fields = {
            "source": self.recording.name, "frames": self.frames, "decisions": self.decisions,
            "chunks": len(layout.bounds), "one_chunk_because": layout.reason,
            "warning": self.warning, "problem": self.problem,
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value != ""}


@dataclass
class BatchRun:
    """Recordings that are decided on by the workers of a client.

    parts: where finished chunks are kept, and looked for.
    on_step: is told how many megabytes of recordings are finished, and of how many.
    """

    client: distributed.Client
    job: Job
    parts: PartFolder
    on_step: OnStep = lambda finished, total: None
    _tasks: dict[str, tuple[RecordingOutcome, Bounds | None]] = field(default_factory=dict)
    _chunks: dict[tuple[str, Bounds], Chunk] = field(default_factory=dict)
    _finished_bytes: float = 0.0

    def run(self, recordings: Sequence[RecordedFile]) -> list[RecordingOutcome]:
        """What became of each, in their order. Raises ConfigError if the scheduler is lost."""
        self._job = self.client.submit(_unchanged, self.job, pure=False)
        self._queue = distributed.as_completed()
        self._total_bytes = sum(each.size_bytes for each in recordings)
        outcomes = [RecordingOutcome(each, self.job.key(each)) for each in recordings]
        for outcome in outcomes:
            self._begin(outcome)
        for future in self._queue:
            task = self._tasks.pop(str(future.key), None)
            if task is not None:
                self._take(future, *task)
            future.release()
        return outcomes

    def _begin(self, outcome: RecordingOutcome) -> None:
        """What stands there already is not decided again."""
        layout = self.parts.layout(outcome.key)
        if layout and not self.parts.missing(outcome.key, layout):
            outcome.layout = layout
            self._advance(outcome, 1.0)
            self._finish(outcome)
        elif layout and layout.bounds == (ALL,):
            self._lay_out(outcome, layout)
        else:
            self._submit(outcome, _SURVEY, survey, self._job, outcome.recording)

    def _submit(
        self,
        outcome: RecordingOutcome,
        bounds: Bounds | None,
        function: Callable[..., Any],
        *values: Any,
    ) -> None:
        # chunks go before surveys, so that recordings are finished one by one
        priority = 0 if bounds is _SURVEY else 1
        future = self.client.submit(
            function, *values, pure=False, retries=_RETRIES, priority=priority
        )
        self._tasks[str(future.key)] = outcome, bounds
        self._queue.add(future)

    def _take(
        self, future: distributed.Future, outcome: RecordingOutcome, bounds: Bounds | None
    ) -> None:
        if future.cancelled():
            raise ConfigError(
                "the scheduler was lost: run the same again, which goes on with what is finished"
            )
        if outcome.problem:
            return
        try:
            result = future.result()
            if isinstance(result, ChunkPlan):
                self._plan(outcome, result)
            elif bounds is not None:
                self.parts.keep(outcome.key, bounds, result)
                self._kept(outcome, bounds)
        except Inseparable as error:
            self._take_whole(outcome, str(error))
        except (EdgeError, OSError, MemoryError, ImportError, cv2.error) as error:
            outcome.problem = in_one_line(error)
        except distributed.KilledWorker:
            outcome.problem = (
                f"ended each of {cluster.ALLOWED_FAILURES} workers that read it: it is damaged"
            )

    def _plan(self, outcome: RecordingOutcome, plan: ChunkPlan) -> None:
        bounds = tuple((each.start, each.end) for each in plan.chunks)
        self._chunks.update({(outcome.key, (c.start, c.end)): c for c in plan.chunks})
        self._lay_out(outcome, Layout(bounds or (ALL,), plan.reason))

    def _lay_out(self, outcome: RecordingOutcome, layout: Layout) -> None:
        """Begin what is missing of a recording."""
        self.parts.keep_layout(outcome.key, layout)
        outcome.layout, missing = layout, self.parts.missing(outcome.key, layout)
        self._advance(outcome, 1 - len(missing) / len(layout.bounds))
        for bounds in missing:
            chunk = self._chunks.pop((outcome.key, bounds), None)
            self._submit(
                outcome, bounds, decide, self._job, outcome.recording, chunk, layout.reason
            )
        if not missing:
            self._finish(outcome)

    def _kept(self, outcome: RecordingOutcome, bounds: Bounds) -> None:
        layout = outcome.layout or Layout()
        self._advance(outcome, 1 / len(layout.bounds))
        if not self.parts.missing(outcome.key, layout):
            self._finish(outcome)

    def _finish(self, outcome: RecordingOutcome) -> None:
        """All its parts stand there: did neighbours see the same?"""
        layout = outcome.layout or Layout()
        try:
            metas = self.parts.metas(outcome.key, layout)
        except (EdgeError, OSError) as error:
            outcome.problem = str(error)
            return
        unequal = first_unequal(metas) if len(metas) > 1 else None
        if unequal is not None:
            frame = layout.bounds[unequal][0]
            self._take_whole(outcome, f"frames before {frame} are others if it is read from within")
            return
        outcome.frames = sum(meta["frames"] for meta in metas)
        outcome.decisions = sum(meta["decisions"] for meta in metas)
        outcome.warning = "; ".join(filter(None, (meta.get("warning", "") for meta in metas)))

    def _take_whole(self, outcome: RecordingOutcome, reason: str) -> None:
        """Begin again with one chunk; what its chunks answer meanwhile is not asked for."""
        for key in [key for key, (each, _) in self._tasks.items() if each is outcome]:
            del self._tasks[key]
        if outcome.layout:
            self.parts.remove(outcome.key, outcome.layout.bounds)
        self._lay_out(outcome, Layout((ALL,), reason))

    def _advance(self, outcome: RecordingOutcome, share: float) -> None:
        self._finished_bytes += share * outcome.recording.size_bytes
        total = round(self._total_bytes / 1e6)
        self.on_step(min(round(self._finished_bytes / 1e6), total), total)


def _unchanged(job: Job) -> Job:
    """Makes the bundle a result, which the scheduler has made again if its workers are lost."""
    return job


def write_decisions(
    path: Path,
    parts: PartFolder,
    outcomes: Sequence[RecordingOutcome],
    job: Job,
    task_list: Sequence[Task],
) -> None:
    """All decisions in one file, by recording and frame. Raises SinkError."""
    schema = schema_of(task_list, bool(job.people))
    try:
        with (
            whole_path(path) as partial,
            parquet.ParquetWriter(str(partial), schema, compression="zstd") as writer,
        ):
            for part in part_paths(parts, outcomes):
                with parquet.ParquetFile(str(part)) as file:
                    for rows in file.iter_batches():
                        writer.write_table(pa.Table.from_batches([rows]).cast(schema))
    except OSError as error:
        raise SinkError(
            f"{path} cannot be written ({error.strerror or error}): its parts are kept in "
            f"{parts.folder}; make room and run the same again"
        ) from error


def part_paths(parts: PartFolder, outcomes: Sequence[RecordingOutcome]) -> Iterator[Path]:
    """Parts of what is finished, in order."""
    finished = (each for each in outcomes if each.layout and not each.problem)
    return chain.from_iterable(
        (parts.path(each.key, bounds) for bounds in each.layout.bounds)
        for each in finished
        if each.layout
    )
