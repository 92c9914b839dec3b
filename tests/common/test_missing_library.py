"""A library of the system that is not there: one line says which, and what brings it."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge_common.command_line import install_hint, missing_library
from tests.wheels import ROOT


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (
            "libGL.so.1: cannot open shared object file: No such file or directory",
            "libGL.so.1 cannot be loaded: apt-get install libgl1 libglib2.0-0 libsm6, "
            "or without windows: pip uninstall opencv-python; "
            "pip install --force-reinstall --no-deps opencv-python-headless",
        ),
        (
            "/lib/x86_64-linux-gnu/libGL.so.1: file too short",
            "libGL.so.1 cannot be loaded: apt-get install libgl1 libglib2.0-0 libsm6, "
            "or without windows: pip uninstall opencv-python; "
            "pip install --force-reinstall --no-deps opencv-python-headless",
        ),
        (
            "libxcb.so.1: cannot open shared object file: No such file or directory",
            "libxcb.so.1 cannot be loaded: apt-get install libgl1 libglib2.0-0 libsm6, "
            "or without windows: pip uninstall opencv-python; "
            "pip install --force-reinstall --no-deps opencv-python-headless",
        ),
        (
            "libgomp.so.1: cannot open shared object file",
            "libgomp.so.1 cannot be loaded: apt-get install libgomp1",
        ),
        (
            "libjxl.so.0.7: cannot open shared object file",
            "libjxl.so.0.7 cannot be loaded: install the package that holds it",
        ),
        ("cannot import name 'x' from 'y'", ""),
    ],
)
def test_the_line(reason: str, line: str) -> None:
    assert missing_library(reason) == line


def test_an_opencv_that_was_removed_is_one_line(tmp_path: Path) -> None:
    """Removing one of two takes the files of both."""
    code = (
        "import sys; from importlib.machinery import PathFinder; sys.meta_path.insert(0, type('', (), "
        "{'find_spec': lambda name, path=None, target=None: exec('raise ModuleNotFoundError(name="
        "\"cv2\")') if name == 'cv2' else None})); "
        "from edge.cli import main; main(['--source', 'clip.mp4'])"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert child.returncode == 2
    assert child.stderr.splitlines()[-1] == (
        "Error: this needs cv2: pip install --force-reinstall --no-deps opencv-python-headless"
    )


def test_a_system_without_a_desktop_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "from edge.cli import main; main(['--source', 'clip.mp4'])"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert child.returncode == 2
    assert child.stderr.splitlines()[-1].startswith("Error: libGL.so.1 cannot be loaded: apt-get")
    assert "Traceback" not in child.stderr


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        (
            '{"dir_info": {}, "url": "file:///src/edge-run"}',
            "pip install -c constraints.txt '.[web]' in the clone of edge-run",
        ),
        ('{"url": "file://WHEEL"}', "pip install 'WHEEL[web]'"),
        (
            '{"url": "file:///gone/edge_run-0.2.0-py3-none-any.whl"}',
            "pip install -c constraints.txt '.[web]' in the clone of edge-run",
        ),
    ],
)
def test_an_extra_is_of_the_clone_or_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str, hint: str
) -> None:
    """Never by the project's name alone: no index holds it."""
    wheel = tmp_path / "edge_run-0.2.0-py3-none-any.whl"
    wheel.touch()
    information = tmp_path / "edge_run-0.2.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: edge-run\nVersion: 0.2.0\n")
    (information / "direct_url.json").write_text(origin.replace("WHEEL", str(wheel)))
    monkeypatch.syspath_prepend(tmp_path)
    assert install_hint("web") == hint.replace("WHEEL", str(wheel))
