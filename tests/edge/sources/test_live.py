"""Live sources with captures that are told what to deliver: no sleeping, no camera."""

import itertools
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sources import open_source
from edge.sources.arrivals import Arrivals
from edge.sources.connection import GapRules, retry_delay_s
from edge.sources.live import LiveSource
from edge.sources.video import VideoFile
from edge.stream import Frame
from edge_common.errors import SourceAbsent, SourceError, SourceLost
from tests import tiny
from tests.edge.sources import web
from tests.wheels import ROOT


class ScriptedCapture:
    """A camera that gives `count` frames, each when asked for, then ends; or is silent."""

    rate_hz = 30.0

    def __init__(self, count: int, silent: bool = False) -> None:
        self._left, self._silent = count, silent
        self._closed = threading.Event()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def read(self, timeout_s: float) -> np.ndarray | None:
        if self._left == 0 and self._silent and not self._closed.wait(timeout_s):
            raise TimeoutError
        if self._left <= 0 or self.closed:
            return None
        self._left -= 1
        return np.full((4, 4, 3), self._left, np.uint8)

    def close(self) -> None:
        self._closed.set()


def _source(*captures: ScriptedCapture, rules: GapRules = GapRules(5.0, 0.01)) -> LiveSource:
    """Connections in turn; when they are used up, nothing can be opened."""
    script = list(captures)

    def open_capture() -> ScriptedCapture:
        if not script:
            raise SourceError("nothing is there")
        return script.pop(0)

    return LiveSource("camera", open_capture, rules)


def test_a_camera_that_reads_nothing_is_an_error() -> None:
    capture = ScriptedCapture(0)
    with pytest.raises(SourceError, match="gives no picture"):
        _source(capture)
    assert capture.closed


def test_every_frame_is_either_delivered_or_counted_as_dropped() -> None:
    source = _source(ScriptedCapture(50, silent=True))
    numbers = []
    for frame in source:
        numbers.append(frame.number)
        if frame.number == 49:
            break
    source.close()
    assert numbers == sorted(set(numbers))
    assert len(numbers) + source.dropped == 50


def _until_all_wait(source: LiveSource, newest: int) -> None:
    while source._waiting[-1].number < newest:
        time.sleep(0.001)


def test_a_burst_waits_for_those_who_are_fast() -> None:
    source = _source(ScriptedCapture(8, silent=True))
    _until_all_wait(source, 7)
    assert [frame.number for frame in itertools.islice(source, 8)] == list(range(8))
    source.close()
    assert source.dropped == 0


def test_the_slow_get_the_newest_frame() -> None:
    source = _source(ScriptedCapture(50, silent=True))
    _until_all_wait(source, 49)
    source._busy_s.append(1.0)  # s a frame, and they came at once
    frame = next(iter(source))
    source.close()
    assert frame.number == 49
    assert source.dropped == 49


@pytest.mark.parametrize(
    ("busy_ms", "more_ms", "waiting", "has_time"),
    [
        (31.9, 0.0, 0, True),
        (32.1, 0.0, 0, False),  # of 40 ms
        (31.0, 20.0, 0, True),  # one pass more in 30 frames
        (31.0, 60.0, 0, False),
        (31.0, 0.0, 3, True),
        (31.0, 0.0, 4, False),
        (19.0, 0.0, 7, True),  # a burst, and an idle machine
        (19.0, 60.0, 7, False),
    ],
)
def test_a_camera_knows_before_frames_are_lost(
    busy_ms: float, more_ms: float, waiting: int, has_time: bool
) -> None:
    source = _source(ScriptedCapture(1, silent=True))
    next(iter(source))
    source._clock = lambda: 1.0
    source._taken_at = 1.0 - busy_ms / 1e3
    source._busy_s.extend([busy_ms / 1e3] * 30)
    source._connection.arrivals._intervals_s.extend([0.04] * 30)
    source._waiting.extend([Frame(np.zeros((4, 4, 3), np.uint8), 1, 0.0)] * waiting)
    assert source.has_time(more_ms / 1e3) == has_time
    source.close()


def test_of_a_rate_that_is_not_known_the_queue_alone_tells() -> None:
    source = _source(ScriptedCapture(1, silent=True))
    assert source.has_time(9.0)
    source._waiting.extend([Frame(np.zeros((4, 4, 3), np.uint8), 1, 0.0)] * 4)
    assert not source.has_time(0.0)
    source.close()


