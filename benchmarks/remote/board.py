"""A board, and how Python there becomes the agent: it is sent its own modules, nothing is installed."""

import json
import shlex
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from edge_common.errors import EdgeError

# ssh takes the first value that it is given for an option: what must hold stands before
# the user's options, what they may change behind them
_FIRM = ("BatchMode=yes", "ClearAllForwardings=yes", "ControlMaster=no", "LogLevel=INFO")
_DEFAULTS = ("ConnectTimeout=10", "ServerAliveInterval=15", "ServerAliveCountMax=3")


@dataclass(frozen=True)
class Board:
    """Where to measure, and how to get there.

    host: as ssh takes it (`pi@board`, a name of ssh_config).  ssh_options: `NAME=VALUE` as in
    ssh_config.  python: the interpreter there.  install: into an environment of our own; else
    `python` has edge-run already.  wheelhouse: wheels for a board without internet.
    """

    host: str
    port: int | None = None
    ssh_options: tuple[str, ...] = ()
    python: str = "python3"
    install: bool = True
    wheelhouse: Path | None = None

    @property
    def port_option(self) -> str:
        return f" -p {self.port}" if self.port else ""

    @property
    def by_hand(self) -> str:
        """What a person types to get there."""
        return f"ssh{self.port_option} {self.host}"

    @property
    def known_as(self) -> str:
        """Its name in known_hosts."""
        name = self.host.rpartition("@")[2]
        return f"[{name}]:{self.port}" if self.port and self.port != 22 else name

    def ssh_command(self) -> list[str]:
        """Starts Python there, which waits for the agent's source on stdin."""
        command = ["ssh", "-T"]
        for option in (*_FIRM, *self.ssh_options, *_DEFAULTS):
            command += ["-o", option]
        if self.port:
            command += ["-p", str(self.port)]
        return [*command, "--", self.host, shell_command(self.python)]


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


class RemoteError(EdgeError):
    """A board cannot be reached, lacks what is needed, or gave no record."""
