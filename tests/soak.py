"""`python -m tests.soak`: 500,000 frames through edge-run with page and every output, and its memory.

Frames come from a pipe as from a camera, faster than it takes them, so that it drops some all the time;
memory and descriptors are looked at all along. The memory's growth is a line fitted to what it held
behind the first fifth.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import click
import numpy as np
import psutil

from edge_common import console
from tests.edge.sinks.brokers import Mosquitto
from tests.edge.sources.web import Handler, serving
from tests.faults.appliance import START, toml
from tests.faults.cameras import pictures
from tests.signals import heed_interrupts

MOST_MB, MOST_DESCRIPTORS = 1.0, 0
_SIZE, _VISIT = (160, 120), 50  # frames


@click.command()
@click.option("--frames", default=500_000, show_default=True)
@click.option("--rate", default=400.0, show_default=True, help="Frames a second that come.")
@click.option("--without", default="", metavar="KIND,...", help="Outputs to leave out.")
@click.option("--key", "keys", multiple=True, metavar="KEY=VALUE", help="Of the settings file.")
def main(frames: int, rate: float, without: str, keys: tuple[str, ...]) -> None:
    """Exit code 1 if memory grows by more than 1 MB in 100,000 frames, or descriptors become more."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto(folder))
        url = stack.enter_context(serving(_Hook))
        outputs = [
            o for o in _outputs(folder, broker.port, url) if o["kind"] not in without.split(",")
        ]
        settings = folder / "run.toml"
        settings.write_text(_settings(outputs, frames, dict(key.split("=", 1) for key in keys)))
        command = [sys.executable, "-c", START, "--config", str(settings), "--json", "--quiet"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=heed_interrupts
        )
        looks: list[tuple[int, float, int]] = []  # frames, MB, descriptors
        began = time.monotonic()
        feeding = threading.Thread(target=_feed, args=(process, rate, looks))
        feeding.start()
        assert process.stdout
        content = process.stdout.read()
        feeding.join()
        if process.wait():
            raise click.ClickException(f"edge-run ended with code {process.returncode}")
        summary = json.loads(content)
    report = {
        **judged([(round(n * frames / looks[-1][0]), mb, count) for n, mb, count in looks]),
        "frames": summary["frames"], "frames_a_second": frames / (time.monotonic() - began),
        "dropped": summary.get("dropped"),
    }  # fmt: skip
    console.echo(json.dumps(report))
    if report["mb_in_100_000"] > MOST_MB or report["more_descriptors"] > MOST_DESCRIPTORS:
        raise SystemExit(1)


def judged(looks: list[tuple[int, float, int]]) -> dict[str, float]:
    """Megabytes more in 100,000 frames, and descriptors more, behind the first fifth."""
    later = np.array(looks[len(looks) // 5 :])
    slope, _ = np.polyfit(later[:, 0], later[:, 1], 1)
    quarter = len(later) // 4
    more = np.median(later[-quarter:, 2]) - np.median(later[:quarter, 2])
    return {
        "mb_in_100_000": float(slope * 1e5), "more_descriptors": float(more),
        "mb_first": float(later[0, 1]), "mb_last": float(later[-1, 1]), "mb_most": float(later[:, 1].max()),
    }  # fmt: skip


def _settings(outputs: list[dict[str, object]], frames: int, keys: Mapping[str, str]) -> str:
    width, height = _SIZE
    rows = [
        'bundle = "faces-in-motion"', 'source = ["-"]',
        f'stdin_format = "raw:{width}x{height}@25:bgr"',
        f"frames = {frames}",
        *(f"{key} = {toml(value)}" for key, value in {"web": "127.0.0.1:0", **keys}.items()),
    ]  # fmt: skip
    for output in outputs:
        rows += ["[[output]]", *(f"{key} = {toml(value)}" for key, value in output.items())]
    rows += ["[[alert]]", 'name = "nods"', 'task = "action"', "above = 0.3", "clear_s = 1"]
    rows += [f"is = {toml(['shake', 'nearer', 'up'])}"]
    return "\n".join(rows) + "\n"


def _outputs(folder: Path, port: int, url: str) -> list[dict[str, object]]:
    rotated: dict[str, object] = {"rotate_mb": 5, "quota_mb": 30}
    return [
        {"kind": "jsonl", "target": str(folder / "day.jsonl"), **rotated},
        {"kind": "csv", "target": str(folder / "day.csv"), **rotated},
        {"kind": "video", "target": str(folder / "seen.mp4"), **rotated},
        {"kind": "clips", "target": str(folder / "clips"), "quota_mb": 50, "before": 1, "after": 1},
        {"kind": "keeper", "target": str(folder / "kept"), "quota_mb": 20},
        {"kind": "mqtt", "target": f"127.0.0.1:{port}/soak", "spool": str(folder / "spool")},
        {"kind": "webhook", "target": f"{url}/hook"},
    ]


class _Hook(Handler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()


def _frames() -> Iterator[bytes]:
    """Somebody who comes and goes."""
    import cv2

    somebody, nobody = pictures(*_SIZE)
    decoded = [
        cv2.imdecode(np.frombuffer(each, np.uint8), 1).tobytes() for each in (*somebody, nobody)
    ]
    number = 0
    while True:
        number += 1
        is_there = number % (2 * _VISIT) < _VISIT
        yield decoded[number % len(somebody)] if is_there else decoded[-1]


def _memory_mb(process: psutil.Process) -> float:
    """Of it and of its children; what they share counts once for each."""
    every = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in every) / 1e6


def _feed(
    process: "subprocess.Popen[bytes]", rate: float, looks: list[tuple[int, float, int]]
) -> None:
    """Frames until it ends, while it is looked at once a second."""
    assert process.stdin
    seen, began, looked = psutil.Process(process.pid), time.monotonic(), 0.0
    with contextlib.suppress(BrokenPipeError, psutil.Error):
        for number, frame in enumerate(_frames()):
            process.stdin.write(frame)
            now = time.monotonic()
            if now - looked >= 1:
                looked = now
                looks.append((number, _memory_mb(seen), seen.num_fds()))
                if len(looks) % 60 == 1:
                    console.note(
                        f"{number} frames, {looks[-1][1]:.1f} MB, {looks[-1][2]} descriptors"
                    )
            time.sleep(max(0.0, began + number / rate - now))


if __name__ == "__main__":
    if not shutil.which("mosquitto", path="/usr/sbin:/usr/bin"):
        sys.exit("this needs Debian's mosquitto")
    main(prog_name="python -m tests.soak")
