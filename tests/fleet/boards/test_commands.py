"""edge-fleet as its user calls it, with Ansible on this machine as the only board."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge.shipped import find_bundle
from edge_fleet.boards.cli import main
from tests.fleet.boards.namespaces import ANSIBLE

needs_ansible = pytest.mark.skipif(not ANSIBLE, reason="ansible-core is not installed")
FACES = str(find_bundle("faces-in-motion"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def inventory(folder: Path, **variables: object) -> Path:
    """One board, which is this machine."""
    usual = {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable,
        "edge_become": False, "edge_service": "none", "edge_root": str(folder / "edge"),
        "edge_bin": str(Path(sys.executable).parent),
    }  # fmt: skip
    path = folder / "boards.yml"
    path.write_text(json.dumps({"boards": {"hosts": {"here": usual | variables}}}))
    return path


@needs_ansible
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "boards.yml",
            "boards:\n  hosts: {a: {x: 1\n",
            "boards.yml, line 3: YAML parsing failed: While",
        ),
        ("boards.ini", "[pi_4]\ndoor:\n", "boards.ini: Invalid host pattern 'door:' supplied"),
        ("boards.yml", "boards: {hosts: ", "the inventory cannot be read"),
        ("boards.yml", "boards: {hosts: {}}", "there is no board"),
    ],
)
def test_an_inventory_that_is_none_is_one_line(
    folder: Path, name: str, text: str, words: str
) -> None:
    (folder / name).write_text(text)
    done = invoke("status", "-i", name)
    assert done.exit_code == 2 and words in done.stderr and done.stderr.count("\n") == 1


def test_the_password_of_a_vault_is_its_owners_alone(folder: Path) -> None:
    (folder / "vault").write_text("x")
    (folder / "vault").chmod(0o644)
    done = invoke("status", "-i", inventory(folder), "--vault-password-file", "vault")
    assert done.exit_code == 2 and "chmod 600" in done.stderr


def test_waves_that_are_none_and_no_bundle_are_refused_before_anything_is_asked(
    folder: Path,
) -> None:
    path = inventory(folder)
    assert "'half' is no wave" in invoke("plan", FACES, "-i", path, "--waves", "half").stderr
    (folder / "bad.edge").write_text("x")
    done = invoke("plan", "bad.edge", "-i", path)
    assert done.exit_code == 2 and "is damaged or is no bundle" in done.stderr


def test_the_collection_is_written_once(folder: Path) -> None:
    assert invoke("collection", folder).exit_code == 0
    role = folder / "ansible_collections" / "edge_run" / "fleet" / "roles" / "board"
    assert (role / "tasks" / "main.yml").is_file()
    done = invoke("collection", folder)
    assert done.exit_code == 2 and "is there already" in done.stderr


@needs_ansible
def test_a_board_gets_a_bundle_and_twice_is_once(folder: Path) -> None:
    path = inventory(folder, edge_bin=str(_programs(folder)))
    first = invoke("roll-out", FACES, "-i", path, "--watch-minutes", 0, "--quiet")
    assert first.exit_code == 0, first.output
    assert "1 of 1 boards run faces-in-motion.edge" in first.stdout
    store = folder / "edge" / "bundles"
    assert (store / "current" / "faces-in-motion.edge").read_bytes() == Path(FACES).read_bytes()
    assert not (store / "reload-due").exists()
    again = invoke("roll-out", FACES, "-i", path, "--watch-minutes", 0, "--quiet", "--again")
    assert again.exit_code == 0
    assert sorted(each.name for each in store.iterdir())[1:] == ["current"]


def _programs(folder: Path) -> Path:
    """In place of edge-run and edge-devices, which take their time."""
    place = folder / "bin"
    place.mkdir()
    for name in ("edge-run", "edge-devices"):
        (place / name).write_text("#!/bin/sh\necho '{}'\n")
        (place / name).chmod(0o755)
    return place


@needs_ansible
def test_set_up_again_interrupts_no_run_unless_there_is_something_new(folder: Path) -> None:
    path = inventory(
        folder, edge_bin=str(_programs(folder)), edge_service="command", edge_settings="run.toml.j2",
        edge_config=str(folder / "run.toml"), edge_reload_command=f"echo again >> {folder}/reloads",
    )  # fmt: skip
    outcomes = []
    for line in ("rate = 5", "rate = 5", "rate = 6"):
        (folder / "run.toml.j2").write_text('bundle = "{{ edge_bundle_path }}"\n' + line)
        done = invoke("set-up", "-i", path, "--bundle", FACES, "--json")
        assert done.exit_code == 0, done.output
        count = len((folder / "reloads").read_text().splitlines())
        outcomes.append((json.loads(done.stdout)["boards"][0]["outcome"], count))
    # the first one: of a bundle, and of settings
    assert outcomes == [("changed", 2), ("as it was", 2), ("changed", 3)]
    store = folder / "edge" / "bundles" / "current"
    assert (folder / "run.toml").read_text() == f'bundle = "{store}/{Path(FACES).name}"\nrate = 6'


@pytest.mark.slow
@needs_ansible
def test_a_board_is_measured_once(folder: Path) -> None:
    current = folder / "edge" / "bundles" / "current"
    current.mkdir(parents=True)
    (current / Path(FACES).name).symlink_to(FACES)
    path = inventory(folder, edge_bench_options=["--frames", "20"])
    command = ("bench", FACES, "-i", path, "-o", folder / "records")
    written = []
    for _ in range(2):
        done = invoke(*command)
        assert done.exit_code == 0, done.output
        written.append((folder / "records" / "here.json").stat().st_mtime_ns)
    assert written[0] == written[1] and (folder / "records" / "report.md").is_file()
