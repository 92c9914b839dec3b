"""The unit: what systemd itself says of it, and that it holds what the settings need, and no more."""

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, strategies as st

from edge.cli import main
from edge.service.needs import Account, Needs
from edge.service.unit import MARK, Unit, quoted
from edge.sources.login import credential_name, read_secret
from edge_common import ConfigError
from tests.wheels import ROOT

pytest.importorskip("msgspec")  # the extra `config`
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed")

RTSP = '[[camera]]\nsource = "rtsp://door/1"\n'
LOCAL = "[[camera]]\ncamera = 0\n"
EVERYTHING = Unit(
    "edge-run",
    Path("/home/pi/my cameras/50% $x.toml"),
    Needs(
        (Path("/home/pi/my cameras/50% $x.toml"),),
        (Path("/etc/edge-run/door.login"),),
        (Path("/srv/clips"), Path("/home/pi/out")),
        ("char-video4linux", "char-media", "char-dma_heap"),
        has_network=True,
    ),
    devices=("/dev/apex_0",),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    return tmp_path


def unit_of(folder: Path, settings: str, *arguments: str, command: str = "unit") -> Result:
    (folder / "run.toml").write_text(f'bundle = "faces-in-motion"\n{settings}')
    return CliRunner().invoke(main, ["service", command, "--config", "run.toml", *arguments])


def lines_of(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def refusal(result: Result) -> str:
    assert result.exit_code == 2 and not result.stdout
    (line,) = result.stderr.splitlines()
    return line.removeprefix("Error: ")


def analyze(folder: Path, text: str, *command: str) -> subprocess.CompletedProcess[str]:
    path = folder / "edge-run-test.service"
    path.write_text(text)
    return subprocess.run([str(ANALYZE), *command, str(path)], capture_output=True, text=True)


@needs_systemd
@pytest.mark.parametrize("is_user", [False, True])
def test_systemd_finds_nothing_wrong_with_a_unit(
    folder: Path, is_user: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = Unit("edge-run", Path("/etc/run.toml"), Needs(has_network=True), is_user=is_user)
    user = ["--user"] if is_user else []
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    for each in (unit, EVERYTHING) if not is_user else (unit,):
        done = analyze(folder, str(each), "verify", "--man=no", *user)
        assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", [EVERYTHING, Unit("edge-run", Path("/etc/run.toml"), Needs())])
def test_a_unit_exposes_little(folder: Path, unit: Unit) -> None:
    done = analyze(folder, str(unit), "security", "--offline=true", "--threshold=20", "--no-pager")
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_a_local_camera_gets_its_devices_and_no_network(folder: Path) -> None:
    lines = lines_of(unit_of(folder, LOCAL))
    assert lines[0].startswith(MARK)
    for line in ("DevicePolicy=closed", "DeviceAllow=char-video4linux rw", "PrivateNetwork=yes"):
        assert line in lines
    assert "PrivateDevices=yes" not in lines and "DynamicUser=yes" in lines
    assert f"BindReadOnlyPaths={folder}/run.toml" in lines  # /tmp is another one in a service


def test_a_stream_gets_the_network_and_no_device(folder: Path) -> None:
    lines = lines_of(unit_of(folder, RTSP, "--memory-mb", "300", "--watchdog-s", "20"))
    for line in (
        "PrivateDevices=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "MemoryMax=300M",
        "WatchdogSec=20",
        "Type=notify",
        "Restart=on-failure",
        'ExecReload=/bin/sh -c "kill -HUP ${MAINPID}"',
    ):
        assert line in lines
    assert not [line for line in lines if line.startswith(("DeviceAllow", "PrivateNetwork"))]


def test_an_output_over_the_network_needs_it_too(folder: Path) -> None:
    mqtt = '[[output]]\nkind = "mqtt"\ntarget = "localhost"\n'
    assert "PrivateNetwork=yes" not in lines_of(unit_of(folder, LOCAL + mqtt))


def test_a_page_needs_the_network_and_its_token(folder: Path) -> None:
    pytest.importorskip("starlette")  # the extra `web`
    (folder / "token").write_text("0123456789abcdef0123456789abcdef")
    (folder / "token").chmod(0o600)
    page = f'web = "0.0.0.0:8080"\nweb_token = "{folder}/token"\n'
    lines = lines_of(unit_of(folder, page + LOCAL))
    assert f"LoadCredential={credential_name(f'{folder}/token')}:{folder}/token" in lines
    assert "PrivateNetwork=yes" not in lines
    assert not [each for each in lines if each.startswith("BindPaths")]
    lines = lines_of(unit_of(folder, page + LOCAL, "--run-as", "root"))
    assert f"BindPaths={folder}" in lines  # the page saves zones


def test_outputs_are_writable_where_the_user_may_write(folder: Path) -> None:
    output = f'[[output]]\nkind = "jsonl"\ntarget = "{folder}/out/a.jsonl"\n'
    (folder / "out").mkdir()
    message = refusal(unit_of(folder, RTSP + output))
    assert message == (
        f"the service's own user may not write into {folder}/out: write to /var/lib/edge-run or "
        "below, or give --run-as a user who may"
    )
    (folder / "out").chmod(0o777)
    assert f"BindPaths={folder}/out" in lines_of(unit_of(folder, RTSP + output))
    lines = lines_of(unit_of(folder, RTSP + output, "--run-as", "root"))
    assert "User=root" in lines and "DynamicUser=yes" not in lines


def test_outputs_of_its_own_need_nothing(folder: Path) -> None:
    texts = ("a.jsonl", "/var/lib/edge-run/b.jsonl")
    outputs = "".join(f'[[output]]\nkind = "jsonl"\ntarget = "{each}"\n' for each in texts)
    lines = lines_of(unit_of(folder, RTSP + outputs))
    assert not [each for each in lines if each.startswith(("ReadWritePaths", "BindPaths"))]
    assert "StateDirectory=edge-run" in lines and "WorkingDirectory=%S/edge-run" in lines


def test_secrets_are_handed_over_by_systemd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = folder / "door.login"
    secret.write_text("admin:pass\n")
    secret.chmod(0o600)
    name = credential_name(str(secret))
    settings = RTSP + f'login = {{file = "{secret}"}}\n'
    assert f"LoadCredential={name}:{secret}" in lines_of(unit_of(folder, settings))
    (folder / "run").mkdir()
    (folder / "run" / name).write_text("admin:other")
    (folder / "run" / name).chmod(0o440)  # as systemd has it
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder / "run"))
    assert read_secret(str(secret)) == "admin:other"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (RTSP + '[[output]]\nkind = "window"\n', "a service has no screen"),
        ("show = true\n" + RTSP, "a service has no screen"),
        ('source = ["-"]\n', "is no terminal's in a service: name a pipe"),
        (RTSP + '[[output]]\nkind = "jsonl"\ntarget = "-"\n', "in a service: name a file"),
        ('source = ["clip.avi"]\n', "a service is started in a folder of its own: write /"),
        (RTSP + '[[alert]]\nname = "a"\ntask = "mood"\n', "run.toml, line 6: "),
        ("bundel = 1\n", "unknown key 'bundel'; did you mean 'bundle'"),
    ],
)
def test_what_no_service_can_do_is_one_line(folder: Path, settings: str, message: str) -> None:
    assert message in refusal(unit_of(folder, settings))
    assert message in refusal(unit_of(folder, settings, "--dry-run", command="install"))


