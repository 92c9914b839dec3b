"""Faults of cameras and of those who read them."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.edge.sinks.brokers import free_port
from tests.faults.appliance import Appliance, until
from tests.faults.cameras import WebCamera
from tests.faults.fault import FaultList, Outcome, check
from tests.faults.of_pages import is_answered

FAULTS = FaultList("cameras")
WITHIN_S = 5.0  # after the fault's end
FRAMES_ONLY = "the frames of that time"
RTSP_CAMERA = Path(__file__).parents[1] / "edge" / "sources" / "rtsp_camera.py"
HAS_RTSP = "/usr/lib/x86_64-linux-gnu/girepository-1.0/GstRtspServer-1.0.typelib"


def _recovers(appliance: Appliance, ended: float, within_s: float = WITHIN_S) -> Outcome:
    seconds = appliance.decided(ended)
    check(seconds <= within_s, f"the first decision came after {seconds:.1f} s")
    appliance.is_alive()
    return Outcome(seconds, FRAMES_ONLY)


@FAULTS.add(
    "silent", "the camera sends nothing for 6 s, its connection stays open",
    "said within 2 s, opened again, decisions go on", short=True,
)  # fmt: skip
def silent(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url) as appliance:
        appliance.decided()
        camera.state, began = "silent", time.monotonic()
        noticed = appliance.said("no frame for") - began
        check(noticed < 2.5, f"noticed after {noticed:.1f} s")
        time.sleep(max(0.0, 6 - noticed))
        camera.state = "good"
        return _recovers(appliance, time.monotonic())


@FAULTS.add(
    "unplugged", "nobody answers at the camera's port for 4 s",
    "said, tried again until it is back", short=True,
)  # fmt: skip
def unplugged(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url) as appliance:
        appliance.decided()
        camera.unplug()
        time.sleep(4)
        camera.plug()
        return _recovers(appliance, time.monotonic())


WAITS = {"wait_for_camera": True}  # as a service does by itself


@FAULTS.add(
    "absent at boot", "nobody answers at the camera's port until 5 s after the start",
    "said once, the page is healthy; answers begin when it is there", short=True,
)  # fmt: skip
def absent_at_boot(folder: Path) -> Outcome:
    camera, page = WebCamera(), free_port()
    camera.port = free_port()
    keys = {**WAITS, "web": f"127.0.0.1:{page}"}
    with Appliance(folder, camera.url, keys=keys) as appliance:
        appliance.said("waiting for it")
        until(lambda: is_answered(page), "the page is healthy without a camera")
        until(appliance.records, "the gap is written")
        time.sleep(5)
        with camera:
            # the first time it is opened twice, as its size is not known
            outcome = _recovers(appliance, time.monotonic(), 2 * WITHIN_S)
            until(lambda: is_answered(page), "the page stays healthy")
        gaps = [each["gap"] for each in appliance.records() if "gap" in each]
        check(gaps[:2] == ["begun", "ended"], f"the gap is written as {gaps}")
        check(appliance.log.count("waiting for it") == 1, f"not said once: {appliance.log[-400:]}")
        check("there after" in appliance.log, f"its coming is not said: {appliance.log[-400:]}")
        return outcome


@FAULTS.add(
    "one of two absent at boot", "of a web camera and an RTSP server the second is there 5 s after the start",
    "the first is answered meanwhile, the second once it is there", needs=("ffmpeg", HAS_RTSP),
)  # fmt: skip
def one_absent_at_boot(folder: Path) -> Outcome:
    port, keys = free_port(), {"bundle": "faces-in-motion", **WAITS}
    with WebCamera() as camera:
        sources = (camera.url, f"rtsp://127.0.0.1:{port}/live")
        appliance = Appliance(folder, sources, keys=keys)
        appliance.write_settings({"name": "shaken", "task": "action", "is": ["shake"]})
        with appliance:
            appliance.decided()
            appliance.said("waiting for it")
            time.sleep(5)
            with _rtsp(port):
                ended = time.monotonic()
                until(
                    lambda: any(e["source"] == "camera 1" for e in appliance.decisions()),
                    "it is answered",
                )
                seconds = time.monotonic() - ended
                check(seconds <= WITHIN_S, f"it is answered after {seconds:.1f} s")
            appliance.is_alive()
            return Outcome(seconds, FRAMES_ONLY)


@FAULTS.add("garbage", "the camera sends random bytes for 3 s", "nothing is decided of them")
def garbage(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url) as appliance:
        appliance.decided()
        camera.state = "garbage"
        time.sleep(3)
        camera.state = "good"
        return _recovers(appliance, time.monotonic())


@FAULTS.add("another size", "frames become 640 x 480, and 320 x 240 again", "decisions go on")
def another_size(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url) as appliance:
        appliance.decided()
        camera.size, changed = (640, 480), time.monotonic()
        first = appliance.decided(changed)
        time.sleep(2)
        camera.size = (320, 240)
        second = _recovers(appliance, time.monotonic())
        check(first <= WITHIN_S, f"the first decision at the other size came after {first:.1f} s")
        return Outcome(max(first, second.recovered_s or 0.0), FRAMES_ONLY)


@contextmanager
def _rtsp(port: int) -> "Iterator[subprocess.Popen[str]]":
    command = ["/usr/bin/python3", str(RTSP_CAMERA), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


@FAULTS.add(
    "RTSP server restarted", "the server is killed, and there again 3 s later",
    "opened again", needs=("ffmpeg", HAS_RTSP),
)  # fmt: skip
def rtsp_restart(folder: Path) -> Outcome:
    port = free_port()
    keys = {"bundle": "faces-in-motion"}  # a ball, in which no face is found
    with _rtsp(port) as server:
        appliance = Appliance(folder, f"rtsp://127.0.0.1:{port}/live", keys=keys)
        appliance.write_settings({"name": "shaken", "task": "action", "is": ["shake"]})
        with appliance:
            appliance.decided()
            server.kill()
            server.wait()
            time.sleep(3)
            with _rtsp(port):
                return _recovers(appliance, time.monotonic())


def _of_capture(folder: Path, number: int) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url) as appliance:
        appliance.decided()
        children = appliance.children()
        check(children, "no child process captures frames")
        for child in children:
            child.send_signal(number)
        if number == signal.SIGSTOP:
            appliance.said("no frame for")
        seconds = _recovers(appliance, time.monotonic())
        until(lambda: not any(each.is_running() for each in children), "the old child is gone")
        return seconds


@FAULTS.add("capture killed", "SIGKILL to the process that reads the camera", "started again",
            needs=("ffmpeg",), short=True)  # fmt: skip
def capture_killed(folder: Path) -> Outcome:
    return _of_capture(folder, signal.SIGKILL)


@FAULTS.add("capture stopped", "SIGSTOP to it, as if a driver hung", "killed, and started again",
            needs=("ffmpeg",))  # fmt: skip
def capture_stopped(folder: Path) -> Outcome:
    return _of_capture(folder, signal.SIGSTOP)


@FAULTS.add(
    "two on one camera", "a second appliance opens a camera that serves one at a time",
    "the first goes on, the second says why and gets it once it is free",
)  # fmt: skip
def two_on_one(folder: Path) -> Outcome:
    (folder / "second").mkdir()
    with WebCamera(clients=1) as camera:
        second = Appliance(folder / "second", camera.url, supervised=True)
        with Appliance(folder, camera.url) as first:
            first.decided()
            with second:
                second.said("503")
                asked = time.monotonic()
                first.decided(asked, 10)
                first.is_alive()
                first.__exit__(None, None, None)
                return Outcome(second.decided(time.monotonic()), "nothing of the first")
