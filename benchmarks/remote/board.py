"""The board that a user named, and the ssh command line that reaches it."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.remote.bootstrap import shell_command

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
