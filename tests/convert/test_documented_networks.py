"""The programs and commands of the documents for networks of two files and of vectors run as written."""

import re
import shlex
from pathlib import Path

import pytest

from edge.bundle import open_bundle
from tests.forks import Forks
from tests.wheels import ROOT

TEXT = (ROOT / "docs" / "bring-your-own-network.md").read_text()
COMMANDS = {
    "edge-convert": "edge_convert.cli",
    "edge-run": "edge.cli",
    "edge-bench": "edge_benchmarks.cli",
}
SENSORS = "Landmarks and sensors: windows without pictures"
INSIDE = "Layers over time inside of the network"
SECTIONS = ("Answers for each frame, points and maps",
            "Two files: a feature extractor and a network over its features",
            SENSORS,
            "Layers of your own, Lambda, subclassed models, weights alone",
            INSIDE,
            "Other axes, batches, channels and several inputs",
            "Numbers beside the frames that change while it runs")  # fmt: skip

OWN_CLIPS = (SECTIONS[0], SENSORS, SECTIONS[-1])


def _section(title: str) -> str:
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0]


def run_section(forks: Forks, tmp_path: Path, title: str) -> None:
    """Its programs and commands, one after the other."""

    def run(*arguments: str) -> None:
        done = forks.run_python(arguments, tmp_path)
        assert done.returncode == 0, done.stdout

    first = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert first
    if title not in OWN_CLIPS:  # whose clips are not those of the page's first program
        (tmp_path / "mine.py").write_text(first[1])
        run("mine.py")
    for language, block in re.findall(r"```(\w*)\n(.*?)```", _section(title), re.DOTALL):
        if language == "python":
            name = re.findall(r"as\s`(\w+\.py)`", _section(title))[0]
            (tmp_path / name).write_text(block)
            run(name)
            continue
        for line in block.splitlines():
            command, *words = shlex.split(line)
            if command == "edge-bench":
                words += ["--seconds", "0.05", "--processes", "0"]
            run("-m", COMMANDS[command], *words)
    manifests = [open_bundle(bundle).manifest for bundle in sorted(tmp_path.glob("*.edge"))]
    kinds = ["carried-ring", "window-ring"] if title == INSIDE else None
    assert [m.streaming for m in manifests] == (kinds or [m.streaming for m in manifests[:1]])
    assert all(m.input.is_features == (title == SENSORS) for m in manifests)


SLOW = pytest.mark.slow  # half a dozen conversions each


@pytest.mark.parametrize(
    "title", [*SECTIONS[:2], *(pytest.param(t, marks=SLOW) for t in SECTIONS[2:])]
)
def test_the_section_runs_from_top_to_bottom(
    forked_conversions: Forks, tmp_path: Path, title: str
) -> None:
    run_section(forked_conversions, tmp_path, title)
