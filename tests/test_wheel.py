"""The wheel: what is in it, and that what is in it runs from any folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.wheels import ROOMS, ROOT


def test_it_holds_the_packages_their_data_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == set(ROOMS.values())
    for bundle in ("faces-in-motion", "face", "person", "face-finder"):
        assert f"edge/bundles/{bundle}.edge" in names
    assert "edge_models/configs/orl_motion_lite.toml" in names
    assert "edge_benchmarks/suites/default.toml" in names
    pins = zipfile.ZipFile(wheel).read("edge_benchmarks/constraints.txt").decode()
    assert pins == (ROOT / "constraints.txt").read_text()  # for boards
    for folder in ("data", "profiles", "measurements"):
        files = {path.name for path in (ROOT / "devices" / folder).iterdir() if path.is_file()}
        assert {f"edge_devices/{folder}/{name}" for name in files} <= set(names)
    assert {"edge/web/static/index.html", "edge/web/static/page.js"} <= set(names)
    assert "edge_devices/emulation/count_instructions.c" in names
    assert "edge_devices/emulation/aarch64_instructions.csv" in names
    assert "edge_devices/emulated_delegate/kernel.c" in names
    assert "edge_devices/emulated_delegate/kernel.h" in names
    assert {f"{room}/py.typed" for room in ROOMS.values()} <= set(names)
    assert any(name.endswith("/NOTICE") for name in names)


def test_it_holds_each_module_that_is_there_and_no_other(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    there = {
        str(Path(package, path.relative_to(ROOT / folder)))
        for folder, package in ROOMS.items()
        for path in (ROOT / folder).rglob("*.py")
    }
    assert names == there


def test_the_base_install_is_what_a_board_needs(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    metadata = next(name for name in archive.namelist() if name.endswith("METADATA"))
    lines = archive.read(metadata).decode().splitlines()
    required = [
        line for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line
    ]
    names = {line.split()[1].rstrip(";").split(">")[0].split("<")[0] for line in required}
    assert names == {
        "numpy",
        "opencv-python-headless",
        "click",
        "psutil",
        "ai-edge-litert",
        "tflite-runtime",
        "tomli",
    }


def test_the_shipped_bundle_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import sys, edge.cli\n"
        "assert 'site' in edge.cli.__file__, edge.cli.__file__\n"
        "edge.cli.main(['faces-in-motion', '--self-test'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("self-test passed: 4 decisions as expected, bit for bit")
