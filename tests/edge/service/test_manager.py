"""Installing and removing, with a `systemctl` that writes down what it is asked."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.service import manager
from edge.service.unit import MARK
from edge_common import ConfigError

SYSTEMCTL = """#!/bin/sh
echo "$@" >> {folder}/calls
case "$*" in
  --version) echo "systemd 255 (255.1)";;
  show*) echo LoadState=not-found;;
  restart\\ broken*) echo "Job for broken.service failed." >&2; exit 1;;
esac
"""
ACTIVE = {
    "ActiveState": "active",
    "SubState": "running",
    "StatusText": "9 frames, 3.0 frames/s",
    "NRestarts": "2",
    "MemoryCurrent": "104857600",
    "ActiveEnterTimestamp": "Fri 2026-11-27 09:00:00 UTC",
}


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> manager.Manager:
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL.replace("{folder}", str(tmp_path)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return manager.Manager(units=tmp_path / "units", runtime=tmp_path)


def calls(systemd: manager.Manager) -> list[str]:
    return (systemd.runtime / "calls").read_text().splitlines()


def test_installing_is_idempotent_and_spares_what_others_wrote(systemd: manager.Manager) -> None:
    text = f"{MARK}\n[Service]\n"
    assert systemd.install("cam", text, force=False, start=True)
    assert calls(systemd) == ["daemon-reload", "enable cam.service", "restart cam.service"]
    path = systemd.path("cam")
    assert path.read_text() == text and path.stat().st_mode & 0o777 == 0o644
    assert not systemd.install("cam", text, force=False, start=False)
    with pytest.raises(ConfigError, match=r"cam.service says something else: --force writes over"):
        systemd.install("cam", text + "Nice=5\n", force=False, start=True)
    path.write_text("[Service]\n")
    with pytest.raises(ConfigError, match="is somebody else's"):
        systemd.install("cam", text, force=False, start=True)
    assert path.read_text() == "[Service]\n"
    assert systemd.install("cam", text, force=True, start=True)
    assert [file.name for file in systemd.units.iterdir()] == [
        "cam.service"
    ]  # nothing half-written


def test_a_service_that_does_not_start_says_where_to_look(systemd: manager.Manager) -> None:
    with pytest.raises(ConfigError) as failure:
        systemd.install("broken", MARK, force=False, start=True)
    assert str(failure.value) == (
        "systemctl restart broken.service: Job for broken.service failed; "
        "journalctl -u broken -n 20 says why"
    )


def test_removing(systemd: manager.Manager) -> None:
    systemd.install("cam", MARK, force=False, start=True)
    (systemd.units / "ssh.service").write_text("[Service]\n")
    with pytest.raises(ConfigError, match="there is no service cma: there is cam$"):
        systemd.uninstall("cma")
    with pytest.raises(ConfigError, match="was not written by edge-run"):
        systemd.uninstall("ssh")
    systemd.uninstall("cam")
    assert calls(systemd)[-2:] == ["disable --now cam.service", "daemon-reload"]
    assert [file.name for file in systemd.units.iterdir()] == ["ssh.service"]
    with pytest.raises(ConfigError, match="`edge-run service install` makes one"):
        systemd.uninstall("cam")


def test_what_is_asked_of_a_users_own(systemd: manager.Manager) -> None:
    own = manager.Manager(True, systemd.units, systemd.runtime)
    own.install("cam", MARK, force=False, start=False)
    assert calls(systemd) == ["--user daemon-reload", "--user enable cam.service"]
    assert own.journal("cam") == "journalctl --user -u cam -n 20"


def test_status(systemd: manager.Manager) -> None:
    with pytest.raises(ConfigError, match="there is no service cam"):
        systemd.properties("cam")
    assert manager.status_lines(ACTIVE) == [
        ("state", "active (running)"),
        ("since", "Fri 2026-11-27 09:00:00 UTC"),
        ("how it goes", "9 frames, 3.0 frames/s"),
        ("restarts", "2"),
        ("memory", "105 MB"),
    ]
    assert manager.version() == 255


def test_without_root_and_without_systemd(
    systemd: manager.Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd.require()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    systemd.require(writes=False)
    with pytest.raises(ConfigError, match="only root installs"):
        systemd.require()
    with pytest.raises(ConfigError, match="systemd does not run here"):
        manager.Manager(runtime=systemd.runtime / "none").require()


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs here")
@pytest.mark.parametrize("command", [["status"], ["uninstall"], ["status", "--json"]])
def test_a_machine_without_systemd_says_so(command: list[str]) -> None:
    result = CliRunner().invoke(main, ["service", *command])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: systemd does not run here: print the unit")
