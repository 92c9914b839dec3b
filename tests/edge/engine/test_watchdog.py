"""A frame that never ends, without waiting for it."""

import threading

import pytest

from edge.engine.watchdog import Watchdog
from edge_common.errors import EngineHung


class Scene:
    """A watchdog with a clock by hand, and what it did."""

    def __init__(self, timeout_s: float = 2.0) -> None:
        self.now, self.hangs, self.ended = 100.0, 0, []
        self.watchdog = Watchdog(timeout_s, self._hang, lambda: self.now, self.ended.append)

    def _hang(self) -> int:
        self.hangs += 1
        return 4


def test_a_frame_in_time_ends_nothing() -> None:
    scene = Scene()
    for _ in range(3):
        with scene.watchdog:
            scene.now += 1.9
            scene.watchdog.check()
    scene.now += 100.0  # between frames a source may take its time
    scene.watchdog.check()
    assert scene.ended == []


def test_a_frame_that_takes_too_long_ends_the_process() -> None:
    scene = Scene()
    with scene.watchdog:
        scene.now += 2.1
        scene.watchdog.check()
    assert (scene.hangs, scene.ended) == (1, [4])


def test_a_frame_that_fails_is_over() -> None:
    scene = Scene()
    try:
        with scene.watchdog:
            raise ValueError
    except ValueError:
        scene.now += 10.0
    scene.watchdog.check()
    assert scene.ended == []


class TellingLock:
    """A lock that says when somebody wants it."""

    def __init__(self, wanted: threading.Event) -> None:
        self._lock, self._wanted = threading.Lock(), wanted

    def __enter__(self) -> None:
        self._wanted.set()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def test_the_main_thread_waits_while_the_end_is_prepared() -> None:
    """Or a frame that ends late would write into outputs that are being closed."""
    scene, closing, waits_or_left = Scene(), threading.Event(), threading.Event()
    order = []

    def hang() -> int:
        waits_or_left.clear()
        closing.set()
        waits_or_left.wait()
        order.append("closed")
        return 4

    watchdog = Watchdog(2.0, hang, lambda: scene.now, scene.ended.append)
    watchdog._lock = TellingLock(waits_or_left)
    checking = threading.Thread(target=watchdog.check)
    with watchdog:
        scene.now += 3.0
        checking.start()
        closing.wait()
    order.append("left")
    waits_or_left.set()
    checking.join()
    assert order == ["closed", "left"]
    assert scene.ended == [4]


def test_the_process_ends_where_nobody_reads_what_is_said() -> None:
    scene = Scene()

    def hang() -> int:
        raise BrokenPipeError

    watchdog = Watchdog(2.0, hang, lambda: scene.now, scene.ended.append)
    with watchdog, pytest.raises(BrokenPipeError):
        scene.now += 3.0
        watchdog.check()
    assert scene.ended == [EngineHung.exit_code]


def test_no_timeout_starts_no_thread() -> None:
    before = threading.active_count()
    Scene(timeout_s=0.0).watchdog.start().close()
    assert threading.active_count() == before
