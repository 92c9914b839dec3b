"""What outputs cost a run, and whether an MQTT broker that goes away loses anything.

    python -m examples.output_costs costs      # throughput and latency with JSON, MQTT, clips, dead outputs
    python -m examples.output_costs delay      # from an event to who listens, milliseconds
    python -m examples.output_costs judges     # 1 and 10 alerts over 1 to 10 people, milliseconds a frame
    python -m examples.output_costs outage     # 12,000 events while the broker is away, and 60 real seconds

Needs mosquitto and the extras mqtt and clips.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import psutil

from edge import bundle as bundles, loop, shipped, sinks, sources, stream, summary as summaries
from edge.privacy import faces
from edge.sinks.queued import Queued
from examples.made_events import RUN, EveryTenth, Pictures, event, free_port, judged_ms, report

COVERED = "json, mqtt, covered clips"  # without faces, as runs make them


@contextlib.contextmanager
def mosquitto(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A broker of this port that allows everybody, until the block is left."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        raise click.ClickException("this needs mosquitto: apt-get install mosquitto")
    settings, user = folder / "mosquitto.conf", "user root" if os.geteuid() == 0 else ""
    text = (
        f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\nmax_queued_messages 0\n"
    )
    settings.write_text(f"{text}{user}\n")
    process = subprocess.Popen([program, "-c", str(settings)], stderr=subprocess.DEVNULL)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def open_sink(text: str) -> Queued:
    ((sink,),) = sinks.open_sinks([sinks.registry().find(text)], [RUN])
    assert isinstance(sink, Queued)
    return sink


class Listener:
    """When each event came, by the number of its first frame, in the order of coming."""

    def __init__(self, port: int, topic: str) -> None:
        from paho.mqtt import client as paho

        self.arrivals: list[tuple[int, float, float]] = []  # number, captured, came
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, "listener", clean_session=False
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_message = self._add
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        time.sleep(0.5)

    def _add(self, client: object, data: object, message: object) -> None:
        fields = json.loads(message.payload)  # type: ignore[attr-defined]
        came = time.monotonic()
        self.arrivals.append((fields["frames"]["first"], fields["captured_at"], came))

    @property
    def numbers(self) -> list[int]:
        """Each once, in their order; one on its way in an outage may come twice."""
        return list(dict.fromkeys(number for number, _, _ in self.arrivals))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@click.group(help=__doc__)
def main() -> None:
    """Figures as JSON lines."""


@main.command()
@click.option("--events", default=1000)
@click.option("--rate", default=20.0, help="Events a second.")
def delay(events: int, rate: float) -> None:
    """From an event's making to who listens."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name), port := free_port()):
        listener = Listener(port, "t/event")
        sink = open_sink(f"mqtt:127.0.0.1:{port}/t:spool={name}/spool")
        for number in range(events):
            sink.take_event(event(number), empty_frame(number))
            time.sleep(1 / rate)
        sink.close()
        time.sleep(1)
        listener.close()
        delays_ms = np.array([1e3 * (came - made) for _, made, came in listener.arrivals])
        p50, p99 = np.percentile(delays_ms, [50, 99])
        report(
            figure="delay_ms", count=len(delays_ms), p50=p50, p99=p99, longest=delays_ms.max(),
            over_20_ms=int((delays_ms > 20).sum()),
        )  # fmt: skip


def empty_frame(number: int) -> stream.Frame:
    return stream.Frame(np.zeros((4, 4, 3), np.uint8), number)


@main.command()
@click.option("--events", default=12_000)
@click.option(
    "--seconds", default=60.0, help="Of the outage in real time, with 20 events a second."
)
def outage(events: int, seconds: float) -> None:
    """The broker is away: all events as fast as they go, and then again at 20 a second."""
    for count, pause_s in ((events, 0.0), (round(20 * seconds), 0.05)):
        with tempfile.TemporaryDirectory() as name:
            _outage(Path(name), count, pause_s)


def _outage(folder: Path, count: int, pause_s: float) -> None:
    port, process = free_port(), psutil.Process()
    with mosquitto(folder, port):
        listener = Listener(port, "t/event")
        sink = open_sink(f"mqtt:127.0.0.1:{port}/t:spool={folder}/spool")
        sink.take_event(event(0), empty_frame(0))
        while len(listener.arrivals) < 1:
            time.sleep(0.01)
    before = most = process.memory_info().rss
    began = time.monotonic()
    for number in range(1, count + 1):
        while sink.counts.waiting < number - 2000 and not pause_s:
            time.sleep(0.001)  # no faster than a disk takes them
        sink.take_event(event(number), empty_frame(number))
        time.sleep(pause_s)
        most = max(most, process.memory_info().rss) if number % 100 == 0 else most
    away_s = time.monotonic() - began
    with mosquitto(folder, port):
        began = time.monotonic()
        while len(listener.numbers) < count + 1 and time.monotonic() - began < 120:
            time.sleep(0.1)
        sink.close()
        numbers = listener.numbers
        report(
            figure="outage", events=count, away_s=away_s, back_after_s=time.monotonic() - began,
            lost=count + 1 - len(numbers), in_order=numbers == list(range(count + 1)),
            twice=len(listener.arrivals) - len(numbers), more_memory_mb=(most - before) / 1e6,
            dropped=sink.counts.dropped_events,
        )  # fmt: skip
        listener.close()


