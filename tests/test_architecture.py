"""The rooms: who may import whom, and what a board never loads."""

import ast
import re
import subprocess
import sys
from collections.abc import Set
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# folder -> the package that it is installed as; `examples` is not installed
ROOMS = {
    "common": "edge_common",
    "devices": "edge_devices",
    "edge": "edge",
    "benchmarks": "edge_benchmarks",
    "fleet": "edge_fleet",
    "models": "edge_models",
    "convert": "edge_convert",
    "examples": "examples",
}
PACKAGES = tuple(ROOMS.values())
BOARD_SIDE = ("common", "devices", "edge", "benchmarks", "fleet")
HEAVY = ("tensorflow", "keras", "matplotlib", "sklearn", "scipy")

# room -> our packages that it may import
ALLOWED = {
    "common": {"edge_common"},
    "devices": {"edge_common", "edge_devices"},
    "edge": {"edge_common", "edge_devices", "edge"},
    "benchmarks": {"edge_common", "edge_devices", "edge", "edge_benchmarks"},
    "fleet": {"edge_common", "edge_devices", "edge", "edge_benchmarks", "edge_fleet"},
    "models": {"edge_common", "edge", "edge_models"},
    "convert": {"edge_common", "edge", "edge_convert"},
    "examples": set(PACKAGES),
}
# files that may reach for another room, inside of their functions
EXCEPTIONS = {
    "benchmarks/run/baselines.py": {"edge_convert", "tensorflow", "keras"},
    "common/figures.py": {"matplotlib"},
    "convert/request.py": {"edge_models"},
}
# files whose messages tell people of a program in another room
MESSAGES = {"benchmarks/cli.py": {"examples"}}


def _imports(path: Path) -> list[tuple[str, bool]]:
    """(module, whether at the top of the file) for each import of a file."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    imports = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imports.append((node.module or "", id(node) in top))
    return imports


def _excepted(name: str) -> set[str]:
    return set().union(*(may for start, may in EXCEPTIONS.items() if name.startswith(start)))


def _files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    wrong = []
    for path in _files(room):
        name = path.relative_to(ROOT).as_posix()
        allowed = ALLOWED[room] | _excepted(name)
        for module, _ in _imports(path):
            package = module.split(".")[0]
            if package in PACKAGES and package not in allowed:
                wrong.append(f"{name} imports {module}")
    assert not wrong


def _strings(path: Path) -> list[str]:
    """The texts in a file's code, without docstrings."""
    tree = ast.parse(path.read_text())
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in statements
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_names_no_module_above_it(room: str) -> None:
    """What a child process is to run is an arrow as well, such as module_command("edge_convert.cli")."""
    wrong = []
    for path in _files(room):
        name = path.relative_to(ROOT).as_posix()
        above = set(PACKAGES) - ALLOWED[room] - _excepted(name) - MESSAGES.get(name, set())
        for text in _strings(path):
            words = re.findall(r"\b\w+(?:\.\w+)+", text)
            wrong += [f"{name} names {w}" for w in words if w.split(".")[0] in above & _heads(w)]
    assert not wrong


def _heads(dotted: str) -> set[str]:
    """The package of a dotted name, if a module of it is named and not a file such as edge.toml."""
    package, module = dotted.split(".")[:2]
    folder = next((folder for folder, name in ROOMS.items() if name == package), "")
    there = (ROOT / folder / module).is_dir() or (ROOT / folder / f"{module}.py").is_file()
    return {package} if folder and there else set()


def _module_name(path: Path) -> str:
    room, *folders = path.relative_to(ROOT).with_suffix("").parts
    return ".".join((ROOMS[room], *folders)).removesuffix(".__init__")


def _imported_at_the_top(path: Path, modules: Set[str]) -> set[str]:
    """Our modules that a file's first-level statements import."""
    imported = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                imported.add(module if module in modules else node.module or "")
    return imported & modules


def test_no_modules_import_each_other_in_a_circle() -> None:
    files = {_module_name(path): path for room in ROOMS for path in _files(room)}
    modules = files.keys()
    graph = {name: _imported_at_the_top(path, modules) - {name} for name, path in files.items()}
    while leaves := {name for name, imported in graph.items() if not imported}:
        graph = {name: imported - leaves for name, imported in graph.items() if name not in leaves}
    assert not graph, f"in circles, or above one: {sorted(graph)}"


@pytest.mark.parametrize("room", BOARD_SIDE)
def test_the_board_side_names_no_heavy_library(room: str) -> None:
    wrong = []
    for path in _files(room):
        name = path.relative_to(ROOT).as_posix()
        for module, at_top in _imports(path):
            package = module.split(".")[0]
            if package in HEAVY and (at_top or package not in _excepted(name)):
                wrong.append(f"{name} imports {module}")
    assert not wrong


@pytest.mark.parametrize("room", BOARD_SIDE)
def test_every_board_module_imports_without_tensorflow(room: str) -> None:
    modules = [
        ".".join((ROOMS[room], *path.relative_to(ROOT / room).with_suffix("").parts))
        for path in _files(room)
        if path.name != "run_module.py" and "plugins" not in path.parts  # Ansible's own process
    ]
    code = (
        "import sys, importlib\n"
        "sys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'matplotlib', 'scipy']))\n"
        f"for name in {modules!r}: importlib.import_module(name.removesuffix('.__init__'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


ROOMS_WITH_CLI = ("edge", "convert", "models", "benchmarks", "devices")


@pytest.mark.parametrize(
    "module",
    [
        *(f"{ROOMS[room]}.cli" for room in ROOMS_WITH_CLI),
        "edge_fleet.bundle_cli",
        "edge_fleet.batch.cli",
        "edge_fleet.boards.cli",
    ],
)
def test_help_is_instant(module: str) -> None:
    """No heavy import stands between the user and `--help`: by what is loaded, not by the clock."""
    code = (
        "import sys\n"
        f"from {module} import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'cv2', 'ai_edge_litert', 'matplotlib', 'dask', 'pyarrow'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "Examples" in done.stdout or "Example" in done.stdout
