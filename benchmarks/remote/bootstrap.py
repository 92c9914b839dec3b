"""How Python on a board becomes the agent: it is sent its own modules, and nothing is installed."""

import json
import shlex
from importlib import resources

_AGENT = "edge_benchmarks.remote.agent"
_MODULES = ("talk", "children", "environment", "job")  # none imports one behind it

# greets with its version, so that an old Python is named and does not crash, then runs a JSON list
# of [name, source]; neither single quotes nor line breaks, as every login shell has to take it
_CODE = ";".join(
    (
        "import sys,json,types",
        r'sys.stdout.write("\nedge-run %d.%d\n"%sys.version_info[:2])',
        "sys.stdout.flush()",
        "i=sys.stdin.buffer",
        "sources=json.loads(i.read(int(i.readline())).decode())",
        "module=lambda name:sys.modules.setdefault(name,types.ModuleType(name))",
        '[exec(compile(code,name,"exec"),module(name).__dict__) for name,code in sources]',
        f'sys.modules["{_AGENT}.job"].main()',
    )
)


def shell_command(python: str) -> str:
    """What a board's shell runs; `python` may begin with `~/`."""
    home, path = ("~/", python[2:]) if python.startswith("~/") else ("", python)
    return f"exec {home}{shlex.quote(path)} -I -c '{_CODE}'"


def agent_source() -> bytes:
    """What that waits for: a length, and the modules."""
    folder = resources.files(_AGENT)
    sources = [
        (f"{_AGENT}.{name}", (folder / f"{name}.py").read_text(encoding="utf-8"))
        for name in _MODULES
    ]
    content = json.dumps(sources).encode()
    return b"%d\n" % len(content) + content