def test_who_cannot_be(folder: Path) -> None:
    assert refusal(unit_of(folder, RTSP, "--run-as", "nobody-here")) == (
        "there is no user 'nobody-here': useradd --system nobody-here"
    )
    assert "--user" in refusal(unit_of(folder, RTSP, "--user", "--run-as", "root"))
    (folder / "run.toml").chmod(0o600)
    assert refusal(unit_of(folder, RTSP)) == (
        f"{folder}/run.toml may not be read by the service: chmod a+rX {folder}/run.toml"
    )
    for name in ("a b", "../x", "", "-x"):
        assert unit_of(folder, RTSP, "--name", name).exit_code == 2


def test_permissions_are_those_of_the_kernel(folder: Path) -> None:
    (folder / "file").touch()
    for mode, others in ((0o644, True), (0o640, False), (0o604, True)):
        (folder / "file").chmod(mode)
        assert Account().may(folder / "file", os.R_OK) is others
    assert Account("root").may(folder / "file", os.W_OK)


@needs_systemd
@given(
    st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=20)
)
def test_any_path_arrives_as_it_is(name: str) -> None:
    """What is quoted is read back by systemd's rules: %% and $$ are one, quotes take an escape."""
    word = quoted(f"/{name}")
    if word.startswith('"'):
        assert word.endswith('"')
        word = word[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    assert word.replace("%%", "%").replace("$$", "$") == f"/{name}"


def test_a_line_break_stands_in_no_unit() -> None:
    with pytest.raises(ConfigError, match="cannot stand in a unit"):
        quoted("/a\nExecStart=/bin/sh")


@pytest.mark.parametrize(("systemd", "has_backoff"), [(252, False), (253, False), (254, True)])
def test_pauses_grow_where_systemd_can(systemd: int, has_backoff: bool) -> None:
    text = str(Unit("edge-run", Path("/etc/run.toml"), Needs(), systemd=systemd))
    assert ("RestartSteps=6" in text) is has_backoff
    assert ("RestartSec=10" in text) is not has_backoff


def test_each_section_is_one() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(str(EVERYTHING))
    assert parser.sections() == ["Unit", "Service", "Install"]


def test_the_packaged_unit_is_one_of_these() -> None:
    """For any settings at its place: network and cameras. `install` makes one for less."""
    unit = Unit(
        "edge-run",
        Path("/etc/edge-run/run.toml"),
        Needs(devices=("char-video4linux", "char-media", "char-dma_heap"), has_network=True),
        program=("/usr/lib/edge-run/bin/edge-run",),
        code=(),
    )
    assert (ROOT / "packaging" / "edge-run.service").read_text() == str(unit)


def test_the_packaged_settings_are_some(folder: Path) -> None:
    settings = (ROOT / "packaging" / "run.toml").read_text().replace("bundle =", "#")
    assert "StateDirectory=edge-run" in lines_of(unit_of(folder, settings))


@pytest.mark.parametrize("name", ["build-deb", "postinst", "prerm", "postrm"])
def test_the_packages_scripts_are_shell(name: str) -> None:
    done = subprocess.run(["sh", "-n", str(ROOT / "packaging" / name)], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
