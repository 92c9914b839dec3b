"""Our wheel, made of a copy of the sources: setuptools leaves its `build` folder where it works,
and puts what lies there from another day into the next wheel."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# folder -> the package that it is installed as
ROOMS = {
    "edge": "edge",
    "benchmarks": "edge_benchmarks",
    "common": "edge_common",
    "convert": "edge_convert",
    "devices": "edge_devices",
    "fleet": "edge_fleet",
    "models": "edge_models",
}
_FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")


def build_wheel(folder: Path) -> Path:
    """Make it in `folder` with pip, as `make wheel` does."""
    sources = folder / "sources"
    for name in ROOMS:
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy(ROOT / name, sources)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(sources)]
    subprocess.run(pip, check=True, capture_output=True)
    return next(folder.glob("edge_run-*.whl"))
