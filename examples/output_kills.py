"""SIGKILLs of runs that write lines, a spool and clips: what cannot be read afterwards.

python -m examples.output_kills --kills 100
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import av
import click
import numpy as np
import psutil

from edge import sinks
from examples.made_events import RUN, EveryTenth, Pictures, report


@click.command(help=__doc__)
@click.option("--kills", default=100)
@click.option("--write", "target", hidden=True)
def main(kills: int, target: str | None) -> None:
    """Figures as a JSON line."""
    if target:
        write(target)
    rng, bad_lines, bad_clips, lines, clips = np.random.default_rng(0), 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(kills):
            command = [sys.executable, "-m", "examples.output_kills", "--write", name]
            child = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert child.stdout
            child.stdout.readline()
            time.sleep(rng.uniform(0, 0.5))
            for process in psutil.Process(child.pid).children():  # what makes clips
                process.kill()
            child.kill()
            child.wait()
        for path in [*folder.glob("*.jsonl"), *folder.glob("spool/*.lines")]:
            content = path.read_bytes().splitlines(keepends=True)
            lines += len(content)
            bad_lines += sum(not _is_whole(line) for line in content)
        for path in folder.glob("clips/*.mp4"):
            clips += 1
            try:
                with av.open(str(path)) as container:
                    bad_clips += not sum(1 for _ in container.decode(video=0))
            except av.error.FFmpegError:
                bad_clips += 1
        report(
            figure="kills", kills=kills, lines=lines, unreadable_lines=bad_lines, clips=clips,
            unreadable_clips=bad_clips,
        )  # fmt: skip


def _is_whole(line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and bool(json.loads(line))
    except ValueError:
        return False


def write(folder: str) -> None:
    """Lines, a spool and clips as fast as they go, until somebody kills it."""
    texts = [
        f"jsonl:{folder}/d.jsonl:rotate_mb=1,quota_mb=20",
        f"mqtt:127.0.0.1:9/t:spool={folder}/spool,spool_mb=4",
        f"clips:{folder}/clips:quota_mb=20,before=0,after=0,longest=1,codec=mpeg4",
    ]
    recording = replace(RUN, live=False)
    (opened,) = sinks.open_sinks([sinks.registry().find(text) for text in texts], [recording])
    clips, judges, is_ready = Path(folder, "clips"), EveryTenth(), False
    earlier = set(clips.glob("*.mp4"))
    for frame in Pictures(1 << 30, 0.0):
        for news in judges.take(frame, ()):
            for sink in opened:
                sink.take_event(news, frame)  # type: ignore[attr-defined]
        for sink in opened:
            sink.take(frame, ())
        if not is_ready and not earlier.issuperset(clips.glob("*.mp4")):
            is_ready = True
            click.echo("ready")


if __name__ == "__main__":
    main()
