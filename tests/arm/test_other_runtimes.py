"""tflite-runtime, for 32-bit ARM and old Pythons: it runs, and decides the same where sure."""

from pathlib import Path

import pytest

from edge.shipped import BENCHMARK_BUNDLE, find_bundle
from edge_devices.emulation.arm_python import arm_python
from edge_devices.emulation.cache import Say
from edge_devices.emulation.guest import EmulatedBoard, emulated_board
from edge_devices.profiles.catalogue import profile_named
from tests.arm.conftest import BOARDS
from tests.arm.installed import Installed, install, or_skip

WHEELS = ("tflite-runtime==2.14.0", "numpy<2", "opencv-python-headless", "psutil", "click", "pip")
NEWEST_PYTHON = (3, 11)  # with wheels of tflite-runtime 2.14
# what of our wheel's requirements nothing that is installed fulfils
UNMET = """
from importlib import metadata
from pip._vendor.packaging.requirements import Requirement
for text in metadata.requires("edge-run"):
    wanted = Requirement(text)
    if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
        try:
            if metadata.version(wanted.name) not in wanted.specifier:
                print(text)
        except metadata.PackageNotFoundError:
            print(wanted.name)
"""
RUNS = """
import sys
import numpy as np
import edge_devices.detection.detect, edge_devices.detection.machine, edge.bundle.archive, edge.engine.engine
import edge.tflite.flatbuffer, edge.commands.options
bundle = edge.bundle.archive.open_bundle(sys.argv[1])
for file in ("encoder.tflite", "head.tflite"):
    engine = edge.engine.engine.Engine(bundle.members[file], runtime="tflite-runtime")
    for index, tensor in enumerate(engine.inputs):
        engine.input(index)[...] = np.random.default_rng(0).integers(0, 9, tensor.shape)
    engine.invoke()
    outputs = [engine.output(index) for index in range(len(engine.outputs))]
    assert all(np.isfinite(o).all() and o.std() > 0 for o in outputs), file
machine = edge_devices.detection.machine.this_machine()
print(machine.architecture, edge_devices.detection.detect.detect().profile.name)
"""


def checked(board: EmulatedBoard) -> EmulatedBoard:
    if tuple(map(int, board.python.version.split("."))) > NEWEST_PYTHON:
        pytest.skip(f"tflite-runtime has no wheels for Debian's Python {board.python.version}")
    return board


@pytest.fixture(scope="module")
def with_tflite_runtime(
    wheel: Path, bytecode: Path, say: Say, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """Beside numpy 1, as it needs; our wheel asks for LiteRT there, so without dependencies."""
    profile = profile_named(BOARDS[0])
    python = or_skip(lambda: arm_python(say, wheels=WHEELS))
    board = checked(or_skip(lambda: emulated_board(profile, say, python=python)))
    site = install(board, wheel, tmp_path_factory.mktemp("beside"), "--no-deps")
    return Installed(board, site, bytecode)


def test_it_passes_the_self_test(with_tflite_runtime: Installed) -> None:
    said = with_tflite_runtime.command(
        "edge-run", "faces-in-motion", "--self-test", "--runtime", "tflite-runtime"
    )
    assert said.startswith("self-test passed: 4 decisions as expected, within")


def test_its_numpy_is_the_one_it_can_use(with_tflite_runtime: Installed) -> None:
    code = "import numpy, tflite_runtime as t; print(numpy.__version__, t.__version__)"
    numpy_version, runtime_version = with_tflite_runtime.python("-c", code).split()
    assert numpy_version.startswith("1.26.") and runtime_version == "2.14.0"


def test_32_bits_install_resolve_and_import(
    wheel: Path, bytecode: Path, say: Say, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """OpenCV has no 32-bit ARM wheel on the package index; boards get it from their system."""
    profile = profile_named("generic-armv7l")
    board = checked(or_skip(lambda: emulated_board(profile, say)))
    site = install(board, wheel, tmp_path_factory.mktemp("armv7l"), "--no-deps")
    there = Installed(board, site, bytecode)
    assert there.python("-c", UNMET) == "opencv-python-headless\n"
    found = there.python("-c", RUNS, find_bundle(BENCHMARK_BUNDLE))
    assert found == "armv7l generic-armv7l\n"
