"""systemd on this machine: where units stand, and `systemctl` to start, stop and ask."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.service.unit import MARK
from edge_common import ConfigError, config_folder, console, whole_file

_OLDEST = 247  # LoadCredential=; Debian 11 has it
_SHOWN = (
    "LoadState", "ActiveState", "SubState", "StatusText", "NRestarts", "MemoryCurrent",
    "ActiveEnterTimestamp", "Result",
)  # fmt: skip


@dataclass(frozen=True)
class Manager:
    """The system's, or with `is_user` that of whoever calls.

    units: the folder of those that an administrator, or the user, wrote.
    runtime: exists while systemd runs (sd_booted(3)).
    """

    is_user: bool = False
    units: Path = Path("/etc/systemd/system")
    runtime: Path = Path("/run/systemd/system")

    @classmethod
    def of(cls, is_user: bool) -> "Manager":
        if is_user:
            return cls(True, config_folder("units").parents[1] / "systemd" / "user")
        return cls()

    def path(self, name: str) -> Path:
        return self.units / f"{name}.service"

    def require(self, writes: bool = True) -> None:
        """Raises ConfigError if there is no systemd here, or units cannot be written."""
        if not shutil.which("systemctl") or not self.runtime.is_dir():
            raise ConfigError(
                "systemd does not run here: print the unit with `edge-run service unit`, or use the "
                "container (docs/appliance.md)"
            )
        if writes and not self.is_user and os.geteuid() != 0:
            raise ConfigError(
                "only root installs a system's service: sudo edge-run, or give --user"
            )

    def install(self, name: str, text: str, force: bool, start: bool) -> bool:
        """Whether anything was changed; the service runs then. Raises ConfigError, OSError."""
        path = self.path(name)
        before = path.read_text() if path.is_file() else None
        if before not in (None, text) and not force:
            origin = "says something else" if MARK in str(before) else "is somebody else's"
            raise ConfigError(f"{path} {origin}: --force writes over it, --name gives another name")
        if before != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path, 0o644) as file:
                file.write(text.encode())
        self._run("daemon-reload")
        self._run("enable", path.name)
        if start:
            self._run("restart", path.name, hint=f"; {self.journal(name)} says why")
        return before != text

    def uninstall(self, name: str) -> None:
        """Stop it and remove its unit; what it wrote stays. Raises ConfigError, OSError."""
        path = self.path(name)
        if not path.is_file():
            raise ConfigError(f"there is no service {name}: {self._known()}")
        if MARK not in path.read_text():
            raise ConfigError(f"{path} was not written by edge-run: remove it yourself")
        self._run("disable", "--now", path.name)
        path.unlink()
        self._run("daemon-reload")

    def properties(self, name: str) -> Mapping[str, str]:
        """What systemd knows of it. Raises ConfigError if there is no such service."""
        output = self._run("show", f"{name}.service", f"--property={','.join(_SHOWN)}")
        values = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
        if values.get("LoadState") == "not-found":
            raise ConfigError(f"there is no service {name}: {self._known()}")
        return values

    def journal(self, name: str) -> str:
        """The command that shows what it said."""
        return f"journalctl {'--user ' if self.is_user else ''}-u {name} -n 20"

    def _known(self) -> str:
        files = self.units.glob("*.service") if self.units.is_dir() else ()
        names = sorted(file.stem for file in files if file.is_file() and MARK in file.read_text())
        return f"there is {', '.join(names)}" if names else "`edge-run service install` makes one"

    def _run(self, *arguments: str, hint: str = "") -> str:
        command = ["systemctl", *(["--user"] if self.is_user else []), *arguments]
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode:
            reason = " ".join(process.stderr.split()).rstrip(".") or f"code {process.returncode}"
            raise ConfigError(f"{' '.join(command)}: {reason}{hint}")
        return process.stdout


def version() -> int:
    """Of systemd here; an old one, which lacks nothing that a unit needs, if there is none."""
    program = shutil.which("systemctl")
    if program is None:
        return _OLDEST
    output = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    match = re.match(r"systemd (\d+)", output)
    return int(match[1]) if match else _OLDEST


def status_lines(values: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """What a person wants to know first."""
    memory = values.get("MemoryCurrent", "")
    return [
        ("state", f"{values.get('ActiveState')} ({values.get('SubState')})"),
        ("since", values.get("ActiveEnterTimestamp")),
        ("how it goes", values.get("StatusText")),
        ("restarts", values.get("NRestarts")),
        ("memory", console.megabytes(int(memory)) if memory.isdecimal() else None),
    ]
