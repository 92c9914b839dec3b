"""What the page costs a run: nobody looks, one does, 200 try to, or some never read.

    python -m examples.page_costs run              # as fast as frames go
    python -m examples.page_costs run --rate 25    # frames that come when they come
    python -m examples.page_costs memory FILM      # of the process, most of it

Figures as JSON lines, each beside that of the same round without a page. Needs the extra web.
"""

import contextlib
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import click
import numpy as np

from edge import bundle as bundles, loop, shipped, sinks, stream, summary as summaries
from edge.commands import run_options, source_options
from edge.web import address as addresses, page as pages, watch
from examples.made_events import RUN, EveryTenth, Pictures, free_port, report

# by name: whether there is a page, how many look, and whether they read
SETTINGS = {
    "no page": (False, 0, True),
    "nobody looks": (True, 0, True),
    "one looks": (True, 1, True),
    "200 try to look": (True, 200, True),
    "16 look and do not read": (True, 16, False),
}
_SETTLING_S = 1.5  # for the clients to come


@click.group(help=__doc__)
def main() -> None:
    """Figures as JSON lines."""


@main.command("run")
@click.option("--frames", default=500)
@click.option("--rate", default=0.0, help="Frames a second of a live source; 0: a recording.")
@click.option("--rounds", default=7)
@click.option("--bundle", default="faces-in-motion")
@click.option("--only", default="", help="Settings, with + between, the first to compare with.")
def run_command(frames: int, rate: float, rounds: int, bundle: str, only: str) -> None:
    """Throughput and milliseconds a decision, interleaved."""
    opened = bundles.open_bundle(str(shipped.find_bundle(bundle)))
    network = stream.Network(opened, stream.StreamOptions())
    names = only.split("+") if only else list(SETTINGS)
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            rows[name].append(_one_run(network, name, frames, rate))
    first = np.array(rows[names[0]])
    for name in names:
        values = np.array(rows[name])
        more = values - first
        report(
            figure="page", setting=name, throughput_share=_quartiles(values[:, 0] / first[:, 0]),
            frames_a_second=float(np.median(values[:, 0])), p50_ms=float(np.median(values[:, 1])),
            more_p50_ms=_quartiles(more[:, 1]), more_p99_ms=_quartiles(more[:, 2]),
            more_cpu_ms=_quartiles(more[:, 3]), rounds=rounds,
        )  # fmt: skip


def _quartiles(sample: np.ndarray) -> list[float]:
    """First, median and third: how far the rounds differ says how much a median is worth."""
    return [round(float(value), 3) for value in np.quantile(sample, [0.25, 0.5, 0.75])]


def _one_run(
    network: stream.Network, name: str, frames: int, rate: float
) -> tuple[float, float, float, float]:
    """Frames a second; p50 and p99 of milliseconds from a frame to its decision; processor time a frame."""
    has_page, clients, read = SETTINGS[name]
    source = Pictures(frames + 50, rate)
    run = replace(RUN, live=source.live, bundle=_bundle_info(network))
    summary = summaries.RunSummary("b", [summaries.SourceSummary(source)], "litert")
    watcher = stream.Stream(network.bundle, stream.StreamOptions(), network=network)
    with contextlib.ExitStack() as stack:
        watches = list[watch.SourceWatch]()
        if has_page:
            page = stack.enter_context(pages.Page(addresses.PageAddress.parse("127.0.0.1:0")))
            watches = page.begin(summary, [run], _options())
            if clients:
                stack.enter_context(_clients(page.port, clients, read))
            time.sleep(_SETTLING_S)
        feed = loop.Feed(summary.sources[0], watcher, watches, judges=EveryTenth(250))
        ends, began = [time.perf_counter()], time.process_time()
        limits = loop.RunLimits(frames)
        loop.run([feed], summary, limits, on_frame=lambda _: ends.append(time.perf_counter()))
        cpu_ms = 1e3 * (time.process_time() - began) / frames
    source.close()
    p50, p99 = np.percentile(summary.latency.sample("frame age"), [50, 99])
    return frames / (ends[-1] - ends[0]), float(p50), float(p99), cpu_ms


def _options() -> run_options.RunOptions:
    """What the page asks the options for is said of any run."""
    return run_options.RunOptions("face", source_options.SourceOptions(("film.mp4",)))


def _bundle_info(network: stream.Network) -> sinks.BundleInfo:
    manifest = network.bundle.manifest
    return sinks.BundleInfo(manifest.name, network.bundle.sha256, manifest.tasks)


@contextlib.contextmanager
def _clients(port: int, count: int, read: bool) -> Iterator[None]:
    """In another process of low priority, until the block is left."""
    command = [sys.executable, "-m", "examples.page_costs", "look", str(port), str(count)]
    command += ["--read" if read else "--no-read"]
    process = subprocess.Popen(["nice", "-n", "19", *command])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@main.command(hidden=True)
@click.argument("port", type=int)
@click.argument("count", type=int)
@click.option("--read/--no-read", default=True)
def look(port: int, count: int, read: bool) -> None:
    """Ask for the live picture, and each for the state, again once a second if refused."""
    paths, ready = ("/picture/0.mjpeg", "/api/stream"), selectors.DefaultSelector()
    wanting = [path for _ in range(count) for path in (paths if count == 1 else paths[:1])]
    while True:
        for path in wanting:
            with contextlib.suppress(OSError):
                client = socket.create_connection(("127.0.0.1", port), timeout=5)
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                ready.register(client, selectors.EVENT_READ, path)
        wanting, ends_at = [], time.monotonic() + 1.0
        while time.monotonic() < ends_at:
            if not read:
                time.sleep(1.0)
                continue
            for key, _ in ready.select(0.2):
                client = key.fileobj  # type: ignore[assignment]
                with contextlib.suppress(OSError):
                    if client.recv(1 << 18):
                        continue
                ready.unregister(client)
                client.close()
                wanting.append(key.data)


@main.command()
@click.argument("film", type=click.Path(exists=True))
@click.option("--rounds", default=3)
def memory(film: str, rounds: int) -> None:
    """Of `edge-run` on a film, by its own summary: without a page, with one, and with a viewer."""
    for name, clients in (("no page", None), ("nobody looks", 0), ("one looks", 1)):
        peaks = [_peak_mb(film, clients) for _ in range(rounds)]
        report(figure="memory", setting=name, peak_rss_mb=float(np.median(peaks)))


def _peak_mb(film: str, clients: int | None) -> float:
    port = free_port()
    page = [] if clients is None else ["--web", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "edge.cli", "--source", film, "--json", "--quiet", *page]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with contextlib.ExitStack() as stack:
        if clients:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.05)
            stack.enter_context(_clients(port, clients, read=True))
        output, _ = process.communicate()
    return float(json.loads(output)["peak_rss_mb"])


if __name__ == "__main__":
    main()
