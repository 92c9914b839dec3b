"""Faults of the process, of its clock, its memory, its files and its names."""

import os
import resource
import shutil
import signal
import time
from pathlib import Path

from edge import shipped
from tests.edge.sinks.brokers import Listener, Mosquitto
from tests.faults.appliance import ALERT, Appliance, until
from tests.faults.cameras import WebCamera
from tests.faults.fault import FaultList, Outcome, check
from tests.faults.of_outputs import all_arrive, heard, mqtt

FAULTS = FaultList("processes")
_LIBRARIES = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu"
FAKETIME = str(_LIBRARIES / "faketime" / "libfaketime.so.1")
NSS_WRAPPER = str(_LIBRARIES / "libnss_wrapper.so")


@FAULTS.add(
    "stopped",
    "SIGSTOP to the appliance for 5 s, as a board that swaps",
    "goes on with the newest frame",
)
def stopped(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url) as appliance:
        appliance.decided()
        appliance.process.send_signal(signal.SIGSTOP)
        time.sleep(5)
        appliance.process.send_signal(signal.SIGCONT)
        seconds = appliance.decided(time.monotonic())
        ages = [each["age_ms"] for each in appliance.decisions()[-5:]]
        check(min(ages) < 1000, f"it decides on frames {min(ages):.0f} ms old")
        appliance.is_alive()
        return Outcome(seconds, "the frames of that time")


@FAULTS.add("killed", "SIGKILL to the appliance", "started again, as the unit has it", short=True)
def killed(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url, supervised=True) as appliance:
        appliance.decided()
        appliance.process.kill()
        seconds = appliance.decided(time.monotonic())
        check(appliance.starts == 2, f"it was started {appliance.starts} times")
        return Outcome(seconds, "the frames until it was back")


def _under_clock(folder: Path, offsets: tuple[str, ...]) -> Outcome:
    clock = folder / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1",
    }  # fmt: skip
    slowest = 0.0
    with WebCamera() as camera, Mosquitto(folder) as broker, Listener(broker.port) as listener:
        outputs = [mqtt(folder, broker.port)]
        with Appliance(folder, camera.url, outputs, environment=environment) as appliance:
            until(lambda: heard(listener), "an event comes")
            for offset in offsets:
                before = len(appliance.events())
                clock.write_text(offset)
                stepped = time.monotonic()
                slowest = max(slowest, appliance.decided(stepped))
                until(lambda before=before: len(appliance.events()) > before + 1, "events go on")
            check(
                "no frame for" not in appliance.log, "a step of the clock looked like a dead camera"
            )
            all_arrive(appliance, lambda: heard(listener), time.monotonic())
    return Outcome(slowest)


@FAULTS.add("clock back", "the clock of the day is set an hour back", "nothing stops; gaps and minimum times "
            "are of the monotonic clock", needs=(FAKETIME, "mosquitto"))  # fmt: skip
def clock_back(folder: Path) -> Outcome:
    return _under_clock(folder, ("-3600",))


@FAULTS.add("clock forth and back", "it is set a day forth, and back again", "the same",
            needs=(FAKETIME, "mosquitto"))  # fmt: skip
def clock_forth(folder: Path) -> Outcome:
    return _under_clock(folder, ("+86400", "+0"))


@FAULTS.add("memory limit", "the address space is limited to what it has while it runs, for 5 s",
            "goes on, or ends with a message and is started again")  # fmt: skip
