"""Debian packages of any architecture, unpacked into a folder: no root, no chroot, no dpkg state.

apt-get gets a configuration of its own (apt.conf (5)), which takes from the machine only its
package sources, keys and how it reaches them.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from edge_common import BuildFailed, Unavailable, children
from edge_devices.detection.kernel_files import read_text
from edge_devices.emulation.cache import run

_CONFIGURATION = """
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "";
APT::Install-Recommends "false";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{status}";
Dir::Cache "{folder}/cache";
Acquire::Retries "3";
Acquire::Languages "none";
"""
# how the machine reaches its sources: proxies, certificates
_TRANSPORT = ("Acquire::http", "Acquire::https", "Acquire::ftp", "Acquire::Proxy")
_INSTALLED_HERE = Path("/var/lib/dpkg/status")
_OS_RELEASE = Path("/etc/os-release")


def check_apt() -> None:
    """Raises Unavailable if this is no Debian system."""
    missing = [tool for tool in ("apt-get", "apt-config", "dpkg-deb") if not shutil.which(tool)]
    if missing:
        raise Unavailable(
            f"{missing[0]} is not here: emulated boards are built from Debian packages, "
            "so use a Debian or Ubuntu system or container"
        )


def machine_architecture() -> str:
    """This machine's Debian architecture: `amd64`. Raises Unavailable without dpkg."""
    check_apt()
    return run(["dpkg", "--print-architecture"], "asking dpkg").strip()


def distribution() -> str:
    """Which system's packages apt gives here: the identifying lines of os-release (5)."""
    lines = (read_text(_OS_RELEASE) or "").splitlines()
    return " ".join(line for line in lines if line.startswith(("ID=", "VERSION_ID=")))


def unpack(
    packages: Sequence[str], architecture: str, into: Path, *, beside_installed: bool
) -> None:
    """Download packages of a Debian architecture with all that they depend on, and unpack them into a folder.

    beside_installed: leave out what this machine has installed already. Uses the folder
    `into`-apt meanwhile. Raises Unavailable without apt, BuildFailed if it fails.
    """
    check_apt()
    work = into.with_name(f"{into.name}-apt")
    shutil.rmtree(work, ignore_errors=True)
    for folder in (work / "lists/partial", work / "cache/archives/partial"):
        folder.mkdir(parents=True)
    environment = {
        **os.environ,
        "APT_CONFIG": str(_configure(work, architecture, beside_installed)),
    }
    archives = work / "cache/archives"
    _download(packages, archives, environment)
    for package in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(package), str(into)], f"unpacking {package.name}")
    shutil.rmtree(work)


def _download(packages: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    """If one of several sources does not answer, the others may do."""
    update_error: BuildFailed | None = None
    try:
        _apt(["update"], folder, environment)
    except BuildFailed as error:
        update_error = error
    try:
        _apt(["install", "--yes", "--download-only", *packages], folder, environment)
    except BuildFailed as error:
        raise update_error or error from error


def _apt(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    run(
        ["apt-get", "-qq", "-o", "Debug::NoLocking=true", *arguments],
        f"apt-get {' '.join(arguments[:4])}",
        cwd=folder,
        env=environment,
    )


def _configure(folder: Path, architecture: str, beside_installed: bool) -> Path:
    status = _INSTALLED_HERE
    if not beside_installed:
        status = folder / "status"
        status.touch()
    text = _CONFIGURATION.format(architecture=architecture, folder=folder, status=status)
    path = folder / "apt.conf"
    path.write_text(text + _transport())
    return path


def _transport() -> str:
    dumped = children.run_captured(["apt-config", "dump"]).stdout
    return "".join(f"{line}\n" for line in dumped.splitlines() if line.startswith(_TRANSPORT))
