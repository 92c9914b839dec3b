"""`edge-run --require-signature`: on the command line, in settings, in a service, and at SIGHUP."""

import json
import shutil
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge.cli import main
from edge.shipped import find_bundle
from edge.signatures import trusted
from tests.edge.service.processes import SETTINGS, Manager, camera, started, wait_for
from tests.edge.signatures.test_verification import ACME, OTHER, _with_comment, sign, trust

pytest.importorskip("cryptography")  # the extra `signatures`
pytest.importorskip("msgspec")  # the extra `config`


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed `door.edge`, and a user who trusts its signer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trusted, "SYSTEM", tmp_path / "system" / "edge" / "trusted")
    shutil.copy(find_bundle("faces-in-motion"), "door.edge")
    sign(tmp_path / "door.edge")
    trust(tmp_path / "config" / "edge", "acme", ACME)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["door.edge", "--source", "clip.mp4", *arguments])


def refusal(result: Result) -> str:
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line.removeprefix("Error: ")


def test_a_signed_bundle_runs_and_is_remembered(folder: Path, video_path: Path) -> None:
    shutil.copy(video_path, folder / "clip.mp4")
    done = run("--require-signature", "--frames", "9", "--json", "--quiet")
    assert done.exit_code == 0, done.output
    history = json.loads((folder / "state/edge-run/signed-bundles.json").read_text())
    assert history["faces-in-motion"]["signed_at"] == 1777593600
    bundle = folder / "door.edge"
    bundle.write_bytes(_with_comment(bundle.read_bytes()))
    sign(bundle, signed_at=1777593599)
    assert "which ran here: --allow-downgrade takes it" in refusal(run("--require-signature"))
    done = run("--require-signature", "--allow-downgrade", "--frames", "9", "--quiet")
    assert done.exit_code == 0, done.output
    assert run("--require-signature", "--check").exit_code == 0


def test_what_is_not_signed_ends_with_code_2(folder: Path) -> None:
    (folder / "door.edge.minisig").unlink()
    assert refusal(run("--require-signature", "--check")) == (
        "door.edge is not signed: door.edge.minisig is not there; sign it with edge-bundle sign, or "
        "copy its signature, too"
    )
    assert run("--check").exit_code == 0
    assert "--allow-downgrade goes with --require-signature" in run("--allow-downgrade").stderr
    assert not (folder / "state").exists()


def test_a_detector_has_to_be_signed_as_well(folder: Path) -> None:
    shutil.copy(find_bundle("person"), "yard.edge")
    detector = ("--detector", "yard.edge", "--check")
    assert "yard.edge is not signed" in refusal(run("--require-signature", *detector))
    sign(folder / "yard.edge")
    done = run("--require-signature", *detector)
    assert done.exit_code == 0 and done.stdout.count("signature: ") == 2
    assert run("--require-signature", "--detector", "person", "--check").exit_code == 0
    for name in ("other.tflite", "other.toml"):
        message = refusal(run("--require-signature", "--detector", name, "--check"))
        assert "plain .tflite" in message or "no bundle 'other.toml'" in message


def test_settings_ask_for_it_and_the_command_line_cannot_be_taken_back(folder: Path) -> None:
    (folder / "run.toml").write_text(
        'bundle = "door.edge"\nrequire_signature = true\ncamera = [0]\n'
    )
    done = CliRunner().invoke(main, ["--config", "run.toml", "--check"])
    assert "signature: faces-in-motion 1 of " in done.stdout
    (folder / "door.edge.minisig").unlink()
    assert "is not signed" in refusal(CliRunner().invoke(main, ["--config", "run.toml", "--check"]))
    (folder / "run.toml").write_text(
        'bundle = "door.edge"\nrequire_signature = false\ncamera = [0]\n'
    )
    arguments = ["--config", "run.toml", "--require-signature", "--check"]
    assert "is not signed" in refusal(CliRunner().invoke(main, arguments))


def test_a_service_sees_the_keys_of_the_machine_alone(folder: Path) -> None:
    settings = folder / "run.toml"
    settings.write_text(f'bundle = "{folder}/door.edge"\n[[camera]]\nsource = "rtsp://door/1"\n')
    unit = ["service", "unit", "--config", "run.toml", "--require-signature"]
    folder.chmod(0o755)
    message = refusal(CliRunner().invoke(main, unit))
    assert "acme.toml is a key of this user alone, and the service has one of its own" in message
    assert message.endswith(f"trust {ACME.public_key} --name acme --expires never --system")
    done = CliRunner().invoke(main, [*unit, "--user"])
    assert "Environment=XDG_CONFIG_HOME=%E" in done.stdout.splitlines()
    shutil.rmtree(folder / "config")
    trust(folder / "system" / "edge", "acme", ACME)
    done = CliRunner().invoke(main, unit)
    lines = done.stdout.splitlines()
    assert f"BindReadOnlyPaths={folder}/door.edge.minisig" in lines
    assert f"BindReadOnlyPaths={trusted.SYSTEM}" in lines
    (start,) = (line for line in lines if line.startswith("ExecStart="))
    assert start.endswith("/run.toml --require-signature")


def test_a_bundle_that_came_while_it_ran_is_verified(folder: Path) -> None:
    """At SIGHUP: one that somebody else has signed leaves the one before; then a newer one runs."""
    file, manager, bundle = folder / "run.toml", Manager(f"{folder}/notify"), folder / "door.edge"
    lines = folder / "first.jsonl"

    def settings(url: str, name: str) -> str:
        text = SETTINGS.format(url=url, name=name).replace('"faces-in-motion"', '"door.edge"')
        assert '"door.edge"' in text
        return f"require_signature = true\n{text}"

    with camera() as yard:
        file.write_text(settings(yard.url, "first"))
        with started(folder, "--config", "run.toml", NOTIFY_SOCKET=manager.address) as service:
            manager.expect("READY=1")
            wait_for(lambda: lines.exists() and b"event" in lines.read_bytes())
            bundle.write_bytes(_with_comment(bundle.read_bytes()))
            sign(bundle, OTHER, signed_at=int(time.time()))
            file.write_text(settings(yard.url, "second"))
            service.process.send_signal(signal.SIGHUP)
            wait_for(service.has_said("door.edge: it is signed with key 79656B726568746F"))
            assert service.process.poll() is None and not (folder / "second.jsonl").exists()
            sign(bundle, signed_at=int(time.time()))
            service.process.send_signal(signal.SIGHUP)
            wait_for(lambda: (folder / "second.jsonl").exists())
            assert service.end(signal.SIGTERM) == 130
    history = json.loads((folder / "state/edge-run/signed-bundles.json").read_text())
    assert history["faces-in-motion"]["signed_at"] > 1777593600
