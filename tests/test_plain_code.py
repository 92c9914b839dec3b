"""The code's shape: few and short files, few imports, names that say what a thing is."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("common", "devices", "edge", "benchmarks", "fleet", "models", "convert", "examples")
MOST_FILES, MOST_FILES_A_FOLDER, MOST_LINES = 680, 20, 300
MOST_IMPORTS, MOST_BARE_NAMES = 0.06, 0.01
# participles and pronouns: as a name one of them does not say of what
BARE = frozenset(
    """
    answered asked begun built chosen counted cut described done drawn found given gone heard held
    joined judged kept known left lost made measured met moved named needed noted passed placed
    played refused said sent seen shown taken told tried used wanted written
    alike both here it one others rest same that them there these they this those two what which
    who whose
    """.split()  # noqa: SIM905
)


def _files() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@functools.cache
def _nodes() -> tuple[ast.AST, ...]:
    return tuple(n for path in _files() for n in ast.walk(ast.parse(path.read_text())))


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_files_are_few() -> None:
    assert len(_files()) <= MOST_FILES


def test_no_file_is_long() -> None:
    assert not {str(path): n for path in _files() if (n := _lines(path)) > MOST_LINES}


def test_no_folder_is_crowded() -> None:
    folders = {path.parent for room in (*ROOMS, "tests") for path in (ROOT / room).rglob("*.py")}
    files = {folder: [f for f in folder.iterdir() if f.is_file()] for folder in folders}
    assert not {str(f): len(n) for f, n in files.items() if len(n) > MOST_FILES_A_FOLDER}


def test_imports_are_a_small_part_of_the_code() -> None:
    imports = sum(isinstance(node, ast.Import | ast.ImportFrom) for node in _nodes())
    assert imports <= MOST_IMPORTS * sum(map(_lines, _files()))


def test_names_say_what_a_thing_is() -> None:
    names = [name for node in _nodes() if (name := _assigned(node))]
    bare = [name for name in names if name in BARE]
    assert len(bare) <= MOST_BARE_NAMES * len(names), sorted(set(bare), key=bare.count)[-20:]


def _assigned(node: ast.AST) -> str:
    """The name that a node gives to a value or a parameter; "" for others."""
    if isinstance(node, ast.arg):
        return node.arg
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else ""


def test_a_class_name_has_one_meaning() -> None:
    classes = [node.name for node in _nodes() if isinstance(node, ast.ClassDef)]
    public = [name for name in classes if not name.startswith("_")]
    assert not {name for name in public if public.count(name) > 1}