def test_what_a_camera_gives_before_a_run_begins_is_no_loss_of_it() -> None:
    """While others are opened; what a pipe gave by then is."""
    lost = []
    for can_end in (False, True):
        capture = ScriptedCapture(50, silent=True)
        source = LiveSource(
            "camera", lambda capture=capture: capture, GapRules(5.0), can_end, clock=lambda: 1.0
        )  # whose clock stands, so that no one is too slow for it
        _until_all_wait(source, 49)
        source.begin()
        assert [frame.number for frame in itertools.islice(source, 8)] == list(range(42, 50))
        lost.append(source.dropped)
        source.close()
    assert lost == [0, 42]


def _rate_hz(*steps_s: float) -> float:
    """That of frames which come so long after each other."""
    arrivals, now_s = Arrivals(), 100.0
    arrivals.add(now_s, restart=True)
    for step_s in steps_s:
        now_s += step_s
        arrivals.add(now_s, restart=False)
    return arrivals.rate_hz


@pytest.mark.parametrize(
    ("steps_s", "rate_hz"),
    [
        ([0.1] * 15, 0.0),
        ([0.1] * 22, 10.0),
        ([0.01] * 90 + [0.1] * 22, 10.0),  # a burst
        ([0.04] * 500 + [0.1] * 55, 10.0),  # a camera in the dark
        ([0.0, 0.0, 0.0, 0.4] * 20, 10.0),
        ([3.0] * 4, 1 / 3),
        ([0.0] * 9, 0.0),
    ],
)
def test_the_rate_is_that_of_the_frames_that_came(steps_s: list[float], rate_hz: float) -> None:
    assert _rate_hz(*steps_s) == pytest.approx(rate_hz, rel=0.1)


def test_a_rate_is_known_until_it_is_measured_again() -> None:
    arrivals = Arrivals()
    for number in range(30):
        arrivals.add(number / 10, restart=not number)
    for number in range(20):
        arrivals.add(100 + number / 50, restart=not number)
    assert arrivals.rate_hz == pytest.approx(10.0)


def test_a_lost_camera_is_opened_again() -> None:
    first, second = ScriptedCapture(3), ScriptedCapture(4)
    source = _source(first, second)
    numbers = []
    with pytest.raises(SourceLost):
        for frame in source:
            numbers.append(frame.number)
    assert first.closed
    assert len(numbers) + source.dropped == 7
    assert (source.gaps.stalls, source.gaps.reconnects) == (0, 1)


def test_a_camera_that_ends_after_each_frame_is_not_asked_without_a_pause() -> None:
    began = time.monotonic()
    with _source(ScriptedCapture(1), ScriptedCapture(1), ScriptedCapture(1)) as source:
        list(itertools.islice(source, 3))
    assert time.monotonic() - began >= 1.9


def _coming(*outcomes: ScriptedCapture | SourceError) -> LiveSource:
    """A source that is waited for.  outcomes: of its attempts, the last one again and again."""
    script = list(outcomes)

    def open_capture() -> ScriptedCapture:
        outcome = script.pop(0) if script[1:] else script[0]
        if isinstance(outcome, SourceError):
            raise outcome
        return outcome

    return LiveSource("camera", open_capture, GapRules(5.0, waits=True))


ABSENT = SourceAbsent("camera gives no picture: there is no /dev/video7")


def test_a_camera_that_is_waited_for_begins_with_a_gap(capsys: pytest.CaptureFixture[str]) -> None:
    with _coming(ABSENT, ScriptedCapture(2, silent=True)) as source:
        assert source.size == (0, 0)
        assert source.gap_s() > 0
        first, second = itertools.islice(source, 2)
        assert source.size == (4, 4)
        assert source.gap_s() == 0
    assert (first.number, first.restart, second.restart) == (0, True, False)
    assert first.gap_s >= 1.0
    assert second.gap_s == 0
    assert (source.gaps.reconnects, source.gaps.longest_s) == (0, first.gap_s)
    waits, there = capsys.readouterr().err.splitlines()
    assert waits == f"{ABSENT}; waiting for it"
    assert re.fullmatch(r"camera: there after [\d.]+ s", there)


def test_a_camera_that_is_there_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with _coming(ScriptedCapture(1, silent=True)) as source:
        (frame,) = itertools.islice(source, 1)
    assert (frame.restart, frame.gap_s, source.gaps.longest_s) == (False, 0.0, 0.0)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("earlier", [[], [ABSENT]])
