"""Faults of disks, and of writers that are killed."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import av

from tests.edge.sinks.brokers import Listener, Mosquitto, free_port
from tests.faults.appliance import Appliance, until
from tests.faults.cameras import WebCamera
from tests.faults.fault import FaultList, Outcome, check
from tests.faults.of_outputs import all_arrive, heard, mqtt

FAULTS = FaultList("disks")
VIDEO = {"kind": "video", "rotate_s": 2}
CLIPS = {"kind": "clips", "before": 1, "after": 1}


def run(*command: object) -> str:
    done = subprocess.run(
        [str(each) for each in command], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@contextlib.contextmanager
def mounted(place: Path, *options: object) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    run("mount", *options, place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    with mounted(folder / "disk", "-t", "tmpfs", "-o", "size=16m", "tmpfs") as disk:
        yield disk


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def recorded(folder: Path, camera: WebCamera, disk: Path) -> Appliance:
    outputs = [{**CLIPS, "target": str(disk / "clips"), "quota_mb": 8}]
    return Appliance(folder, camera.url, outputs, lines=disk / "day.jsonl")


def unreadable(folder: Path) -> list[str]:
    """Names of the videos, snapshots and lines below a folder that are not whole."""
    broken = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".mp4", ".mkv", ".avi") and not path.name.startswith("."):
            broken += [] if _frames(path) else [path.name]
        elif path.suffix == ".jpg":
            broken += [] if path.read_bytes()[-2:] == b"\xff\xd9" else [path.name]
        elif path.suffix in (".jsonl", ".lines", ".json"):
            broken += [f"{path.name} {n}" for n, line in _bad_lines(path)]
    return broken


def _frames(path: Path) -> int:
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.error.FFmpegError, IndexError):
        return 0


def _bad_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    if path.suffix == ".json":
        lines = [path.read_bytes()]
    else:
        content = path.read_bytes()
        lines = content[: content.rfind(b"\n") + 1].splitlines()
    for number, line in enumerate(lines, 1):
        try:
            json.loads(line)
        except ValueError:
            yield number, line


@FAULTS.add("disk full", "the disk of lines and clips is filled for 5 s", "said; frames go on, and so does "
            "writing once there is room", needs=("mount",), as_root=True)  # fmt: skip
def disk_full(folder: Path) -> Outcome:
    with WebCamera() as camera, small_disk(folder) as disk:
        with recorded(folder, camera, disk) as appliance:
            until(appliance.events, "an event is told")
            filler = fill(disk)
            appliance.said("No space left")
            time.sleep(5)
            filler.unlink()
            ended = time.monotonic()
            seconds = appliance.decided(ended, 30)
            appliance.is_alive()
        check(not (broken := unreadable(disk)), f"cannot be read: {broken}")
        return Outcome(seconds, "clips and lines of that time")


@FAULTS.add("disk read-only", "the disk of lines and clips breaks, becomes read-only, and is "
            "mended and mounted again 5 s later", "said; writing goes on afterwards",
            needs=("mount", "mkfs.ext4", "fsck.ext4"), as_root=True)  # fmt: skip
def read_only(folder: Path) -> Outcome:
    image, disk = folder / "image", folder / "disk"
    run("truncate", "-s", "32M", image)
    run("mkfs.ext4", "-q", image)
    with WebCamera() as camera, mounted(disk, "-o", "loop", image):
        with recorded(folder, camera, disk) as appliance:
            until(appliance.events, "an event is told")
            run("mount", "-o", "remount,abort", disk)  # as the kernel does behind an error
            appliance.said("ead-only")
            time.sleep(5)
            run("umount", "-l", disk)
            subprocess.run(["fsck.ext4", "-y", str(image)], capture_output=True, check=False)
            with mounted(disk, "-o", "loop", image):
                seconds = appliance.decided(time.monotonic(), 30)
                appliance.is_alive()
                check(not (broken := unreadable(disk)), f"cannot be read: {broken}")
        return Outcome(seconds, "clips and lines of that time")


@FAULTS.add("disk of waiting events mounted anew", "the disk of events that wait for the broker breaks, "
            "becomes read-only, and is mended and mounted again 5 s later",
            "said; events arrive again, those of that time too",
            needs=("mount", "mkfs.ext4", "fsck.ext4", "mosquitto"), as_root=True)  # fmt: skip
def spool_read_only(folder: Path) -> Outcome:
    image, disk = folder / "image", folder / "disk"
    run("truncate", "-s", "32M", image)
    run("mkfs.ext4", "-q", image)
    with (
        WebCamera() as camera,
        Mosquitto(folder) as broker,
        Listener(broker.port) as listener,
        mounted(disk, "-o", "loop", image),
    ):
        output = {**mqtt(folder, broker.port), "spool": str(disk / "events")}
        with Appliance(folder, camera.url, [output]) as appliance:
            until(lambda: heard(listener), "an event comes")
            run("mount", "-o", "remount,abort", disk)
            appliance.said("ead-only")
            time.sleep(5)
            run("umount", "-l", disk)
            subprocess.run(["fsck.ext4", "-y", str(image)], capture_output=True, check=False)
            with mounted(disk, "-o", "loop", image):
                outcome = all_arrive(appliance, lambda: heard(listener), time.monotonic())
                appliance.said("works again")
                appliance.is_alive()
                return outcome


@FAULTS.add("quota", "a folder of clips has room for 2 MB, and gets more for 20 s",
            "the oldest go, it never holds 1 % more")  # fmt: skip
def quota(folder: Path) -> Outcome:
    clips, most = folder / "clips", 0
    outputs = [{**CLIPS, "target": str(clips), "quota_mb": 2, "codec": "mjpeg"}]
    with WebCamera() as camera, Appliance(folder, camera.url, outputs) as appliance:
        until(lambda: list(clips.glob("*.mp4")), "a clip is written")
        end = time.monotonic() + 20
        while time.monotonic() < end:
            most = max(most, _bytes_of(clips))
            time.sleep(0.02)
        appliance.is_alive()
    check(most > 1e6, f"only {most} bytes were written")
    check(most <= 2.02e6, f"the folder held {most / 1e6:.2f} MB")
    return Outcome(None, "the oldest clips, as asked")


def _bytes_of(folder: Path) -> int:
    total = 0
    for each in folder.glob("*.*"):
        with contextlib.suppress(OSError):
            total += each.stat().st_size
    return total


def _killed(
    folder: Path, output: Mapping[str, object], is_writing: Callable[[Path], bool]
) -> Outcome:
    """SIGKILL at a random moment, five times; whatever is there can be read, and it goes on."""
    written, chance, slowest = folder / "written", random.Random(7), 0.0
    written.mkdir()
    lines = written / "day.jsonl"
    with WebCamera() as camera:
        with Appliance(folder, camera.url, [output], supervised=True, lines=lines) as appliance:
            for _ in range(5):
                appliance.decided(time.monotonic())
                until(lambda: is_writing(written), "something is being written")
                time.sleep(chance.uniform(0, 1))
                os.kill(appliance.process.pid, signal.SIGKILL)
                slowest = max(slowest, appliance.decided(time.monotonic()))
        check(appliance.starts >= 6, "it was not started again")
    check(not (broken := unreadable(written)), f"cannot be read: {broken}")
    return Outcome(slowest, "what was being written")


@FAULTS.add("killed while it writes lines", "SIGKILL, five times", "every whole line can be read",
            short=True)  # fmt: skip
def killed_lines(folder: Path) -> Outcome:
    second = {"kind": "csv", "target": str(folder / "written" / "day.csv")}
    return _killed(folder, second, lambda written: (written / "day.jsonl").exists())


@FAULTS.add(
    "killed while it writes video", "SIGKILL, five times", "every finished piece can be played"
)
def killed_video(folder: Path) -> Outcome:
    target = folder / "written" / "seen.mp4"
    return _killed(folder, {**VIDEO, "target": str(target)}, lambda w: bool(list(w.glob("seen*"))))


@FAULTS.add(
    "killed while it writes clips",
    "SIGKILL, five times",
    "every clip and snapshot that is there is whole",
)
def killed_clips(folder: Path) -> Outcome:
    target = folder / "written" / "clips"
    return _killed(folder, {**CLIPS, "target": str(target)}, lambda w: (w / "clips").exists())


@FAULTS.add("killed while it spools", "SIGKILL, five times, with the broker away",
            "every event but the one being written waits", needs=("mosquitto",))  # fmt: skip
def killed_spool(folder: Path) -> Outcome:
    written = folder / "written"
    return _killed(folder, mqtt(written, free_port()), lambda w: (w / "spool").exists())


@FAULTS.add("power cut", "the block device is copied while lines, video and clips are written, five times",
            "after fsck the copy is whole but for the last seconds",
            needs=("mount", "mkfs.ext4", "fsck.ext4"), as_root=True)  # fmt: skip
def power_cut(folder: Path) -> Outcome:
    image, copies = folder / "image", []
    run("truncate", "-s", "64M", image)
    run("mkfs.ext4", "-q", image)
    with WebCamera() as camera, mounted(folder / "disk", "-o", "loop", image) as disk:
        outputs = [
            {**CLIPS, "target": str(disk / "clips")},
            {**VIDEO, "target": str(disk / "v.mp4")},
        ]
        with Appliance(folder, camera.url, outputs, lines=disk / "day.jsonl") as appliance:
            until(lambda: list((disk / "clips").glob("*.mp4")), "a clip is written", 60)
            for number in range(5):
                time.sleep(1.7)
                copies.append(folder / f"cut{number}")
                shutil.copyfile(image, copies[-1])
            appliance.is_alive()
    for copy in copies:
        subprocess.run(["fsck.ext4", "-y", str(copy)], capture_output=True, check=False)
        with mounted(folder / "after", "-o", "loop", copy) as after:
            check((after / "day.jsonl").exists(), "the lines are gone")
            check(not (broken := unreadable(after)), f"cannot be read: {broken}")
    return Outcome(None, "the last seconds, which the system had not written yet")
