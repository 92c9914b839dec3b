"""A camera that stops, and one that changes its size: what outputs make of it."""

import json
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import Stream, loop, open_bundle, sinks
from edge.sources import Source
from edge.sources.connection import GapRules
from edge.sources.live import LiveSource
from edge.stream import Frame
from edge.summary import LatencyLog, RunSummary, SourceSummary
from tests.edge.test_several_sources import Log, Scripted


class Camera(Source):
    """25 frames/s for two seconds, nothing for ten, and again two seconds."""

    live = True

    def __iter__(self):
        times_s = [n / 25 for n in range(50)] + [11.96 + n / 25 for n in range(50)]
        for number, time_s in enumerate(times_s):
            pixels = np.zeros((8, 8, 3), np.uint8)
            behind = number == 50
            yield Frame(pixels, number, time_s, behind, time_s=time_s, gap_s=10.0 * behind)


def summary_of(source: Source) -> RunSummary:
    counts = SourceSummary(source)
    summary = RunSummary("b", [counts], "litert")
    loop.run([loop.Feed(counts, Log().of("a"))], summary)
    return summary


def test_the_age_of_frames_counts_gaps() -> None:
    """While none came the newest grew older: 250 frames that were due, up to 10 s."""
    ages_ms = summary_of(Camera("camera")).latency.sample("frame age")
    assert len(ages_ms) == 250
    assert ages_ms[0] == pytest.approx(10_000, rel=1e-3)
    assert ages_ms[-1] == pytest.approx(40, rel=0.1)


def test_a_film_has_no_gaps_of_time() -> None:
    assert summary_of(Scripted("film", 5)).latency.stages == ["capture"]


def test_a_gap_of_months_takes_no_more_memory() -> None:
    counts = SourceSummary(Camera("camera"), frames=1)
    for time_s in (0.0, 1e7):
        frame = Frame(np.zeros((8, 8, 3), np.uint8), 0, time_s, time_s > 0, gap_s=time_s)
        counts.arrivals.add(time_s)
        ages_ms = counts.ages_ms(frame)
    assert 0 < len(ages_ms) <= 65_536
    log = LatencyLog(100)
    log.add({"frame age": 5.0})
    log.add_all("frame age", np.arange(250.0))
    assert sorted(log.sample("frame age")) == list(range(150, 250))


class Silent(Scripted):
    """Two frames, a gap that is looked at twice while it lasts, and two more frames."""

    def __init__(self) -> None:
        super().__init__("camera", 2)
        self._gaps_s = [3.0, 4.0]

    def __iter__(self):
        pixels = np.zeros((8, 8, 3), np.uint8)
        for number in range(4):
            behind = number == 2
            yield Frame(pixels, number, restart=behind, gap_s=4.5 * behind)
            self._frames_given = number + 1

    def ready(self) -> bool:
        return getattr(self, "_frames_given", 0) != 1 or not self._gaps_s

    def gap_s(self) -> float:
        return self._gaps_s.pop(0)


class GapLog(list):
    """A sink: the frames and gaps that it was told of."""

    def take(self, frame, decisions) -> None:
        self.append(frame.number)

    def show_gap(self, gap: sinks.Gap) -> None:
        self.append((gap.seconds, gap.has_ended, gap.source))

    def close(self) -> None:
        """Nothing is open."""


def test_outputs_are_told_of_a_gap_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_LOOK_S", 0.01)
    counts, log = SourceSummary(Silent()), GapLog()
    feed = loop.Feed(counts, Log().of("a"), [log], source_name="yard")
    loop.run([feed], RunSummary("b", [counts], "litert"))
    assert log == [0, 1, (3.0, False, "yard"), (4.0, False, "yard"), (4.5, True, "yard"), 2, 3]


class Sizes:
    """A capture whose frames become smaller, and larger than at first, with its connection open."""

    rate_hz = 25.0

    def __init__(self) -> None:
        self._sizes = [(48, 64)] * 4 + [(24, 32)] * 4 + [(96, 128)] * 4  # too few to be called slow
        self.taken = threading.Semaphore(4)  # no more than wait, so that none is dropped

    def read(self, timeout_s: float) -> np.ndarray | None:
        self.taken.acquire()
        return np.full((*self._sizes.pop(0), 3), 90, np.uint8) if self._sizes else None

    def close(self) -> None:
        """Nothing is open."""


def test_a_camera_that_changes_its_size_goes_on_in_every_sink(
    tiny_bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")
    for name, result in (("namedWindow", None), ("waitKey", -1), ("getWindowProperty", 1)):
        monkeypatch.setattr(cv2, name, lambda *_, result=result: result)
    monkeypatch.setattr(cv2, "imshow", lambda title, pixels: shown.append(pixels.shape))
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    capture, paths = Sizes(), [tmp_path / "out.avi", tmp_path / "out.jsonl"]
    kinds = sinks.registry()
    requests = [kinds.find("window"), *(kinds.find(str(path)) for path in paths)]
    with LiveSource("camera", lambda: capture, GapRules(), can_end=True) as source:
        (opened,) = sinks.open_sinks(requests, [sinks.RunInfo(("kind", "size"), 25.0)])
        counts = SourceSummary(source)
        summary = RunSummary("b", [counts], "litert")
        feed = loop.Feed(counts, Stream(open_bundle(str(tiny_bundle_path))), opened)
        loop.run([feed], summary, on_frame=lambda _: capture.taken.release())
    assert (counts.frames, counts.decisions, source.dropped) == (12, 9, 0)
    assert len(shown) == cv2.VideoCapture(str(paths[0])).get(cv2.CAP_PROP_FRAME_COUNT) == 12
    numbers = [json.loads(line)["frame"] for line in paths[1].read_text().splitlines()]
    assert numbers == list(range(3, 12))


class Frozen(Source):
    """A camera that has been silent for four seconds, until it is closed."""

    live = True

    def ready(self) -> bool:
        return self.is_over

    def gap_s(self) -> float:
        return 4.0

    def __init__(self) -> None:
        super().__init__("frozen")
        self.is_over = False

    def __iter__(self):
        yield from ()


def test_a_gap_is_shown_while_others_give_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_LOOK_S", 0.0)
    gaps: list[sinks.Gap] = []

    class Shown:
        def take(self, frame, decisions) -> None:
            frozen.is_over = frame.number == 4

        def show_gap(self, gap: sinks.Gap) -> None:
            gaps.append(gap)

        def close(self) -> None:
            """Nothing is open."""

    frozen = Frozen()
    counts = [SourceSummary(source) for source in (frozen, Scripted("film", 5))]
    feeds = [loop.Feed(c, Log().of("a"), [Shown()], source_name=c.source.name) for c in counts]
    loop.run(feeds, RunSummary("b", counts, "litert"))
    assert gaps and set(gaps) == {sinks.Gap(4.0, False, "frozen")}
