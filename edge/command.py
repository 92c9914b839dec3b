"""What `edge-run` does once its options are read."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from edge.bundle import Bundle, open_bundle
from edge.options import is_plain_tflite
from edge.plain_tflite import wrap_tflite
from edge.preprocess import Region
from edge.run import run
from edge.selftest import self_test
from edge.sinks import JsonLines, Sink, VideoFileSink, Window
from edge.sources import Source, open_source
from edge.stream import EngineOptions, Stream
from edge.summary import RunSummary


def execute(
    bundle: str,
    *,
    camera: int | None,
    source: str | None,
    save: str | None,
    jsonl: str | None,
    show: bool,
    frames: int | None,
    hop: int,
    region: str,
    runtime: str,
    threads: int,
    delegate: str | None,
    self_test: bool,
    labels: str | None,
    input_range: tuple[float, float] | None,
    as_json: bool,
) -> None:
    """Load, open, run, and print the summary however the run ends."""
    opened = _open(bundle, labels, input_range, runtime)
    options = EngineOptions(runtime, threads, delegate)
    if self_test:
        _report_self_test(opened, options)
        return
    stream = Stream(opened, options, region=Region.parse(region), hop=hop)
    with open_source(source if camera is None else camera) as frames_in, ExitStack() as stack:
        sinks = _open_sinks(save, jsonl, show, frames_in, [task.name for task in stream.tasks])
        used = stream.head.engine.runtime
        summary = RunSummary(opened.manifest.name, frames_in.name, f"{used.name} {used.version}")
        # the summary is printed last, also after an interruption or a lost source
        stack.callback(_print_summary, summary, as_json, to_stderr=jsonl == "-")
        on_frame = stack.enter_context(_progress(frames_in, frames))
        run(stream, frames_in, sinks, summary, max_frames=frames, on_frame=on_frame)


def _open(
    name: str, labels: str | None, value_range: tuple[float, float] | None, runtime: str
) -> Bundle:
    if not is_plain_tflite(name):
        return open_bundle(name)
    names = Path(labels).read_text(encoding="utf-8").split("\n") if labels else []
    kept = [label.strip() for label in names if label.strip()]
    return wrap_tflite(name, labels=kept, value_range=value_range, runtime=runtime)


def _open_sinks(
    save: str | None, jsonl: str | None, show: bool, source: Source, tasks: Sequence[str]
) -> list[Sink]:
    sinks: list[Sink] = []
    if save:
        sinks.append(VideoFileSink(save, source.rate_hz, tasks))
    if show:
        sinks.append(Window(tasks))
    if jsonl:  # last, since it truncates an existing file
        sinks.append(JsonLines(jsonl))
    return sinks


class _progress:
    """A progress bar on stderr where it is a terminal and the number of frames is known."""

    def __init__(self, source: Source, max_frames: int | None) -> None:
        known = [count for count in (source.total, max_frames) if count is not None]
        self._bar = None
        if known and sys.stderr.isatty():
            self._bar = click.progressbar(length=min(known), label="frames", file=sys.stderr)

    def __enter__(self) -> Callable[[RunSummary], None]:
        if self._bar is None:
            return lambda summary: None
        bar = self._bar.__enter__()
        return lambda summary: bar.update(1)

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(*error)


def _print_summary(summary: RunSummary, as_json: bool, *, to_stderr: bool) -> None:
    text = json.dumps(summary.to_json()) if as_json else str(summary)
    click.echo(text, err=to_stderr)


def _report_self_test(bundle: Bundle, options: EngineOptions) -> None:
    result = self_test(bundle, options)
    how = "bit for bit" if result.exact else f"within {result.largest_difference:.4f} of the range"
    click.echo(f"self-test passed: {result.decisions} decisions as expected, {how}")
