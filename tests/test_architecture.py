"""The rooms: who may import whom, and what a board never loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("edge", "convert", "models", "benchmarks", "devices")
HEAVY = ("tensorflow", "keras", "matplotlib", "sklearn", "scipy")

# room -> our rooms that it may import at all
ALLOWED = {
    "devices": {"devices"},
    "edge": {"edge", "devices"},
    "benchmarks": {"benchmarks", "edge", "devices"},
    "models": {"models", "edge"},
    "convert": {"convert", "edge"},
}
# files that may reach for another room, inside of their functions
EXCEPTIONS = {
    "benchmarks/baselines.py": {"convert", "tensorflow", "keras"},
    "benchmarks/utkface/conversion.py": {"convert"},
    "benchmarks/report/plots/canvas.py": {"matplotlib"},
    "convert/clip_sets.py": {"models"},
}
# the front end of a room: files whose names start so may import these modules at their top
FRONT_ENDS = {
    ("devices/cli.py", "devices/commands/"): {
        "edge",
        "edge.options",
        "edge.text_table",
        "edge.progress",
    },
}


def _imports(path: Path) -> list[tuple[str, bool]]:
    """(module, whether at the top of the file) for each import of a file."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append((node.module or "", id(node) in top))
    return found


def _front_end_may(name: str, module: str) -> bool:
    """Whether this file is of a front end, which takes options and tables from `edge`."""
    return any(
        name.startswith(files) and module in modules for files, modules in FRONT_ENDS.items()
    )


def _files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    wrong = []
    for path in _files(room):
        name = path.relative_to(ROOT).as_posix()
        allowed = ALLOWED[room] | EXCEPTIONS.get(name, set())
        for module, _ in _imports(path):
            package = module.split(".")[0]
            if _front_end_may(name, module):
                continue
            if package in ROOMS and package not in allowed:
                wrong.append(f"{name} imports {module}")
    assert not wrong


@pytest.mark.parametrize("room", ["edge", "devices", "benchmarks"])
def test_the_board_side_names_no_heavy_library(room: str) -> None:
    wrong = []
    for path in _files(room):
        name = path.relative_to(ROOT).as_posix()
        for module, at_top in _imports(path):
            package = module.split(".")[0]
            if package in HEAVY and (at_top or package not in EXCEPTIONS.get(name, set())):
                wrong.append(f"{name} imports {module}")
    assert not wrong


@pytest.mark.parametrize("room", ["edge", "devices", "benchmarks"])
def test_every_board_module_imports_without_tensorflow(room: str) -> None:
    modules = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in _files(room)]
    code = (
        "import sys, importlib\n"
        "sys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'matplotlib', 'scipy']))\n"
        f"for name in {modules!r}: importlib.import_module(name.removesuffix('.__init__'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_tests_are_not_installed() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert (
        'packages.find.include = ["edge*", "convert*", "models*", "benchmarks*", "devices*"]'
        in text
    )


@pytest.mark.parametrize("command", ["edge", "convert", "models", "benchmarks", "devices"])
def test_help_is_instant(command: str) -> None:
    """No heavy import stands between the user and `--help`: by what is loaded, not by the clock."""
    code = (
        "import sys\n"
        f"from {command}.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'cv2', 'ai_edge_litert', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "Examples" in done.stdout or "Example" in done.stdout
