"""Boards that boot: Debian, with systemd as the first process of its own namespaces, and sshd.

A board's files lie over one Debian that is unpacked once (debootstrap) and kept in the user's cache.
"""

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_common import BuildFailed
from edge_devices.emulation import cache
from tests.benchmarks.remote.sshd import make_key
from tests.edge.service.processes import wait_for
from tests.fleet.boards import namespaces
from tests.fleet.boards.namespaces import SpaceBoard, SpaceFleet
from tests.wheels import ROOT

USER = "pi"
WHEELS = "/srv/wheels"  # on each board, as on a memory stick
_SUITE = "bookworm"  # from the mirror that debootstrap knows for it
_DEBIAN = (
    "systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,python3,python3-venv,python3-apt,sudo,"
    "iproute2,ca-certificates,ffmpeg"
)  # fmt: skip
_CGROUPS = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "pids", "devices", "cpu", "systemd", "unified")
# what is a board's own, from the folder of its root on
_MOUNTS = """
mount --make-rprivate /
mount -t overlay overlay -o lowerdir={root},upperdir={folder}/upper,workdir={folder}/work {folder}/root
cd {folder}/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
for each in null zero full random urandom tty; do touch dev/$each; mount --bind /dev/$each dev/$each; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for each in 0:stdin 1:stdout 2:stderr; do ln -s fd/${{each%:*}} dev/${{each#*:}}; done
mkdir -p .{wheels}
mount --bind -o ro {here_wheels} .{wheels}
{cgroups}
echo {name} > etc/hostname
echo 127.0.1.1 {name} >> etc/hosts
: > etc/resolv.conf
hostname {name}
cp {folder}/host_key etc/ssh/ssh_host_ed25519_key
mkdir home/{user}/.ssh
cp {key} home/{user}/.ssh/authorized_keys
chroot . chown -R {user}: /home/{user}
chmod 700 home/{user}/.ssh
pivot_root . mnt
umount -l /mnt
mount --make-rshared /
exec env -i container=edge-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
  --log-target=null --show-status=no systemd.unit=multi-user.target
"""


@contextlib.contextmanager
def booted_fleet(folder: Path, count: int, wheels: Path) -> Iterator[SpaceFleet]:
    """wheels: a folder that each board sees as /srv/wheels.  Skips the test if this machine cannot."""
    namespaces.require("debootstrap", "ip", "unshare")
    root = _debian()
    make_key(folder / "user_key")
    with contextlib.ExitStack() as stack:
        boards = []
        for number in range(1, count + 1):
            board = SpaceBoard(f"board-{number}", number, folder / f"board-{number}", USER)
            board.folder.mkdir()
            stack.enter_context(namespaces.network(board))
            stack.enter_context(_systemd(board, root, wheels))
            boards.append(board)
        made = SpaceFleet(folder, boards, {"edge_service": "system"})
        made.write_known_hosts()
        yield made


def wheelhouse() -> Path:
    """Wheels of all that an appliance needs but edge-run's own, fetched once as constraints.txt has them."""
    pins, project = ROOT / "constraints.txt", ROOT / "pyproject.toml"
    name = cache.key(pins.read_text(), project.read_text(), sys.version)
    return _kept(f"wheels-{name}", lambda part: _fetch(pins, part))


def _fetch(pins: Path, part: Path) -> None:
    where = ["-c", str(pins), "-w", str(part)]
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-input", *where]
    cache.run([*command, f"edge-run[appliance] @ {ROOT.as_uri()}"], "fetching wheels")
    for own in part.glob("edge_run-*"):
        own.unlink()


def _debian() -> Path:
    return _kept(f"debian-{cache.key(_SUITE, _DEBIAN)}", _bootstrap) / "root"


def _bootstrap(part: Path) -> None:
    root = part / "root"
    options = ["--variant=minbase", f"--include={_DEBIAN}", _SUITE, str(root)]
    cache.run(["debootstrap", *options], "debootstrap")
    user = ["useradd", "--create-home", "--shell", "/bin/bash", USER]
    cache.run(["chroot", str(root), *user], f"making the user {USER}")
    (root / "etc/sudoers.d/pi").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    (root / "var/lib/systemd/linger").mkdir(parents=True)
    (root / "var/lib/systemd/linger" / USER).touch()


def _kept(name: str, build: Callable[[Path], None]) -> Path:
    try:
        return cache.kept(name, build, f"making {name}", lambda step: None)
    except BuildFailed as error:
        pytest.skip(str(error))


@contextlib.contextmanager
def _systemd(board: SpaceBoard, root: Path, wheels: Path) -> Iterator[None]:
    make_key(board.folder / "host_key")
    for name in ("upper", "work", "root"):
        (board.folder / name).mkdir()
    controllers = [each for each in _CONTROLLERS if (_CGROUPS / each).is_dir()]
    script = _MOUNTS.format(
        root=shlex.quote(str(root)),
        folder=shlex.quote(str(board.folder)),
        here_wheels=shlex.quote(str(wheels)),
        key=shlex.quote(str(board.folder.parent / "user_key.pub")),
        name=board.name, user=USER, wheels=WHEELS,
        cgroups="\n".join(_cgroup_mounts(controllers)),
    )  # fmt: skip
    joined = [_CGROUPS / each / board.space for each in controllers] or [_CGROUPS / board.space]
    enter = [f"mkdir -p {each}; echo $$ > {each}/cgroup.procs" for each in joined]
    unshare = "unshare --mount --pid --fork --cgroup --uts --ipc --kill-child sh -ec"
    enter += [f"exec ip netns exec {board.space} {unshare} {shlex.quote(script)}"]
    process = subprocess.Popen(
        ["sh", "-ec", "\n".join(enter)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for_ssh(board, process)
        yield
    finally:
        process.kill()  # unshare ends at no other signal; its child, and so all of the board, with it
        process.communicate()
        wait_for(lambda: all(map(_is_removed, joined)))


def _is_removed(cgroup: Path) -> bool:
    """Whether it is gone now; processes in it may take a moment to end."""
    with contextlib.suppress(OSError):
        for inner in sorted(cgroup.rglob("*/"), reverse=True):
            inner.rmdir()
        cgroup.rmdir()
    return not cgroup.exists()


def _cgroup_mounts(controllers: list[str]) -> Iterator[str]:
    """One hierarchy (version 2), or those of before, with their controllers."""
    if not controllers:
        yield "mount -t cgroup2 cgroup2 sys/fs/cgroup"
        return
    yield "mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup"
    for each in controllers:
        kind = {
            "unified": "-t cgroup2",
            "systemd": "-t cgroup -o none,name=systemd",
        }.get(each, f"-t cgroup -o {each}")
        yield f"mkdir sys/fs/cgroup/{each}; mount {kind} cgroup sys/fs/cgroup/{each}"


def _wait_for_ssh(board: SpaceBoard, process: "subprocess.Popen[str]") -> None:
    scan = ["ssh-keyscan", "-T", "1", "-t", "ed25519", board.address]

    def answers() -> bool:
        if process.poll() is not None:
            assert process.stderr
            pytest.skip(f"no systemd in its own namespaces here: {process.stderr.read().strip()}")
        return bool(subprocess.run(scan, capture_output=True, check=False).stdout)

    wait_for(answers)
