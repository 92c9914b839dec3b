"""sources: edge-run on cameras of the network, from encoded bytes to decisions; and their outages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from edge.commands.source_options import SizeParam
from edge_benchmarks import cells
from edge_benchmarks.scenarios import base, multi_stream, source_rounds
from edge_common import document

_CODECS = {"h264": "H.264", "mjpeg": "MJPEG"}
_OUTAGES = {"freeze": "frozen", "restart": "started anew"}


@dataclass(frozen=True)
class SourcesResult:
    """video, width, height: what was sent.  frames: measured a round.

    ways: by codec.  loads: by the number of sources, ascending.  outages: by kind.
    """

    video: str
    width: int
    height: int
    frames: int
    ways: dict[str, source_rounds.WholeWay] = field(default_factory=dict)
    loads: tuple[source_rounds.StreamLoad, ...] = ()
    outages: dict[str, source_rounds.Outages] = field(default_factory=dict)
    complete: bool = True


CAMERA_SIZE = click.Option(
    ["--camera-size", "camera_size"],
    type=SizeParam(),
    default="1280x720",
    show_default=True,
    metavar="WxH",
    help="sources: of what the cameras send.",
)
OUTAGES = click.Option(
    ["--outages"],
    type=click.IntRange(0),
    default=5,
    show_default=True,
    metavar="N",
    help="sources: times that a camera freezes, and that it is started anew; 0 for none.",
)


@dataclass(frozen=True)
class Sources(base.Scenario[SourcesResult]):
    """camera_size: width and height.  streams: the most at once.  outages: rounds of them."""

    name = "sources"
    summary = "cameras of the network to JSON lines, and their outages"
    options = (CAMERA_SIZE, multi_stream.STREAMS, OUTAGES)

    camera_size: tuple[int, int] = (1280, 720)
    streams: int = 4
    outages: int = 5

    @classmethod
    def result_type(cls) -> type[SourcesResult]:
        return SourcesResult

    def check(self, inputs: base.Inputs) -> None:
        from edge_benchmarks.measure.video_server import require_ffmpeg

        base.refuse_emulated(self.name, inputs.engine)
        require_ffmpeg()

    def run(self, inputs: base.Inputs) -> base.ScenarioOutcome[SourcesResult]:
        result = SourcesResult("", *self.camera_size, inputs.plan.frames, complete=False)
        with (
            base.Interruptible() as running,
            TemporaryDirectory(prefix="edge-bench-") as folder,
        ):
            rounds = source_rounds.SourceRounds(inputs, self.camera_size, Path(folder))
            result = replace(result, video=rounds.video)
            for newest in self._steps(rounds, result, inputs):
                result = newest
        return base.ScenarioOutcome(replace(result, complete=running.complete))

    def _steps(
        self, rounds: source_rounds.SourceRounds, result: SourcesResult, inputs: base.Inputs
    ) -> Iterator[SourcesResult]:
        """The result after each step: what was interrupted keeps those before."""
        ways = {codec: rounds.whole_way(codec) for codec in source_rounds.CODECS}
        total = inputs.plan.rounds * len(ways)
        with inputs.progress.count("cameras, rounds", total) as on_round:
            for _ in range(inputs.plan.rounds):
                for codec, way in ways.items():
                    ways[codec] = rounds.with_round(way, codec)
                    result = replace(result, ways=dict(ways))
                    yield result
                    on_round()
        counts = [count for count in (2**power for power in range(16)) if count <= self.streams]
        with inputs.progress.count("several cameras, times", len(counts)) as on_count:
            for count in counts:
                result = replace(result, loads=(*result.loads, rounds.load(count)))
                yield result
                on_count()
        with inputs.progress.count("outages", 2 * self.outages) as on_outage:
            for kind, outages in rounds.outages(self.outages):
                result = replace(result, outages=result.outages | {kind: outages})
                yield result
                on_outage()

    @classmethod
    def settings(cls, result: SourcesResult) -> Mapping[str, str]:
        sent = f"{result.video}, {result.width} x {result.height}"
        return {"what cameras send": sent, "frames of cameras": str(result.frames)}

    @classmethod
    def show(cls, result: SourcesResult) -> document.Section:
        sent = f"{result.video}, {result.width} x {result.height}"
        text = [
            f"edge-run on cameras of the network ({sent}), with all its processes. The whole way "
            "leads from encoded bytes to JSON lines; beside it are decoding alone (ffmpeg, one "
            "thread) and the network's parts alone, on as many cores as parts have threads."
        ]
        text += [f"**{_CODECS[codec]}:** {note}." for codec, note in _drops(result)]
        return document.Section(
            "Sources",
            [*text, *cells.interrupted(result.complete)],
            list(_tables(result)),
            level=3,
            digest=list(_digest(result)),
        )

    @classmethod
    def columns(cls, result: SourcesResult) -> Mapping[str, base.Cell]:
        ratios = {
            f"whole_way_{codec}_ratio": median(way.ratios) if way.ratios else None
            for codec, way in result.ways.items()
        }
        worst = {
            f"{kind}_back_max_s": max(each.back_s, default=None)
            for kind, each in result.outages.items()
        }
        return {**ratios, **worst}


def _drops(result: SourcesResult) -> Iterator[tuple[str, str]]:
    for codec, way in result.ways.items():
        if way.dropped:
            yield (
                codec,
                f"{way.dropped} frames were dropped at {way.rate_hz:.0f} Hz: close other programs",
            )


def _tables(result: SourcesResult) -> Iterator[document.Table]:
    for codec, way in result.ways.items():
        series = {
            "whole way": way.whole_ms,
            "decoding alone": way.decode_ms,
            "parts alone": way.engine_ms,
            "whole way / both alone": way.ratios,
            "the same, of the least of each": (way.least_ratio,) if way.whole_ms else (),
        }
        if way.whole_ms:
            yield _medians(f"{_CODECS[codec]}, ms of processor time a frame", series)
    if result.loads:
        yield document.Table(
            ("sources", "Hz each", "cores", "PSS, all", "PSS, runner"),
            [
                (
                    str(load.streams),
                    cells.number(load.rate_hz),
                    cells.number(load.cores),
                    cells.memory(load.pss_bytes),
                    cells.memory(load.runner_pss_bytes),
                )
                for load in result.loads
            ],
        )
    outages = {
        f"{label} camera: {step}": series
        for kind, label in _OUTAGES.items()
        if kind in result.outages
        for step, series in (
            ("noticed", result.outages[kind].noticed_s),
            ("back after the server", result.outages[kind].back_s),
        )
    }
    if outages:
        yield _medians("outages, s", outages)


def _medians(title: str, series: Mapping[str, base.Series]) -> document.Table:
    rows = [
        (
            name,
            cells.within(cells.number(median(values)), _interval(values)),
            cells.number(max(values)),
            str(len(values)),
        )
        for name, values in series.items()
        if values
    ]
    return document.Table((title, "median", "most", "n"), rows, words=1)


def _interval(values: base.Series) -> tuple[float, float] | None:
    """95 %, of the median."""
    from edge_benchmarks.statistics.intervals import percentile_interval

    return percentile_interval(values, 0.5)


def _digest(result: SourcesResult) -> Iterator[tuple[str, str]]:
    for codec, way in result.ways.items():
        if way.ratios:
            bare_ms = median(way.decode_ms) + median(way.engine_ms)
            ratio = cells.within(f"{median(way.ratios):.2f} x", _interval(way.ratios))
            yield (
                f"sources, {_CODECS[codec]}",
                f"{median(way.whole_ms):.2f} ms of processor time a frame, {ratio} "
                f"decoding and parts alone ({bare_ms:.2f}); least of each {way.least_ratio:.2f} x",
            )
    yield from (("", f"{_CODECS[codec]}: {note}") for codec, note in _drops(result))
    for load in result.loads:
        yield (
            f"sources, {load.streams} at once",
            f"{load.rate_hz:.0f} frames/s each without a drop, {load.cores:.2f} cores; PSS "
            f"{cells.memory(load.pss_bytes)}, runner {cells.memory(load.runner_pss_bytes)}",
        )
    for kind, outages in result.outages.items():
        noticed = _worst("noticed after", outages.noticed_s)
        yield f"sources, {_OUTAGES[kind]}", noticed + _worst("back", outages.back_s)[:-2]


def _worst(step: str, seconds: base.Series) -> str:
    return f"{step} {median(seconds):.2f} s p50, {max(seconds):.2f} most; " if seconds else ""
