"""Boards that are network namespaces here: each with an address, an sshd, a user and a home of its own.

Nothing outside of them changes: /etc/passwd and homes are mounted in their own mount namespaces.
"""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge_devices.emulation import cache
from tests.benchmarks.remote.sshd import make_key

_SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_NETWORK, _FIRST_UID, _HOME_MB = "10.77", 20_000, 64
_BIN = Path(sys.executable).parent
ANSIBLE = shutil.which("ansible-playbook", path=f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}")


@dataclass
class SpaceBoard:
    """One of them.  variables: of the inventory, beyond how to reach it."""

    name: str
    number: int
    folder: Path
    user: str
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{_NETWORK}.{self.number}.2"

    @property
    def gateway(self) -> str:
        """This machine, as the board sees it."""
        return f"{_NETWORK}.{self.number}.1"

    @property
    def space(self) -> str:
        return f"edge-test-{self.number}"

    @property
    def home(self) -> Path:
        return Path("/home") / self.user

    def run(self, script: str) -> str:
        """What a script prints on it, as its own user; it sees what the user sees."""
        key = self.folder.parent / "user_key"
        known = self.folder.parent / "known_hosts"
        command = [
            "ssh",
            "-i",
            str(key),
            "-o",
            f"UserKnownHostsFile={known}",
            "-o",
            "BatchMode=yes",
        ]
        return subprocess.run(
            [*command, f"{self.user}@{self.address}", script],
            check=True, capture_output=True, text=True, timeout=60,
        ).stdout.strip()  # fmt: skip

    def current(self) -> str:
        return self.run("readlink edge/bundles/current || true")


@dataclass
class SpaceFleet:
    """folder: with an inventory, keys and the state of edge-fleet.  usual: variables of all boards."""

    folder: Path
    boards: list[SpaceBoard]
    usual: Mapping[str, Any]

    def named(self, name: str) -> SpaceBoard:
        return next(board for board in self.boards if board.name == name)

    def write_inventory(self, **variables: Any) -> Path:
        """JSON is YAML, too.  variables: of all boards."""
        known = self.folder / "known_hosts"
        shared = {
            "ansible_ssh_private_key_file": str(self.folder / "user_key"),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o IdentitiesOnly=yes",
            **self.usual,
            **variables,
        }
        hosts = {
            board.name: {
                "ansible_host": board.address,
                "ansible_user": board.user,
                **board.variables,
            }
            for board in self.boards
        }
        path = self.folder / "inventory.yml"
        path.write_text(json.dumps({"boards": {"hosts": hosts, "vars": shared}}))
        return path

    def write_known_hosts(self) -> None:
        known = [f"{b.address} {(b.folder / 'host_key.pub').read_text()}" for b in self.boards]
        (self.folder / "known_hosts").write_text("".join(known))

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "edge_fleet.boards.cli", *map(str, arguments)]

    @property
    def environment(self) -> Mapping[str, str]:
        path = os.pathsep.join([str(Path(str(ANSIBLE)).parent), os.environ["PATH"]])
        return {**os.environ, "PATH": path, "XDG_STATE_HOME": str(self.folder / "state")}

    def call(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*arguments),
            capture_output=True, text=True, env=self.environment, timeout=600,
        )  # fmt: skip


@contextlib.contextmanager
def fleet(folder: Path, count: int) -> Iterator[SpaceFleet]:
    """Skips the test if this machine cannot."""
    require("sshd", "ip")
    sshd = str(shutil.which("sshd", path=_SBIN))
    make_key(folder / "user_key")
    folder.chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        boards = []
        for number in range(1, count + 1):
            name = f"board-{number}"
            board = SpaceBoard(name, number, folder / name, name)
            board.variables["edge_root"] = str(board.home / "edge")
            board.folder.mkdir()
            stack.enter_context(network(board))
            stack.enter_context(_sshd(board, sshd))
            boards.append(board)
        usual = {
            "ansible_python_interpreter": sys.executable, "edge_become": False,
            "edge_service": "none", "edge_bin": str(_BIN),
        }  # fmt: skip
        made = SpaceFleet(folder, boards, usual)
        made.write_known_hosts()
        yield made


