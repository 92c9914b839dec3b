import re
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import open_bundle
from edge_common.document import Section, Table, markdown, page
from edge_convert.cli import main
from edge_convert.verification.conversion_report import PeakMemory


def test_the_same_document_in_both_forms() -> None:
    sections = [Section("A & B", ("One.",), (Table(("x", "y"), [("1|2", "<3>")]),), code="a < b")]
    assert markdown("T", sections) == (
        "# T\n\n## A & B\n\nOne.\n\n```\na < b\n```\n\n| x | y |\n| --- | --- |\n| 1\\|2 | <3> |\n"
    )
    shown = page("T", sections)
    assert '<h2 id="s0">A &amp; B</h2>' in shown and "<td>&lt;3&gt;</td>" in shown


@pytest.fixture(scope="module")
def reported(tiny_model_path: Path, tiny_clips_path: Path, tmp_path_factory) -> Path:
    """A folder with a bundle and its page, as the command makes them."""
    folder = tmp_path_factory.mktemp("reported")
    arguments = [
        str(tiny_model_path), "-o", str(folder / "x.edge"),
        "--calibration", str(tiny_clips_path), "--validation", str(tiny_clips_path),
        "--report", str(folder / "x.html"), "--whole-window", "--max-drop", "0.01",
    ]  # fmt: skip
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return folder


def test_the_page_needs_nothing_else_and_holds_every_picture(reported: Path) -> None:
    shown = (reported / "x.html").read_text()
    pictures = re.findall(r"<svg.*?</svg>", shown, re.DOTALL)
    improved = len(re.findall(r"<h2[^>]*>What single layers of the", shown))
    assert improved and len(pictures) == 3 + improved  # cuts, search, accuracy, layers of parts
    for picture in pictures:
        ElementTree.fromstring(picture)
    assert not re.search(
        r"(?:src|href)=\"(?!#)", re.sub(r"<svg.*?</svg>", "", shown, flags=re.DOTALL)
    )
    # whose latency it is stands at the plot's axis, and a layer's own cuts are one bar
    assert (
        "(predicted for pi-4, LiteRT, one thread)" in shown and "this machine, LiteRT" not in shown
    )
    for said in ("Time and memory of the conversion", "Peak memory", "whole window", "chosen"):
        assert said in shown


def test_no_clock_speaks_in_the_bundle(reported: Path) -> None:
    report = open_bundle(reported / "x.edge").members["report.md"].decode()
    assert "Precision search" in report and "in float32" in report
    assert "seconds" not in report
    assert all("predicted" in line for line in report.splitlines() if " ms" in line)


def test_the_whole_window_stands_beside_the_streamed(reported: Path) -> None:
    found = {(a.task, a.graph) for a in open_bundle(reported / "x.edge").manifest.accuracy}
    assert found == {
        (t, g) for t in ("kind", "size") for g in ("float", "streamed", "whole window")
    }


def test_intervals_hold_their_figures(reported: Path) -> None:
    for figure in open_bundle(reported / "x.edge").manifest.accuracy:
        assert figure.low <= figure.value <= figure.high and figure.low < figure.high


def test_a_page_that_cannot_be_is_refused_before_the_work(
    cli: CliRunner, tiny_model_path: Path, tiny_clips_path: Path, tmp_path: Path
) -> None:
    arguments = [str(tiny_model_path), "-o", str(tmp_path / "x.edge")]
    page_path = tmp_path / "nowhere" / "x.html"
    done = cli.invoke(
        main, [*arguments, "--calibration", str(tiny_clips_path), "--report", str(page_path)]
    )
    assert done.exit_code == 2 and "give a PAGE.html in a folder to write to" in done.stderr
    assert not (tmp_path / "x.edge").exists()


def test_equal_input_gives_an_equal_bundle(convert, tiny_model_path: Path) -> None:
    from edge_convert.sources.keras_file import load_model

    model = load_model(tiny_model_path)
    first = convert(model)[0].path.read_bytes()
    again = convert(model)[0].path.read_bytes()
    assert first == again
    assert np.frombuffer(first, np.uint8).size > 10_000


_HOLDS = "held = b'x' * 150_000_000\n"
_TWICE = f"import subprocess, sys\n{_HOLDS}subprocess.run([sys.executable, '-c', sys.argv[1]])"
_SHARED = f"import os\n{_HOLDS}os.fork()\ninput()"


@pytest.mark.parametrize(
    ("program", "least_mb", "most_mb"), [(_TWICE, 300, 400), (_SHARED, 150, 250)]
)
def test_peak_memory_counts_children_and_once_what_they_share(
    program: str, least_mb: int, most_mb: int
) -> None:
    command, ends_at = [sys.executable, "-c", program, f"{_HOLDS}input()"], time.monotonic() + 20
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent,
        PeakMemory(parent.pid) as memory,
    ):
        while memory.peak_bytes < least_mb * 1e6 and time.monotonic() < ends_at:
            time.sleep(0.05)
        parent.communicate(b"\n\n")
    assert least_mb * 1e6 <= memory.peak_bytes < most_mb * 1e6
