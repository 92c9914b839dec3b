"""A real sshd on loopback, run by and for the current user, with keys and configuration of its own."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
INSTALL = "sudo apt-get install openssh-server openssh-client"


@dataclass(frozen=True)
class Sshd:
    """Listening on 127.0.0.1 and 127.0.0.2.  cache: what XDG_CACHE_HOME is in its sessions."""

    folder: Path
    port: int

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def remote_folder(self) -> Path:
        return self.cache / "edge-run" / "remote"

    def arguments(self, **changed: object) -> list[str]:
        """`--host` with all that it takes to get in; ssh options may be changed or added."""
        options = {
            "UserKnownHostsFile": self.folder / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentityFile": self.folder / "user_key",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            **changed,
        }
        host = ["--host", f"{getpass.getuser()}@127.0.0.1", "--port", str(self.port)]
        return host + [f"--ssh-option={name}={value}" for name, value in options.items()]


@contextmanager
def running_sshd(
    folder: Path, environment: Mapping[str, str] = {}, prefix: Sequence[str] = ()
) -> Iterator[Sshd]:
    """environment: of its sessions.  prefix: a command that runs sshd."""
    program = shutil.which("sshd", path=_SBIN)
    if program is None or not shutil.which("ssh"):
        pytest.skip(f"needs sshd and ssh: {INSTALL}")
    found = Sshd(folder, free_port())
    _write_keys(found)
    config = _write_config(found, environment)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd started as root wants it
    process = subprocess.Popen(
        [*prefix, program, "-D", "-e", "-f", str(config)], stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_until_it_listens(process)
        yield found
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_key(path: Path) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def _write_keys(sshd: Sshd) -> None:
    for name in ("host_key", "user_key"):
        make_key(sshd.folder / name)
    host_key = (sshd.folder / "host_key.pub").read_text()
    (sshd.folder / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {host_key}")


def _write_config(sshd: Sshd, environment: Mapping[str, str]) -> Path:
    session = {"XDG_CACHE_HOME": str(sshd.cache), **environment}
    lines = [
        f"Port {sshd.port}",
        "ListenAddress 127.0.0.1",
        "ListenAddress 127.0.0.2",
        f"HostKey {sshd.folder / 'host_key'}",
        f"AuthorizedKeysFile {sshd.folder / 'user_key.pub'}",
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "SetEnv " + " ".join(f"{name}={value}" for name, value in session.items()),
    ]
    path = sshd.folder / "sshd_config"
    path.write_text("\n".join(lines) + "\n")
    return path


def _wait_until_it_listens(process: "subprocess.Popen[str]") -> None:
    said = ""
    for line in process.stderr:
        said += line
        if "Server listening" in line:
            return
    pytest.skip(f"sshd does not start here: {said.strip()}")
