"""What a worker does: one engine, loaded once, and a chunk of a recording at a time."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

import cv2

from edge import bundle as bundles, scene, sources, stream
from edge.commands.scene_options import PeopleOptions
from edge.detector import Detector
from edge.privacy import sensitive
from edge.sources import video
from edge_fleet.batch.chunks import Chunk, ChunkReader, Inseparable, Lookback, cut
from edge_fleet.batch.recordings import RecordedFile
from edge_fleet.batch.rows import RowTable


@dataclass(frozen=True)
class Job:
    """What is decided, and how: the same for all recordings.

    data: of the bundle's file.  rate: as in `edge-run`; None: what it was trained at.
    detector: sha256 of a detector's file, which every worker has at its path; "": it is shipped.
    length: frames of a chunk.  inputs: what the network takes beside frames.
    """

    sha256: str
    data: bytes = field(repr=False, compare=False)
    runtime: str = "auto"
    hop: int = 1
    rate: float | None = None
    region: str = "full"
    gate: bool = True
    allow_sensitive: tuple[str, ...] = ()
    vectors: bool = False
    people: PeopleOptions = field(default_factory=PeopleOptions)
    detector: str = ""
    length: int = 750
    inputs: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def key(self, recording: RecordedFile) -> str:
        """Names what is decided of a recording: another one if the answers may differ."""
        options = {**asdict(replace(self, data=b"")), "recording": recording.identity, "data": ""}
        return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def options(self) -> stream.StreamOptions:
        """Raises EdgeError for a region that is none."""
        region = stream.Region.parse(self.region)
        return stream.StreamOptions(
            self.runtime, region=region, hop=self.hop, gate=self.gate, inputs=self.inputs
        )

    def open(self) -> bundles.Bundle:
        """Without the tasks that nobody may know. Raises EdgeError."""
        whole = bundles.open_bundle("bundle.edge", content=self.data)
        return sensitive.permitted(whole, self.allow_sensitive)[0]

    def inseparable(self, manifest: bundles.Manifest) -> str:
        """Why a recording is one chunk, whatever it is; "" if it is not."""
        if self.people:
            return "people are followed from its first frame on"
        if any(part.states for part in manifest.parts):
            return "the bundle carries states from frame to frame"
        if manifest.gate and self.gate:
            return "the bundle's motion gate compares with frames of any time before (--no-gate)"
        return "it holds vectors" if manifest.input.is_features else ""


@dataclass(frozen=True)
class ChunkPlan:
    """reason: why a recording is one chunk, if it is.  chunks: of one that has several."""

    chunks: tuple[Chunk, ...] = ()
    reason: str = ""


@dataclass(frozen=True, eq=False)
class _Engines:
    bundle: bundles.Bundle
    network: stream.Network
    detector: Detector | None


@lru_cache(maxsize=2)  # those of `compare`
def _engines(job: Job) -> _Engines:
    cv2.setNumThreads(1)
    opened = job.open()
    network = stream.Network(opened, job.options)
    return _Engines(opened, network, job.people.load(job.options) if job.people else None)


def survey(job: Job, recording: RecordedFile) -> ChunkPlan:
    """How a recording is cut. Raises SourceError if it cannot be read."""
    manifest = _engines(job).bundle.manifest
    if reason := job.inseparable(manifest):
        return ChunkPlan(reason=reason)
    rate_hz = stream.FrameSampler.of(manifest, job.rate).rate_hz
    lookback = Lookback(manifest.window, job.hop, rate_hz)
    try:
        with recording.local_file() as path:
            chunks = cut(path, lookback, job.length)
    except Inseparable as error:
        return ChunkPlan(reason=str(error))
    return ChunkPlan(tuple(chunks))


def decide(job: Job, recording: RecordedFile, chunk: Chunk | None, reason: str = "") -> bytes:
    """A part: the decisions of a chunk, or of all of a recording, as Parquet.

    reason: why it is one chunk.  Raises SourceError, and Inseparable of a chunk that is not to be had alone.
    """
    engines = _engines(job)
    manifest = engines.bundle.manifest
    common = {"source": recording.name, "bundle_sha256": engines.bundle.sha256}

    def no_rows() -> RowTable:
        return RowTable(manifest.tasks, common, bool(job.people), job.vectors)

    rows = no_rows()
    with recording.local_file() as path:
        if chunk is not None:
            meta = _decide_chunk(job, engines, path, chunk, rows)
        else:
            meta = _decide_all(job, engines, path, rows, threads=1)
            if meta["warning"]:  # how a decoder conceals damage depends on its threads
                rows = no_rows()
                meta = _decide_all(job, engines, path, rows, threads=0)
    return rows.to_parquet({**meta, "reason": reason, "decisions": rows.count})


def _decide_chunk(
    job: Job, engines: _Engines, path: str, chunk: Chunk, rows: RowTable
) -> dict[str, Any]:
    watcher = stream.Stream(engines.bundle, job.options, network=engines.network)
    with closing(ChunkReader(path, chunk)) as reader:
        for frame in reader:
            if chunk.pushed[frame.number - chunk.first]:
                decision = watcher.push(frame)
                if decision and frame.number >= chunk.start:
                    rows.add([decision])
    return {"frames": chunk.end - chunk.start, "head": reader.head, "tail": reader.tail}


def _decide_all(
    job: Job, engines: _Engines, path: str, rows: RowTable, threads: int
) -> dict[str, Any]:
    """threads: of the decoder; 0: those of `edge-run`."""
    watcher, rate = _watcher(job, engines), 0.0 if job.people else job.rate
    sampler = stream.FrameSampler.of(engines.bundle.manifest, rate)
    frames = 0
    with _opened(path, threads) as source:
        for frame in source:
            frames += 1
            if sampler.takes(frame):
                rows.add(_decisions(watcher, frame))
        warning = source.warning
    return {"frames": frames, "warning": warning}


def _watcher(job: Job, engines: _Engines) -> stream.Stream | scene.Scene:
    if engines.detector is None:
        return stream.Stream(engines.bundle, job.options, network=engines.network)
    options = job.people.scene(job.options, job.rate)
    return scene.Scene(engines.bundle, engines.detector, options, network=engines.network)


def _decisions(
    watcher: stream.Stream | scene.Scene, frame: stream.Frame
) -> Sequence[stream.Decision]:
    if isinstance(watcher, scene.Scene):
        return watcher.push(frame).decisions
    return watcher.decisions(frame)


@contextmanager
def _opened(path: str, threads: int) -> Iterator[sources.Source]:
    endpoint = sources.find_source(path)
    if endpoint.kind.name == "video":
        source: sources.Source = video.VideoFile(path, video.open_capture(path, threads))
    else:
        source = sources.open_source(endpoint)
    with source:
        yield source
