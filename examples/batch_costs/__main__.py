"""`python -m examples.batch_costs`: what two workers gain over one, what a batch costs, and kills.

Of one long and several short h264 videos of 640 x 480: the time of bare engine and decoder in a
worker, and of the same in two at once, which is what this machine's second core gives anyone; of
`edge-batch` on one and on two warm workers, alternating; then on two of which one is killed every few
seconds, whose rows must be the same.
"""

import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from edge import bundle as bundles, shipped, stream
from edge.sources import video
from edge_common import SourceError, cluster, command_line, console
from edge_fleet.batch import batch as batches, recordings as listing
from edge_fleet.batch.parts import PartFolder
from edge_fleet.batch.rows import read_rows
from edge_fleet.batch.work import Job

RATE_HZ, SHORT = 25, 8


@click.command(cls=command_line.OneLineCommand)
@click.option("--bundle", default=shipped.DEFAULT_BUNDLE, show_default=True)
@click.option("--frames", default=3000, show_default=True, help="Of the long video.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--kill-every", default=20.0, show_default=True, help="Seconds; 0: no kills.")
@click.option(
    "--kill-rounds", default=3, show_default=True, help="Times the recordings, with kills."
)
@command_line.one_line_errors
def main(bundle: str, frames: int, rounds: int, kill_every: float, kill_rounds: int) -> None:
    """Print times in seconds, and the ratios that are promised."""
    path = shipped.find_bundle(bundle)
    job = Job(bundles.open_bundle(path).sha256, path.read_bytes(), gate=False)
    with TemporaryDirectory() as folder:
        listed = make_videos(Path(folder, "videos"), frames)
        times: dict[str, list[float]] = {"bare": [], "both bare": [], "one": [], "two": []}
        cpu: dict[str, float] = {}
        with cluster.connected(workers=1) as one, cluster.connected(workers=2) as two:
            for name, client in (("one", one), ("two", two)):
                _timed_batch(client, job, listed[-2:], Path(folder, f"{name}-warm-up"))
            for number in range(rounds):
                urls = [each.url for each in listed]
                before = _cpu_seconds(one)
                times["bare"].append(one.submit(bare_seconds, job, urls, pure=False).result())
                cpu["bare"] = _cpu_seconds(one) - before
                times["both bare"].append(max(two.run(bare_seconds, job, urls).values()))
                for name, client in (("one", one), ("two", two)):
                    before = _cpu_seconds(client)
                    seconds, _ = _timed_batch(client, job, listed, Path(folder, f"{name}-{number}"))
                    times[name].append(seconds)
                    cpu[name] = _cpu_seconds(client) - before
                walls = (f"{name} {each[-1]:.2f} s" for name, each in times.items())
                work = (f"{name} {seconds:.2f} s" for name, seconds in cpu.items())
                console.echo(f"{', '.join(walls)}; CPU of the workers: {', '.join(work)}")
            _print_ratios(times)
            if kill_every:
                _print_kills(two, job, listed, Path(folder), kill_every, kill_rounds)


def make_videos(folder: Path, frames: int) -> list[listing.RecordedFile]:
    """A long one, and short ones of together as many frames. Raises SourceError without ffmpeg."""
    folder.mkdir()
    for number in range(SHORT + 1):
        seconds = (frames if number == 0 else frames // SHORT) / RATE_HZ
        made_up = f"testsrc2=size=640x480:rate={RATE_HZ}:duration={seconds},noise=alls=6:allf=t"
        codec = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", made_up, *codec]
        try:
            subprocess.run([*command, folder / f"{number}.mp4"], check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise SourceError(f"ffmpeg with libx264 makes the videos: {error}") from error
    return listing.find([str(folder)])


def bare_seconds(job: Job, paths: Sequence[str]) -> float:
    """Of decoding with one thread, and of the engine, in a worker."""
    network = stream.Network(job.open(), job.options)
    for path in paths[-1:]:  # warm
        _push_all(job, network, path)
    started = time.perf_counter()
    for path in paths:
        _push_all(job, network, path)
    return time.perf_counter() - started


def _push_all(job: Job, network: stream.Network, path: str) -> None:
    watcher = stream.Stream(network.bundle, job.options, network=network)
    with video.VideoFile(path, video.open_capture(path, threads=1)) as source:
        for frame in source:
            watcher.push(frame)


def _timed_batch(
    client: Any, job: Job, listed: Sequence[listing.RecordedFile], folder: Path
) -> tuple[float, Path]:
    """Seconds from the first look at a recording to the whole file, and that."""
    folder.mkdir()
    parts, output = PartFolder(folder), folder / "decisions.parquet"
    started = time.perf_counter()
    outcomes = batches.BatchRun(client, job, parts).run(listed)
    batches.write_decisions(output, parts, outcomes, job, job.open().manifest.tasks)
    seconds = time.perf_counter() - started
    if not all(each.is_whole for each in outcomes):
        raise SourceError("; ".join(each.problem or each.warning for each in outcomes))
    return seconds, output


def _cpu_seconds(client: Any) -> float:
    return float(sum(client.run(time.process_time).values()))


def _print_ratios(times: dict[str, list[float]]) -> None:
    bare, both, one, two = map(statistics.median, times.values())
    console.echo(f"two workers: {one / two:.2f} x one (promised 1.8)")
    console.echo(f"two bare engines and decoders at once: {2 * bare / both:.2f} x one")
    console.echo(f"over bare engine and decoder: {100 * (one / bare - 1):+.1f} % (promised 5)")


def _print_kills(
    client: Any, job: Job, listed: Sequence[listing.RecordedFile], folder: Path, every_s: float,
    count: int,
) -> None:  # fmt: skip
    calm = folder / "two-0" / "decisions.parquet"
    expected = list(read_rows(str(calm)))
    with _killing(client, every_s) as kills:
        for number in range(count):
            seconds, output = _timed_batch(client, job, listed, folder / f"killed-{number}")
            is_equal = list(read_rows(str(output))) == expected
            console.echo(
                f"with {len(kills)} kills so far: {seconds:.2f} s, rows are "
                f"{'the same' if is_equal else 'OTHERS'}"
            )


@contextmanager
def _killing(client: Any, every_s: float) -> Iterator[list[int]]:
    """One worker after the other; the list holds their process ids."""
    kills: list[int] = []
    ending = threading.Event()

    def kill() -> None:
        while not ending.wait(every_s):
            pids = sorted(client.run(os.getpid, on_error="ignore").values())
            if pids:
                kills.append(pids[len(kills) % len(pids)])
                os.kill(kills[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield kills
    finally:
        ending.set()
        thread.join()


if __name__ == "__main__":
    main()
