"""Files of users stand under their names whole or not at all: who writes in other ways, and why."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("common", "devices", "edge", "benchmarks", "fleet", "models", "convert", "examples")
_WRITERS = {"whole_file", "whole_path"}
_WRITING = {
    "copy2", "copyfile", "imwrite", "mkstemp", "open_memmap", "save", "save_weights", "savez",
    "savez_compressed", "tofile", "VideoWriter", "write_bytes", "write_text",
}  # fmt: skip

_TEMPORARY = "in a folder that is removed when the work is done"
_CACHE = "in a new folder of a cache, which takes its name when all is there"
_BOARD = "on a board that has nothing of ours, in a folder of the agent's"
ELSEWHERE = {
    "benchmarks/inside/cross_check.py": _TEMPORARY,
    "benchmarks/inside/engines/onnx_runtime.py": _TEMPORARY,
    "benchmarks/inside/engines/open_vino.py": _TEMPORARY,
    "benchmarks/inside/profile/recorder.py": _TEMPORARY,
    "benchmarks/measure/conditions.py": _TEMPORARY,
    "benchmarks/measure/processes.py": _TEMPORARY,
    "benchmarks/remote/agent/job.py": _BOARD,
    "benchmarks/remote/agent/talk.py": _BOARD,
    "common/children.py": "what a child says, for as long as it runs",
    "common/command_line.py": "/dev/null",
    "common/files.py": "the writer itself",
    "common/worker_programs.py": _TEMPORARY,
    "convert/precision/cache.py": "in memory",
    "convert/precision/export.py": _TEMPORARY,
    "convert/precision/fork_server.py": "what a child says, for as long as it runs",
    "convert/precision/jobs.py": _TEMPORARY,
    "convert/sources/keras_2.py": _TEMPORARY,
    "convert/sources/libraries.py": _TEMPORARY,
    "convert/sources/onnx_file.py": _TEMPORARY,
    "convert/sources/reference.py": _TEMPORARY,
    "convert/verification/verify.py": _TEMPORARY,
    "devices/doctor/environment.py": "a new folder of many files",
    "devices/emulation/apt.py": _CACHE,
    "devices/emulation/arm_python.py": _CACHE,
    "devices/emulation/cache.py": "a lock",
    "devices/emulation/counting.py": _TEMPORARY,
    "edge/check/evaluate.py": _TEMPORARY,
    "edge/commands/reload.py": "the user's terminal, to see whether there is one",
    "edge/engine/trial.py": _TEMPORARY,
    "edge/sinks/lines.py": "whole lines are appended and synced",
    "edge/sinks/apprise.py": _TEMPORARY,
    "edge/sinks/mp4.py": "the film that video.py still records",
    "examples/demo_video.py": "OpenCV's writer, in a folder of whole_path's",
    "edge/sinks/clips/film.py": "in memory",
    "edge/sinks/clips/packets.py": "in memory",
    "edge/sinks/mqtt/spool.py": "whole lines are appended, and half of one is cut off",
    "examples/output_costs.py": _TEMPORARY,
    **dict.fromkeys(
        (
            "examples/zoo/keras_forms.py",
            "examples/zoo/older_forms.py",
            "examples/zoo/outcomes.py",
            "examples/zoo/torch_networks.py",
            "examples/zoo/worker.py",
        ),
        "a folder that holds nothing else, and is made anew",
    ),
    "edge/sinks/video.py": "recorded beside its name, and put in place",
    "fleet/boards/ansible.py": _TEMPORARY,
    "models/training/feature_cache.py": "filled beside its name, and put in place",
}


def test_nobody_else_writes_files() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if any(_writing_calls(ast.parse(path.read_text())))
    }
    assert found == ELSEWHERE.keys()


def _writing_calls(node: ast.AST) -> Iterator[ast.Call]:
    """Calls that write a file and stand in no block of the writer's."""
    if isinstance(node, ast.With) and any(map(_is_the_writer, node.items)):
        return
    if isinstance(node, ast.Call) and _writes(node):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _writing_calls(child)


def _is_the_writer(item: ast.withitem) -> bool:
    return isinstance(item.context_expr, ast.Call) and _name(item.context_expr) in _WRITERS


def _writes(call: ast.Call) -> bool:
    if _name(call) != "open":
        return _name(call) in _WRITING
    modes = [a.value for a in (*call.args, *(k.value for k in call.keywords)) if _is_text(a)]
    flags = {n.attr for a in call.args for n in ast.walk(a) if isinstance(n, ast.Attribute)}
    return any(set(mode) & set("wax+") for mode in modes if set(mode) <= set("rwaxbt+")) or bool(
        flags & {"O_CREAT", "O_WRONLY", "O_RDWR"}
    )


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
