"""How many frames of a paced camera a running edge-run loses while its bundle is updated.

Run as `python -m tests.edge.updates.lost_frames --updates 20`.
"""

import contextlib
import itertools
import multiprocessing
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from edge.bundle import open_bundle
from edge_common import console
from edge_devices.emulated_delegate.build import build
from tests.edge.service.processes import started, wait_for
from tests.edge.sources import web
from tests.edge.updates import test_swap as swaps
from tests.edge.updates.bad_updates import environment

PHASE_S = 3.0
NO_UPDATE = "no update, as long"


def serve(rate_hz: float, address: Connection) -> None:
    """A camera that keeps its rate; what it is late for it leaves out."""
    images = [
        cv2.imencode(".jpg", np.full((240, 320, 3), 100 + n, np.uint8))[1].tobytes()
        for n in range(100)
    ]

    class Images(web.Handler):
        def do_GET(self) -> None:
            self.send_images(self.images(), step_s=0.0)

        def images(self) -> Iterator[bytes]:
            due = time.monotonic()
            for number in itertools.count():
                due = max(due + 1 / rate_hz, time.monotonic())
                time.sleep(max(0.0, due - time.monotonic()))
                yield images[number % len(images)]

    with web.serving(Images) as url:
        address.send(f"{url}/video.mjpg")
        address.recv()  # until it is to end


@contextlib.contextmanager
def camera(rate_hz: float) -> Iterator[str]:
    """Its address. A process of its own, which waits for nobody."""
    mine, its = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(rate_hz, its), daemon=True)
    process.start()
    yield mine.recv()
    mine.send(None)
    process.join()


def lost(records: list[dict[str, Any]]) -> dict[str, int]:
    """Frames that nobody decided on, by the newest step of the update before them."""
    counts, step, before = Counter[str](), NO_UPDATE, None
    for record in records:
        step = record.get("update", step)
        counts[step] += 0
        if "tasks" in record:
            counts[step] += record["frame"] - before - 1 if before is not None else 0
            before = record["frame"]
    return counts


def one(folder: Path, version: int) -> dict[str, int]:
    """Of an update, and of the time before it in which none was."""
    first = len(swaps.records(folder))
    time.sleep(3 * PHASE_S)
    path = folder / "sent" / "door.edge"
    swaps.version_of(open_bundle(folder / "door.edge"), str(version), path)
    console.echo(swaps.update("sent/door.edge").stdout.splitlines()[-1], err=True)
    time.sleep(1.0)
    return lost(swaps.records(folder)[first:])


@click.command()
@click.option("--updates", type=click.IntRange(1), default=5, show_default=True)
@click.option("--rate", type=float, default=25.0, show_default=True, help="Frames a second.")
@click.option("--bundle", default="face", show_default=True)
@click.option("--shadow-s", type=float, default=PHASE_S, show_default=True)
@click.option(
    "--pass-ms",
    type=float,
    default=0.0,
    help="On an emulated accelerator that takes so many milliseconds a pass of each part.",
)
def main(updates: int, rate: float, bundle: str, shadow_s: float, pass_ms: float) -> None:
    """Update a bundle while a camera is watched, and count the frames that nobody decided on."""
    more = f'delegate = "{build()}:latency_us={pass_ms * 1e3:.0f}"' if pass_ms else ""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = stack.enter_context(environment(Path(name)))
        stack.callback(os.chdir, os.getcwd())
        os.chdir(folder)
        swaps.version_of(open_bundle(bundle), "1", folder / "door.edge")
        url = stack.enter_context(camera(rate))
        seconds = {"shadow_s": shadow_s, "probation_s": PHASE_S}
        text = swaps.SETTINGS.format(url=url, more=more, latency_ms=1000, **seconds)
        (folder / "run.toml").write_text(text)
        service = stack.enter_context(started(folder, "--config", "run.toml", "--quiet"))
        wait_for(lambda: len(swaps.decisions(folder)) > 2 * rate)
        rows = [one(folder, number + 2) for number in range(updates)]
        service.end(signal.SIGTERM)
    steps = list(dict.fromkeys(step for row in rows for step in row))
    table = [[step, *(str(row.get(step, 0)) for row in rows)] for step in steps]
    headings = ["frames lost", *(f"{n + 1}." for n in range(updates))]
    console.echo(console.text_table(headings, table))
    sums = [sum(n for step, n in row.items() if step != NO_UPDATE) for row in rows]
    console.echo(
        f"{sum(each <= 1 for each in sums)} of {updates} updates lost one frame or none, the worst "
        f"{max(sums)}, at {rate:g} frames/s"
    )


if __name__ == "__main__":
    main()