def require(*programs: str) -> None:
    """Skips the test if one of them, root or ansible-core is missing."""
    missing = [each for each in programs if not shutil.which(each, path=_SBIN)]
    if os.geteuid() != 0 or missing or not ANSIBLE:
        pytest.skip(f"needs root, {', '.join(programs)} and ansible-core")


@contextlib.contextmanager
def network(board: SpaceBoard) -> Iterator[None]:
    """A pair of network devices, one end of it here."""
    here, there = f"edge-t{board.number}", "eth0"
    try:
        _ip(f"netns add {board.space}")
        _ip(f"link add {here} type veth peer name {there} netns {board.space}")
        _ip(f"addr add {board.gateway}/30 dev {here}")
        _ip(f"link set {here} up")
        for command in (
            f"addr add {board.address}/30 dev {there}",
            f"link set {there} up",
            "link set lo up",
            f"route add default via {board.gateway}",
        ):
            _ip(f"-n {board.space} {command}")
        yield
    finally:
        _end_all(board.space)
        # the kernel removes the device of a deleted namespace some time later
        for command in (["link", "del", here], ["netns", "del", board.space]):
            subprocess.run(["ip", *command], capture_output=True, check=False)


def _end_all(space: str) -> None:
    """What is left in a namespace: sshd's connections, which hear nothing of a link that is removed."""
    listed = subprocess.run(
        ["ip", "netns", "pids", space], capture_output=True, text=True, check=False
    )
    for number in map(int, listed.stdout.split()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def _ip(arguments: str) -> None:
    done = subprocess.run(["ip", *arguments.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"ip {arguments}: {done.stderr.strip()}")


@contextlib.contextmanager
def _sshd(board: SpaceBoard, program: str) -> Iterator[None]:
    make_key(board.folder / "host_key")
    uid, folder = _FIRST_UID + board.number, board.folder
    (folder / "passwd").write_text(
        "root:x:0:0::/root:/bin/sh\nsshd:x:74:74::/run/sshd:/usr/sbin/nologin\n"
        f"{board.name}:x:{uid}:{uid}::{board.home}:/bin/sh\n"
    )
    (folder / "shadow").write_text(f"root:*:1::::::\n{board.name}:*:1::::::\n")
    key = folder.parent / "user_key.pub"
    lines = [
        "Port 22", f"ListenAddress {board.address}", f"HostKey {folder / 'host_key'}",
        f"AuthorizedKeysFile {key}", "PidFile none", "UsePAM no", "StrictModes no",
        "PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 100",
    ]  # fmt: skip
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    script = [
        *_open_root(folder),
        f"mount -t tmpfs -o size={_HOME_MB}m,mode=755 tmpfs /home",
        f"mkdir {board.home} && chown {uid}:{uid} {board.home}",
        f"mount --bind {folder / 'shadow'} /etc/shadow",
        f"mount --bind {folder / 'passwd'} /etc/passwd",
        f"exec {program} -D -e -f {folder / 'sshd_config'}",
    ]
    command = [
        "ip",
        "netns",
        "exec",
        board.space,
        "unshare",
        "--mount",
        "sh",
        "-ec",
        "\n".join(script),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        texts = []
        for line in process.stderr:
            texts.append(line)
            if "Server listening" in line:
                break
        else:
            pytest.skip(f"sshd does not start there: {''.join(texts).strip()}")
        yield
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def _open_root(folder: Path) -> Iterator[str]:
    """What boards need of root's home, which others may not enter, is mounted where they may."""
    root = Path.home()
    unpacked = cache.arm_folder().resolve()  # emulated.py fills it later, if it is empty now
    unpacked.mkdir(parents=True, exist_ok=True)
    inside = [each for each in (Path(sys.base_prefix), unpacked) if each.is_relative_to(root)]
    if root.stat().st_mode & 0o001 or not inside:
        return
    for number, each in enumerate(inside):
        place = shlex.quote(str(folder / f"opened-{number}"))
        yield f"mkdir {place} && mount --bind {shlex.quote(str(each))} {place}"
    yield f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(root))}"
    for number, each in enumerate(inside):
        place, kept = shlex.quote(str(folder / f"opened-{number}")), shlex.quote(str(each))
        yield f"mkdir -p {kept} && mount --bind {place} {kept}"
