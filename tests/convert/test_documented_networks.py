"""The programs and commands of docs/bring-your-own-network.md run as written."""

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
FIRST, BEHIND_FIRST = "1. A network that looks at frames over time", "Networks of other libraries"
OPEN = "Sizes that are left open"
SECTIONS = (FIRST,
            "Answers for each frame, points and maps",
            "Two files: a feature extractor and a network over its features",
            SENSORS,
            "Layers of your own, Lambda, subclassed models, weights alone",
            INSIDE,
            OPEN,
            "Other axes, batches, channels and several inputs",
            "Numbers beside the frames that change while it runs")  # fmt: skip

OWN_CLIPS = (*SECTIONS[:2], SENSORS, SECTIONS[-1])
_OF_THE_READER = ("yours", "--camera", "pip ")


def _section(title: str) -> str:
    """Of the first program up to where its bundle is run."""
    end = f"## {BEHIND_FIRST}\n" if title == FIRST else "\n## "
    return TEXT.split(f"## {title}\n")[1].split(end)[0]


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
        if language == "json":
            if "gesture" in block:  # other examples are of no network here
                (tmp_path / "mine.tasks.json").write_text(block)
            continue
        if language == "python":
            name = re.findall(r"as\s`(\w+\.py)`", _section(title))[0]
            (tmp_path / name).write_text(block)
            run(name)
            continue
        for line in block.splitlines():
            if any(word in line for word in _OF_THE_READER):
                continue
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
    "title", [*SECTIONS[:3], *(pytest.param(t, marks=SLOW) for t in SECTIONS[3:])]
)
def test_the_section_runs_from_top_to_bottom(
    forked_conversions: Forks, tmp_path: Path, title: str
) -> None:
    run_section(forked_conversions, tmp_path, title)
