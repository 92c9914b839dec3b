"""Each emulated board: it is recognised, our wheel runs on it, and decides what x86 decides."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import tiny
from tests.arm.installed import Installed

SCRIPT = Path(__file__).with_name("outputs.py")
ROOT = Path(__file__).parent.parent.parent
FLOAT_TOLERANCE = 1e-6


@pytest.fixture(scope="session")
def here(bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What this machine's LiteRT computes, by bundle: XNNPACK's answers are the reference."""
    found = {}
    for name, bundle in bundles.items():
        found[name] = tmp_path_factory.mktemp("here") / "outputs.npz"
        command = [sys.executable, SCRIPT, bundle, found[name], "litert"]
        subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    return found


def test_detection_names_it(board: Installed) -> None:
    code = "from edge_devices.detection.detect import detect; d = detect(); print(d.profile.name, d.how)"
    assert board.python("-c", code) == f"{board.name} model\n"


def test_doctor_reads_its_files(board: Installed) -> None:
    cpu = board.board.profile.cpu
    found = json.loads(board.command("edge-devices", "doctor", "--json"))
    said = {check["check"]: check["what"] for check in found["checks"]}
    assert found["board"] == board.name
    assert said["temperature"] == "48 degrees Celsius"
    assert said["clock limit"] == f"up to {cpu.clock_mhz} MHz"
    assert said["user land"] == "aarch64"


def test_the_self_test_passes(board: Installed) -> None:
    assert board.command("edge-run", "faces-in-motion", "--self-test").startswith(
        "self-test passed: 4 decisions"
    )


def test_opencv_resizes_within_one_level_of_x86(board: Installed, tmp_path: Path) -> None:
    """Its ARM wheels have resizing of their own, which rounds otherwise at some scales."""
    frame = tiny.frames(1, 180, 240)[0]
    np.save(tmp_path / "frame.npy", frame)
    code = (
        "import sys, cv2, numpy as np; folder = sys.argv[1]; frame = np.load(folder + '/frame.npy');"
        "np.save(folder + '/linear.npy', cv2.resize(frame, (100, 100)));"
        "exact = cv2.resize(frame, (100, 100), interpolation=cv2.INTER_LINEAR_EXACT);"
        "np.save(folder + '/exact.npy', exact)"
    )
    board.python("-c", code, tmp_path)
    linear = cv2.absdiff(np.load(tmp_path / "linear.npy"), cv2.resize(frame, (100, 100)))
    exact = cv2.resize(frame, (100, 100), interpolation=cv2.INTER_LINEAR_EXACT)
    assert linear.max() <= 1
    assert np.array_equal(np.load(tmp_path / "exact.npy"), exact)


def test_a_film_is_decided_as_here(board: Installed, film: Path, tmp_path: Path) -> None:
    there, here = tmp_path / "there.jsonl", tmp_path / "here.jsonl"
    board.command("edge-run", "faces-in-motion", "--source", film, "--jsonl", there)
    command = [
        sys.executable,
        "-m",
        "edge.cli",
        "faces-in-motion",
        "--source",
        film,
        "--jsonl",
        here,
    ]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    decisions = [[json.loads(line) for line in path.open()] for path in (here, there)]
    assert len(decisions[0]) == 24 - 14
    for expected, found in zip(*decisions, strict=True):
        assert found["frame"] == expected["frame"]
        assert found["tasks"].keys() == expected["tasks"].keys()
        for task, said in expected["tasks"].items():
            assert found["tasks"][task]["label"] == said["label"]
            assert found["tasks"][task]["p"] == pytest.approx(said["p"], abs=1.01e-4)


@pytest.mark.parametrize("name", ["shipped", "int8", "float32"])
def test_outputs_are_those_of_x86(
    name: str,
    board: Installed,
    bundles: dict[str, Path],
    here: dict[str, Path],
    tmp_path: Path,
) -> None:
    """Integers bit for bit, floating point within 1e-6."""
    there = tmp_path / "outputs.npz"
    board.python(SCRIPT, bundles[name], there, "litert")
    expected, found = np.load(here[name]), np.load(there)
    assert set(found.files) == set(expected.files)
    assert any(expected[key].dtype == np.int8 for key in expected.files) == (name != "float32")
    for key in expected.files:
        assert found[key].dtype == expected[key].dtype and expected[key].std() > 0, key
        if expected[key].dtype.kind == "i":
            assert np.array_equal(found[key], expected[key]), key
        else:
            assert float(np.abs(found[key] - expected[key]).max()) <= FLOAT_TOLERANCE, key
