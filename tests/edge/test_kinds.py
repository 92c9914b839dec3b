"""Sources and sinks by name: what a text asks for, and a new kind in one file and one line."""

import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge import sinks, sources
from edge.cli import main
from edge.commands.run_options import RunOptions
from edge.commands.source_options import SourceOptions
from edge.registry import EndpointKind
from edge_common.errors import EdgeError, SinkError, SourceError

TOY_SOURCE = '''
"""Frames of one grey."""
import numpy as np
from edge.sources import Source
from edge.stream import Frame

def open_source(target: str, needs: object, *, frames: int = 5) -> "Grey":
    if frames < 1:
        raise ValueError("the option frames is at least 1")
    return Grey(int(target), frames)

class Grey(Source):
    def __init__(self, grey: int, frames: int) -> None:
        super().__init__(f"grey {grey}")
        self.grey, self.total = grey, frames

    def __iter__(self):
        for number in range(self.total):
            yield Frame(np.full((48, 64, 3), self.grey, np.uint8), number)
'''
TOY_SINK = '''
"""How many frames and decisions came, in a text file."""
from pathlib import Path
from edge.sinks import RunInfo

def open_sink(target: str, run: RunInfo, *, word: str = "frames") -> "Count":
    return Count(Path(target), run, word)

class Count:
    def __init__(self, path: Path, run: RunInfo, word: str) -> None:
        self.path, self.run, self.word = path, run, word
        self.frames = self.decisions = 0

    def take(self, frame, decisions) -> None:
        self.frames += 1
        self.decisions += len(decisions)

    def close(self) -> None:
        tasks = " ".join(self.run.tasks)
        self.path.write_text(f"{self.frames} {self.word}, {self.decisions} decisions of {tasks}")
'''


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file and one line each."""
    (tmp_path / "toy_source.py").write_text(TOY_SOURCE)
    (tmp_path / "toy_sink.py").write_text(TOY_SINK)
    monkeypatch.syspath_prepend(tmp_path)
    grey = EndpointKind("grey", "toy_source", "Frames of one grey.", "VALUE", "frames=N")
    count = EndpointKind("count", "toy_sink", "How many came.", "PATH", "word=TEXT")
    monkeypatch.setattr(sources, "KINDS", (*sources.KINDS, grey))
    monkeypatch.setattr(sinks, "KINDS", (*sinks.KINDS, count))


@pytest.mark.usefixtures("toys")
def test_a_new_kind_is_one_file_and_one_line(
    cli: CliRunner, tiny_bundle_path: Path, tmp_path: Path
) -> None:
    counted, lines = tmp_path / "count.txt", tmp_path / "out.jsonl"
    done = cli.invoke(
        main,
        [str(tiny_bundle_path), "--source", "grey:7:frames=9", "--jsonl", str(lines)]
        + ["--sink", f"count:{counted}:word=greys"],
    )
    assert done.exit_code == 0, done.output
    assert "on grey 7 with" in done.output
    assert counted.read_text() == "9 greys, 6 decisions of kind size"
    assert [json.loads(line)["frame"] for line in lines.read_text().splitlines()] == [*range(3, 9)]


def test_a_kind_names_the_extra_that_brings_its_library(
    cli: CliRunner, tiny_bundle_path: Path, video_path: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "toy_topic.py").write_text("import a_library_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    topic = EndpointKind("topic", "toy_topic", "A topic.", "NAME", extra="topics")
    monkeypatch.setattr(sinks, "KINDS", (*sinks.KINDS, topic))
    arguments = [str(tiny_bundle_path), "--source", str(video_path), "--sink", "topic:pool"]
    result = cli.invoke(main, arguments)
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == (
        "Error: sink topic:pool needs a_library_that_nobody_has: "
        "pip install -c constraints.txt '.[topics]' in the clone of edge-run"
    )


def test_only_paths_are_files_that_an_output_may_overwrite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A topic may be called as the bundle is; the same topic twice is one too many."""
    footage = SourceOptions(("video.mp4",))
    topic = EndpointKind("topic", "toy_sink", "A topic.", "NAME", "word=TEXT")
    monkeypatch.setattr(sinks, "KINDS", (*sinks.KINDS, topic))
    RunOptions("face", source=footage, sink=("topic:face", "topic:pool"))
    with pytest.raises(EdgeError, match="pool is given twice"):
        RunOptions("face", source=footage, sink=("topic:pool", "topic:pool"))
    with pytest.raises(EdgeError, match="mp4 is given twice"):
        RunOptions("face", source=footage, save="video.mp4")


