"""Pythons that a board may have: empty ones, strange ones, and one with a stub of edge-bench."""

import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

from edge_benchmarks.remote.outgoing import zip_wheel

NEEDED = ("click", "psutil", "opencv-python-headless", "numpy", "ai-edge-litert")


def bare_python(folder: Path, at_start: str = "import sys") -> Path:
    """An environment without pip; the line `at_start` is run whenever it starts."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages(folder) / "at_start.pth").write_text(at_start + "\n")
    return folder / "bin" / "python"


def stub_python(folder: Path, main: str) -> Path:
    """An environment whose edge-bench is `main`, the body of a function of no arguments."""
    python = bare_python(folder)
    package = packages(folder) / "edge_benchmarks"
    package.mkdir()
    body = "\n".join(f"    {line}" for line in main.splitlines())
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(f"import os, signal, sys\ndef main(prog_name):\n{body}\n")
    return python


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def packages(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))


def wheelhouse(folder: Path, names: tuple[str, ...] = NEEDED) -> Path:
    """Wheels that hold nothing but the path of the packages that are installed here."""
    folder.mkdir()
    for name in names:
        path_file = (f"{name}_is_there.pth", sysconfig.get_path("purelib") + "\n")
        write_wheel(folder, name, metadata.version(name), (path_file,))
    return folder


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    files: tuple[tuple[str, str], ...] = (),
    requires: str = "",
) -> Path:
    """A wheel of these files. requires: what else pip has to install."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    members = {
        **dict(files),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content = zip_wheel({k: text.encode() for k, text in members.items()}, f"{info}/RECORD")
    path = folder / f"{stem}-{version}-py3-none-any.whl"
    path.write_bytes(content)
    return path
