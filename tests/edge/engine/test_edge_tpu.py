"""What was compiled for the Edge TPU runs through its library, which a small one stands in for."""

import json
import os
import subprocess
from pathlib import Path

import cv2
import pytest

import edge_devices.emulated_delegate
from edge_common import children
from tests import flat_models as flat

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the library under its real name, a compiled model and a frame."""
    folder = tmp_path_factory.mktemp("edge-tpu")
    headers = Path(edge_devices.emulated_delegate.__file__).parent
    library = folder / "lib" / "libedgetpu.so.1"
    library.parent.mkdir()
    flags = ("-std=c11", "-Wall", "-Wextra", "-shared", "-fPIC", f"-I{headers}")
    subprocess.run(["cc", *flags, HERE / "edge_tpu_stub.c", "-o", library], check=True)
    (folder / "x.tflite").write_bytes(flat.compiled_model())
    cv2.imwrite(str(folder / "x.png"), flat.frame())
    return folder


def run(folder: Path, *arguments: str, library: bool = True) -> subprocess.CompletedProcess[str]:
    """edge-run in a process of its own, whose loader finds the library."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / "lib") if library else ""}
    common = ("x.tflite", "--source", "x.png", "--jsonl", "-", *arguments)
    command = children.module_command("edge.cli", *common)
    return children.run_captured(command, cwd=folder, environment=environment)


@pytest.mark.parametrize("more", [(), ("--strict-delegate",)])
def test_it_runs_through_the_delegate(folder: Path, more: tuple[str, ...]) -> None:
    done = run(folder, "--delegate", "edgetpu", *more)
    assert done.returncode == 0, done.stderr
    # a softmax of 200, 100 and 50 in 255ths would be another: nobody says that these are logits
    answer = json.loads(done.stdout.splitlines()[0])["tasks"]["output_0"]
    assert answer == {"label": "0", "p": 0.7843, "index": 0}
    assert "edgetpu 1 of 1 (1 edgetpu-custom-op)" in done.stderr


def test_without_the_library_one_line_says_what_to_install(folder: Path) -> None:
    done = run(folder, "--delegate", "edgetpu", library=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: model.tflite was compiled for the Edge TPU, and the delegate edgetpu is not on "
        "this machine: install libedgetpu1-std from Coral's package repository"
    )


def test_without_the_option_one_line_names_it(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: model.tflite was compiled for the Edge TPU: run it with --delegate edgetpu, "
        "or take the file that it was compiled from"
    )
