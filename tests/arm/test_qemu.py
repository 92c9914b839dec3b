"""qemu without root: unpacked into the cache where the machine has none that fits."""

import os
from pathlib import Path

import pytest

from edge_devices.emulation.apt import check_apt
from edge_devices.emulation.cache import Say
from edge_devices.emulation.guest import find_qemu
from tests.arm.installed import or_skip

STATUS = Path("/var/lib/dpkg/status")


@pytest.fixture
def without_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine as it would be had nobody installed qemu, with an empty cache."""
    or_skip(check_apt)
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in ("/usr/sbin", "/usr/bin"):
        for program in Path(folder).iterdir():
            if not program.name.startswith("qemu") and not (tools / program.name).is_symlink():
                os.symlink(program, tools / program.name)
    installed = STATUS.read_text().split("\n\n")
    kept = [package for package in installed if not package.startswith("Package: qemu-user")]
    (tmp_path / "status").write_text("\n\n".join(kept))
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("edge_devices.emulation.apt._INSTALLED_HERE", tmp_path / "status")


@pytest.mark.usefixtures("without_qemu")
def test_it_is_unpacked_and_starts(say: Say, tmp_path: Path) -> None:
    found = or_skip(lambda: find_qemu("aarch64", say, plugins=True))
    assert tmp_path / "cache" in found.program.parents
    assert found.version().startswith("qemu-aarch64 version ")
    assert found.loads_plugins()
