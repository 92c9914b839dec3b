"""What `edge-run` does once its options are read."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from edge.bundle.archive import Bundle
from edge.bundle.plain_tflite import open_any
from edge.check.self_test import self_test
from edge.engine.delegate import AUTO, Delegate
from edge.engine.delegation import by_part
from edge.engine.watchdog import default_timeout_s, say_hang
from edge.loop import run
from edge.people.recogniser import open_recogniser
from edge.sinks import JsonLines, Sink, VideoFileSink, Window
from edge.sources import Source, open_source
from edge.stream.preprocess import Region
from edge.stream.stream import EngineOptions, Stream
from edge.summary import RunSummary
from edge_common.console import bar
from edge_common.data import encode
from edge_common.errors import EdgeError


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
    gallery: Path | None,
    threshold: float | None,
    runtime: str,
    threads: int,
    delegate: Delegate,
    device: str,
    invoke_timeout: float | None,
    self_test: bool,
    labels: str | None,
    input_range: tuple[float, float] | None,
    as_json: bool,
) -> None:
    """Load, open, run, and print the summary however the run ends."""
    _refuse_overwriting([bundle, source, labels, gallery], [save, jsonl])
    opened = open_any(bundle, labels=_read_labels(labels), value_range=input_range, runtime=runtime)
    # a run guards whole frames, and closes its outputs
    timeout_s = invoke_timeout if self_test else 0.0
    options = EngineOptions(runtime, threads, delegate, device, timeout_s)
    if self_test:
        _report_self_test(opened, options, as_json)
        return
    naming = open_recogniser(opened, gallery, threshold) if gallery else None
    with ExitStack() as stack:
        stack.enter_context(options.confined())
        stream = Stream(opened, options, region=Region.parse(region), hop=hop, naming=naming)
        frames_in = stack.enter_context(open_source(source if camera is None else camera))
        sinks = _open_sinks(save, jsonl, show, frames_in, [task.name for task in stream.tasks])
        used = stream.head.engine.runtime
        summary = RunSummary(
            opened.manifest.name,
            frames_in.name,
            f"{used.name} {used.version}",
            delegate.label,
            window=opened.manifest.window,
            trained_rate_hz=opened.manifest.frame_rate_hz,
            source_rate_hz=frames_in.rate_hz if frames_in.total else 0.0,
        )

        def print_summary() -> None:
            summary.delegation, summary.predicted = stream.delegation, stream.predicted
            text = json.dumps(summary.to_json()) if as_json else str(summary)
            click.echo(text, err=jsonl == "-")

        # the summary is printed last, also after an interruption or a lost source
        stack.callback(print_summary)
        on_frame = stack.enter_context(_progress(frames_in, frames))
        limit_s = default_timeout_s(delegate) if invoke_timeout is None else invoke_timeout

        def on_hang() -> None:
            try:
                print_summary()
            finally:  # also where nobody reads our stdout
                say_hang(limit_s, delegate)

        run(
            stream,
            frames_in,
            sinks,
            summary,
            max_frames=frames,
            on_frame=on_frame,
            timeout_s=limit_s,
            on_hang=on_hang,
        )


def _read_labels(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise EdgeError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from error
    return [line.strip() for line in lines if line.strip()]


def _refuse_overwriting(inputs: Sequence[str | Path | None], outputs: Sequence[str | None]) -> None:
    """Raise EdgeError where an output would destroy an input or another output."""
    taken = {Path(name).resolve() for name in inputs if name}
    for name in outputs:
        if name and name != "-" and Path(name).resolve() in taken:
            raise EdgeError(f"{name} is given twice: give every output a name of its own")
        if name:
            taken.add(Path(name).resolve())


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


@contextmanager
def _progress(source: Source, max_frames: int | None) -> Iterator[Callable[[RunSummary], None]]:
    """A progress bar where the number of frames is known."""
    known = [count for count in (source.total, max_frames) if count is not None]
    if not known:
        yield lambda summary: None
        return
    with bar(min(known), "frames") as on_frame:
        yield lambda summary: on_frame()


def _report_self_test(bundle: Bundle, options: EngineOptions, as_json: bool) -> None:
    result = self_test(bundle, options)
    if as_json:
        click.echo(json.dumps(encode(result)))
        return
    how = "bit for bit" if result.exact else f"within {result.largest_difference:.4f} of the range"
    click.echo(f"self-test passed: {result.decisions} decisions as expected, {how}")
    if options.delegate != AUTO:
        click.echo("\n".join(by_part(result.delegation)))