def memory_limit(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url, supervised=True) as appliance:
        appliance.decided()
        process = appliance.process.pid
        status = Path(f"/proc/{process}/statm").read_text().split()
        size = int(status[0]) * resource.getpagesize()
        resource.prlimit(process, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
        camera.size = (1280, 960)  # which needs more
        time.sleep(5)
        if appliance.process.pid == process and appliance.process.poll() is None:
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(process, resource.RLIMIT_AS, unlimited)
        camera.size, ended = (320, 240), time.monotonic()
        seconds = appliance.decided(ended)
        check("Traceback" not in appliance.log, f"a traceback: {appliance.log[-400:]}")
        return Outcome(seconds, "the frames of that time")


@FAULTS.add("bundle replaced", "the bundle's file is overwritten by half of another one, and mended later",
            "goes on with what it has; a start with the broken one ends in one line, a later one works",
            short=True)  # fmt: skip
def bundle_replaced(folder: Path) -> Outcome:
    own = folder / "own.edge"
    original = Path(shipped.find_bundle("face"))
    shutil.copyfile(original, own)
    keys = {"bundle": str(own), "detector": "face-finder"}
    with (
        WebCamera() as camera,
        Appliance(folder, camera.url, keys=keys, supervised=True) as appliance,
    ):
        appliance.decided()
        content = original.read_bytes()
        own.write_bytes(content[: len(content) // 2])
        changed = time.monotonic()
        appliance.decided(changed, 10)
        check(appliance.starts == 1, "it ended as its bundle was replaced")
        appliance.process.kill()
        until(lambda: appliance.starts >= 3, "it is started again")
        check(
            "own.edge" in appliance.log and "Traceback" not in appliance.log, "it does not say why"
        )
        own.write_bytes(content)
        return Outcome(appliance.decided(time.monotonic()), "the frames while it was broken")


@FAULTS.add("settings broken", "the settings file gets an unknown key, and the appliance is killed",
            "one line with the file's line; works again once it is mended")  # fmt: skip
def settings_broken(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url, supervised=True) as appliance:
        appliance.decided()
        content = appliance.settings.read_text()
        appliance.settings.write_text(f'bundel = "face"\n{content}')
        appliance.process.kill()
        appliance.said("run.toml, line 1")
        appliance.settings.write_text(content)
        return Outcome(appliance.decided(time.monotonic()), "the frames while it was broken")


@FAULTS.add("settings broken at SIGHUP",
            "the settings file gets an unknown key, then SIGHUP; mended, SIGHUP again",
            "one line with the file's line, the old settings stay; then the new ones hold",
            short=True)  # fmt: skip
def broken_at_reload(folder: Path) -> Outcome:
    with WebCamera() as camera, Appliance(folder, camera.url) as appliance:
        appliance.decided()
        content = appliance.settings.read_text()
        appliance.settings.write_text(f'bundel = "face"\n{content}')
        asked = time.monotonic()
        appliance.process.send_signal(signal.SIGHUP)
        appliance.said("run.toml, line 1")
        appliance.decided(asked, 15)
        appliance.write_settings({**ALERT, "name": "visitor"})
        asked = time.monotonic()
        appliance.process.send_signal(signal.SIGHUP)
        seconds = appliance.decided(asked)
        until(
            lambda: any(e["alert"] == "visitor" for e in appliance.events()), "the new alert holds"
        )
        appliance.is_alive()
        return Outcome(seconds, "the frames until the new settings hold")


@FAULTS.add("names gone", "neither camera nor broker can be looked up for 5 s, while both are restarted",
            "tried again; events wait on disk", needs=(NSS_WRAPPER, "mosquitto"))  # fmt: skip
def names_gone(folder: Path) -> Outcome:
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 pool.example\n")
    environment = {"LD_PRELOAD": NSS_WRAPPER, "NSS_WRAPPER_HOSTS": str(hosts)}
    with WebCamera() as camera, Mosquitto(folder) as broker, Listener(broker.port) as listener:
        url = camera.url.replace("127.0.0.1", "pool.example")
        target = {**mqtt(folder, broker.port), "target": f"pool.example:{broker.port}/pool"}
        with Appliance(folder, url, [target], environment=environment) as appliance:
            until(lambda: heard(listener), "an event comes")
            hosts.write_text("127.0.0.1 other.example\n")
            camera.unplug()
            broker.stop()
            time.sleep(1)
            camera.plug()
            broker.start()
            time.sleep(5)
            hosts.write_text("127.0.0.1 pool.example\n")
            ended = time.monotonic()
            seconds = appliance.decided(ended)
            arrived = all_arrive(appliance, lambda: heard(listener), ended)
            return Outcome(max(seconds, arrived.recovered_s or 0.0), "the frames of that time")
