"""A frame that never ends, without waiting for it."""

import threading

from edge.watchdog import Watchdog


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


def test_the_main_thread_waits_while_the_end_is_prepared() -> None:
    """Or a frame that ends late would write into outputs that are being closed."""
    scene, closing, left = Scene(), threading.Event(), threading.Event()
    order = []

    def hang() -> int:
        closing.set()
        order.append("closed")
        assert not left.is_set()
        return 4

    watchdog = Watchdog(2.0, hang, lambda: scene.now, scene.ended.append)
    with watchdog:
        scene.now += 3.0
        checking = threading.Thread(target=watchdog.check)
        checking.start()
        closing.wait()
    left.set()
    order.append("left")
    checking.join()
    assert order == ["closed", "left"]


def test_no_timeout_starts_no_thread() -> None:
    before = threading.active_count()
    Scene(timeout_s=0.0).watchdog.start().close()
    assert threading.active_count() == before