@main.command()
@click.option("--frames", default=600)
@click.option("--rate", default=0.0, help="Frames a second of a live source; 0: a recording.")
@click.option("--rounds", default=3)
@click.option("--bundle", default="faces-in-motion")
@click.option("--codec", default="h264")
@click.option("--film", help="Frames of this video, in place of made ones.")
@click.option("--every", default=10, help="Frames from one event to the next.")
@click.option("--only", default="", help="Sets of outputs, with + between; else all.")
def costs(
    frames: int, rate: float, rounds: int, bundle: str, codec: str, film: str | None, every: int,
    only: str,
) -> None:  # fmt: skip
    """Frames a second and milliseconds a decision, with each set of outputs, interleaved."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name), port := free_port()):
        dead = free_port()
        silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
        json_lines = f"jsonl:{name}/d.jsonl"
        mqtt = f"mqtt:127.0.0.1:{port}/t:spool={name}/spool"
        clips = f"clips:{name}/clips:quota_mb=50,before=1,after=0,codec={codec}"
        sets: dict[str, list[str]] = {
            "none": [], "json": [json_lines], "json, mqtt": [json_lines, mqtt],
            "json, mqtt, clips": [json_lines, mqtt, clips],
            COVERED: [json_lines, mqtt, clips],
            "dead mqtt": [f"mqtt:127.0.0.1:{dead}/t:spool={name}/dead"],
            "dead webhook": [f"webhook:http://127.0.0.1:{dead}/"],
            "silent webhook": [f"webhook:http://127.0.0.1:{silent.getsockname()[1]}/"],
            "full disk": ["jsonl:/dev/full"],
        }  # fmt: skip
        usual = [title for title in sets if rate or title != "full disk"]  # ends a recording's run
        sets = {title: sets[title] for title in (only.split("+") if only else usual)}
        network = stream.Network(
            bundles.open_bundle(str(shipped.find_bundle(bundle))), stream.StreamOptions()
        )
        figures: dict[str, list[tuple[float, ...]]] = {}
        for _ in range(rounds):
            for title, texts in sets.items():
                figures.setdefault(title, []).append(
                    _one_run(network, texts, film, (frames, rate, every), title == COVERED)
                )
        first = np.array(next(iter(figures.values())))
        names = (
            "frames_a_second",
            "p50_ms",
            "p99_ms",
            "cpu_p50_ms",
            "cpu_p99_ms",
            "all_cpu_ms",
            "children_cpu_ms",
        )
        for title, rows in figures.items():
            values = dict(zip(names, np.median(rows, axis=0)))
            # of the same round, as what else the machine does changes from one to the next
            share = float(np.median(np.array(rows)[:, 0] / first[:, 0]))
            report(figure="costs", outputs=title, throughput_share=share, **values)


def _one_run(
    network: stream.Network,
    texts: Sequence[str],
    film: str | None,
    plan: tuple[int, float, int],
    covers_faces: bool,
) -> tuple[float, ...]:
    """Frames a second; p50 and p99 of milliseconds from a frame to its decision, and of the time
    that the loop's thread worked a frame, sinks included, which other processes do not disturb; and
    what all threads worked a frame, and processes that they started.
    """
    frames, rate, every = plan
    source = sources.open_source(film) if film else Pictures(frames, rate)
    search = faces.FaceSearch() if covers_faces else None
    run = replace(RUN, live=source.live, recording=source.recording, faces=search)
    requests = [sinks.registry().find(text) for text in texts]
    (opened,) = sinks.open_sinks(requests, [run])
    counts = summaries.SourceSummary(source)
    watcher = stream.Stream(network.bundle, stream.StreamOptions(), network=network)
    summary = summaries.RunSummary("b", [counts], "litert")
    began, all_began, children_began = time.perf_counter(), time.process_time(), _children_s()
    feed = loop.Feed(counts, watcher, opened, judges=EveryTenth(every))
    ends, worked_s = [began], [time.thread_time()]

    def on_frame(_: summaries.RunSummary) -> None:
        ends.append(time.perf_counter())
        worked_s.append(time.thread_time())

    loop.run([feed], summary, loop.RunLimits(frames), on_frame=on_frame)
    source.close()
    all_ms = 1e3 * (time.process_time() - all_began) / counts.frames
    children_ms = 1e3 * (_children_s() - children_began) / counts.frames
    ages_ms, worked_ms = summary.latency.sample("frame age"), 1e3 * np.diff(worked_s)
    quantiles = [*np.percentile(ages_ms, [50, 99]), *np.percentile(worked_ms[10:], [50, 99])]
    return (counts.frames / (ends[-1] - began), *map(float, quantiles), all_ms, children_ms)


def _children_s() -> float:
    """CPU time of processes that this one started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


@main.command()
@click.option("--frames", default=3000)
@click.option("--rounds", default=5)
def judges(frames: int, rounds: int) -> None:
    """What alerts cost a frame, each person's answers of which flicker."""
    for alerts in (1, 10):
        for people in (1, 3, 10):
            ms = float(np.median([judged_ms(alerts, people, frames) for _ in range(rounds)]))
            report(figure="judges", alerts=alerts, people=people, cpu_ms_a_frame=round(ms, 4))


if __name__ == "__main__":
    main()