@pytest.mark.usefixtures("toys")
def test_help_lists_every_kind(cli: CliRunner) -> None:
    text = " ".join(cli.invoke(main, ["--help"]).output.split())
    for kind in (*sources.KINDS, *sinks.KINDS):
        assert f"{kind.form} {kind.help}" in text
    assert "grey:VALUE[:frames=N] Frames of one grey." in text


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("RTSP://Cam/Live", "rtsp://Cam/Live"),
        ("snapshot:HTTP://Cam/A.jpg:rate=2", "http://Cam/A.jpg"),
        ("http://cam/x:frames=2", "http://cam/x:frames=2"),
    ],
)
def test_schemes_of_urls_are_lower_case(text: str, target: str) -> None:
    assert sources.find_source(text).target == target


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "gray:7"], "no kind is called 'gray' (camera:N, fifo:PATH, images:PATH, "
            "snapshot:URL, vectors:PATH, video:PATH, stream:URL, grey:VALUE); did you mean 'grey'?"),
        (["--source", "rtps://host/x"], "no kind is called 'rtps'"),
        (["--source", "grey:"], "write grey:VALUE[:frames=N]"),
        (["--source", "grey:7:frame=2"], "has no option frame; did you mean 'frames'?"),
        (["--source", "rtsp://host/x:transprt=tcp"], "no option transprt; did you mean 'transport'?"),
        (["--source", "grey:7:frames=two"], "the option frames is a whole number, not 'two'"),
        (["--source", "grey:7:frames=0"], "the option frames is at least 1"),
        (["--source", "grey:7:frames=1,frames=2"], "the option frames is given twice"),
        (["--source", "images:.:rate=nan"], "the option rate is a number, not 'nan'"),
        (["--source", "camera:0:rate=inf"], "the option rate is a number, not 'inf'"),
        (["--source", "images:.:rate=1e-320"], "the option rate is 1e-06 to 1e+06 frames a second"),
        (["--source", "camera:first"], "camera 'first' is not an index"),
        (["--source", "grey:7", "--sink", "jsnl:x"], "did you mean 'jsonl'?"),
        (["--source", "grey:7", "--sink", "out.txt"], "its kind is not clear: write it as one of "
            "video:PATH, window:, "),
        (["--source", "grey:7", "--sink", "jsonl:x:every=2"], "has no option every"),
        (["--source", "grey:7", "--sink", "video:x.mp4:rate=900"], "1 to 240 frames a second"),
        (["--source", "grey:7", "--sink", "jsonl:x.mp4", "--save", "x.mp4"], "is given twice"),
        (["--source", "grey:7", "--jsonl", "-", "--sink", "jsonl:-"], "- is given twice"),
        (["--source", "grey:7", "--show", "--sink", "window"], "window is given twice"),
    ],
)  # fmt: skip
def test_what_no_kind_understands_is_one_line(
    cli: CliRunner, tiny_bundle_path: Path, arguments: list[str], message: str
) -> None:
    done = cli.invoke(main, [str(tiny_bundle_path), *arguments])
    assert done.exit_code == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert message in lines[0]


@pytest.mark.parametrize(
    ("text", "name", "target", "options"),
    [
        ("camera:1:width=640,rate=15", "camera", "1", {"width": "640", "rate": "15"}),
        ("1", "camera", "1", {}),
        ("/dev/video7", "camera", "/dev/video7", {}),
        ("/dev/video7:width=640", "camera", "/dev/video7", {"width": "640"}),
        ("nvarguscamerasrc ! video/x-raw(memory:NVMM), rate=[1/1,9/1] ! appsink", "camera",
            "nvarguscamerasrc ! video/x-raw(memory:NVMM), rate=[1/1,9/1] ! appsink", {}),
        ("none.mp4", "video", "none.mp4", {}),
        ("frames/*.png", "images", "frames/*.png", {}),
        ("frames/*.png:rate=5", "images", "frames/*.png", {"rate": "5"}),
        ("rtsp://me:a=b@host/x?y=1", "stream", "rtsp://me:a=b@host/x?y=1", {}),
        ("RTSP://host/x", "stream", "rtsp://host/x", {}),
        ("stream:rtsp://host/x", "stream", "rtsp://host/x", {}),
        (r"C:\clips\a.mp4", "video", r"C:\clips\a.mp4", {}),
    ],
)  # fmt: skip
def test_a_source_is_found_by_its_scheme_or_its_path(
    text: str, name: str, target: str, options: dict[str, str]
) -> None:
    request = sources.find_source(text)
    assert (request.kind.name, request.target, dict(request.options)) == (name, target, options)


def test_what_is_there_under_that_name_is_a_path_whatever_its_colons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rtsp:rate=1").write_bytes(b"")
    (tmp_path / "frames:rate=1").mkdir()
    monkeypatch.chdir(tmp_path)
    for text, name in (("rtsp:rate=1", "video"), ("frames:rate=1", "images")):
        request = sources.find_source(text)
        assert (request.kind.name, request.target, request.options) == (name, text, ())


@pytest.mark.parametrize(
    ("text", "name", "target"),
    [
        ("out.JSONL", "jsonl", "out.JSONL"),
        ("jsonl:-", "jsonl", "-"),
        ("a/b.mkv", "video", "a/b.mkv"),
        ("window", "window", ""),
        ("window:", "window", ""),
    ],
)
def test_a_sink_is_found_by_its_scheme_or_its_suffix(text: str, name: str, target: str) -> None:
    request = sinks.registry().find(text)
    assert (request.kind.name, request.target) == (name, target)


def test_unknown_kinds_are_errors_that_a_program_can_tell_apart() -> None:
    with pytest.raises(SourceError):
        sources.open_source("rtps://host/x")
    with pytest.raises(SinkError):
        sinks.registry().find("rtps://host/x")


@pytest.mark.parametrize("function", ["open_source", "open_sink"])
def test_each_line_agrees_with_its_module(function: str) -> None:
    kinds = sources.KINDS if function == "open_source" else sinks.KINDS
    names = [name for kind in kinds for name in (kind.name, *kind.schemes)]
    assert len(set(names)) == len(names)
    for kind in kinds:
        opener = getattr(import_module(kind.module), function)
        parameters = inspect.signature(opener).parameters.values()
        assert kind.keys == [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
        assert opener.__doc__ or not kind.options


def test_only_kinds_that_are_used_are_imported(video_path: Path) -> None:
    code = (
        "import sys\n"
        "from edge.sources import open_source\n"
        f"open_source({str(video_path)!r}).close()\n"
        "print(*sorted(name for name in sys.modules if name.startswith('edge.s')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert "edge.sources.video" in modules
    assert not {f"edge.sources.{name}" for name in ("camera", "images", "live", "network")} & {
        *modules
    }
    assert not {name for name in modules if name.startswith("edge.sinks")}