def test_what_can_never_be_read_is_not_waited_for(earlier: list[SourceError]) -> None:
    outcomes = [*earlier, SourceError("GStreamer has no element foo")]
    with pytest.raises(SourceError, match="no element"), _coming(*outcomes) as source:
        next(iter(source))


def test_a_camera_that_does_not_come_is_lost_in_the_end() -> None:
    def open_capture() -> ScriptedCapture:
        raise ABSENT

    source = LiveSource("camera", open_capture, GapRules(5.0, 0.5, waits=True))
    with source, pytest.raises(SourceLost, match="did not come: check"):
        next(iter(source))


def test_a_film_that_comes_late_is_none_to_be_missed(video_path: Path) -> None:
    """Waiting for a server makes no camera of what is a recording."""
    with (
        web.serving(web.files_of(video_path.parent)) as address,
        open_source(f"{address}/{video_path.name}:wait=1") as source,
    ):
        assert isinstance(source, VideoFile)


def test_a_silent_camera_is_opened_again(capsys: pytest.CaptureFixture[str]) -> None:
    source = _source(
        ScriptedCapture(3, silent=True), ScriptedCapture(4), rules=GapRules(0.05, 0.01)
    )
    with pytest.raises(SourceLost):
        list(source)
    assert (source.gaps.stalls, source.gaps.reconnects) == (1, 1)
    assert source.gaps.longest_s >= 0.05
    assert re.match(r"camera: no frame for [\d.]+ s, opening it again\n", capsys.readouterr().err)


def test_a_camera_that_stays_away_is_lost_for_good() -> None:
    source = _source(ScriptedCapture(3))
    with pytest.raises(SourceLost, match="did not come back"):
        assert len(list(source)) + source.dropped == 3


@pytest.mark.parametrize(("outage_s", "delay_s"), [(0, 1), (12, 1.2), (45, 4.5), (900, 30)])
def test_attempts_become_rarer_with_the_outage(outage_s: float, delay_s: float) -> None:
    assert retry_delay_s(outage_s) == pytest.approx(delay_s)


def test_ending_a_run_ends_a_camera_that_is_silent() -> None:
    source = _source(ScriptedCapture(1, silent=True), rules=GapRules(60.0))
    started = time.monotonic()
    source.close()
    assert time.monotonic() - started < 1.0
    assert not source._thread.is_alive()


def test_a_pipe_s_end_is_the_end(tiny_bundle_path: Path) -> None:
    """Nobody fills it again, so nothing is opened again, and nothing was lost."""
    images = (cv2.imencode(".jpg", pixels)[1].tobytes() for pixels in tiny.frames(30, 48, 64))
    code = f"from edge.cli import main; main([{str(tiny_bundle_path)!r}, '--source', 'pipe:0'])"
    child = subprocess.run(
        [sys.executable, "-c", code], input=b"".join(images), capture_output=True, cwd=ROOT
    )
    assert child.returncode == 0, child.stderr
    assert child.stderr == b""
    assert b"on pipe:0 with" in child.stdout


def test_silence_lasts_until_the_next_frame() -> None:
    with _source(ScriptedCapture(1, silent=True)) as source:
        silence_s = source.silence_s()
        assert 0.0 <= silence_s < source.silence_s()


def test_the_first_frame_after_a_gap_starts_a_new_window() -> None:
    source = _source(ScriptedCapture(1), ScriptedCapture(1, silent=True))
    frames = list(itertools.islice(source, 2))
    source.close()
    assert [frame.restart for frame in frames] == [False, True]


@pytest.fixture
def mjpeg_url() -> Iterator[str]:
    """A real MJPEG stream over HTTP on loopback: 12 pictures, then the connection ends."""

    class Camera(web.Handler):
        def do_GET(self) -> None:
            images = (cv2.imencode(".jpg", image)[1].tobytes() for image in tiny.frames(12, 48, 64))
            self.send_images(images, step_s=0.0)

    with web.serving(Camera) as address:
        yield f"{address}/stream.mjpg"


def test_a_network_stream_is_a_live_source(mjpeg_url: str) -> None:
    with open_source(mjpeg_url) as source:
        assert isinstance(source, LiveSource)
        frame = next(iter(source))
    assert frame.pixels.shape == (48, 64, 3)


def test_a_recording_on_a_server_is_read_once_to_its_end(video_path: Path) -> None:
    with (
        web.serving(web.files_of(video_path.parent)) as address,
        open_source(f"{address}/{video_path.name}") as source,
    ):
        assert isinstance(source, VideoFile)
        assert [frame.number for frame in source] == list(range(30))
