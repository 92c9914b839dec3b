"""What is given beside frames holds for the bundle that a running edge-run is updated to."""

import itertools
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.bundle import open_bundle, write_bundle
from tests.edge.service.processes import Service, started, wait_for
from tests.edge.stream import side_inputs
from tests.edge.updates import test_swap as swaps

pytest.importorskip("msgspec")  # the extra `config`


@pytest.fixture
def folder(
    tmp_path: Path, speed_bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """With `net.edge`, `sent/net.edge` of version 2, `other/net.edge`, and settings of a grey camera."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    shutil.copy(speed_bundle_path, tmp_path / "net.edge")
    known = open_bundle(speed_bundle_path)
    (speed,) = known.manifest.inputs
    for name, changes in (
        ("sent", {"version": "2"}),
        ("other", {"inputs": (replace(speed, unit="km/h"),)}),
    ):
        (tmp_path / name).mkdir()
        manifest = replace(known.manifest, **changes)
        write_bundle(tmp_path / name / "net.edge", manifest, known.members)

    with side_inputs.grey_camera() as url:
        (tmp_path / "url").write_text(url)
        yield tmp_path


def write_settings(folder: Path, numbers: str, **seconds: float) -> None:
    text = swaps.SETTINGS.replace("door.edge", "net.edge").format(
        url=(folder / "url").read_text(),
        more=f'input = ["speed={numbers}"]' if numbers else "",
        latency_ms=1000,
        **{"shadow_s": 0, "probation_s": 1, **seconds},
    )
    (folder / "run.toml").write_text(text)


def answers(folder: Path) -> list[tuple[str, dict]]:
    """Of each decision by now: the start of its bundle's hash, and the tasks."""
    rows = swaps.decisions(folder)
    return [(row["bundle_sha256"][:8], row["tasks"]) for row in rows]


def answer_of(path: Path, *numbers: float) -> tuple[str, dict]:
    """What a bundle says of grey frames at that speed."""
    return open_bundle(path).sha256[:8], side_inputs.answer_to_grey(path, *numbers)


def wait_for_decisions(folder: Path, service: Service, count: int = 5) -> None:
    known = len(answers(folder))
    wait_for(lambda: len(answers(folder)) > known + count or service.process.poll() is not None)
    assert service.process.poll() is None, service.lines


def test_the_new_one_is_given_what_the_old_one_was(folder: Path) -> None:
    """And one that counts in km/h what is given in m/s is no next version."""
    write_settings(folder, "1.5,2")
    with started(folder, "--config", "run.toml", "--quiet") as service:
        wait_for_decisions(folder, service)
        done = swaps.update("other/net.edge")
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == (
            "update net 1: refused, it takes speed (2 numbers in km/h) beside frames, and what runs "
            "takes speed (2 numbers in m/s): it is another network: name it as `bundle` in the settings, "
            "and reload"
        )
        wait_for_decisions(folder, service)
        done = swaps.update("sent/net.edge")
        assert done.returncode == 0, (done, service.lines)
        assert "kind differs in 0.0 %" in done.stdout
        wait_for_decisions(folder, service)
        assert service.end(signal.SIGTERM) == 130
    old, new = answer_of(folder / "net.edge", 1.5, 2), answer_of(folder / "sent/net.edge", 1.5, 2)
    assert old[1] != answer_of(folder / "net.edge", 0, 0)[1]
    rows = answers(folder)
    count = rows.count(old)
    assert 10 < count < len(rows) - 5
    assert rows == [old] * count + [new] * (len(rows) - count)


def test_other_numbers_hold_from_a_frame_on_for_both(folder: Path) -> None:
    """While the new one is a shadow, on probation, and kept; the windows go on."""
    write_settings(folder, "1.5,2", shadow_s=3)
    speeds = [(1.5, 2)]

    def hang_up(*numbers: float) -> None:
        write_settings(folder, ",".join(map(str, numbers)), shadow_s=3)
        service.process.send_signal(signal.SIGHUP)
        speeds.append(numbers)
        words = "settings changed: other numbers for speed from the next frame on\n"
        wait_for(lambda: service.lines.count(words) == len(speeds) - 1)
        wait_for_decisions(folder, service)

    with started(folder, "--config", "run.toml", "--quiet") as service:
        wait_for_decisions(folder, service)
        assert swaps.update("sent/net.edge", "--no-wait").returncode == 0
        wait_for(lambda: "shadow" in swaps.steps(folder))
        hang_up(0, 0)
        assert swaps.steps(folder) == ["checking", "shadow"]
        wait_for(lambda: "kept" in swaps.steps(folder))
        hang_up(3, -1)
        write_settings(folder, "3", shadow_s=3)
        service.process.send_signal(signal.SIGHUP)
        wait_for(service.has_said("settings not changed: "))
        assert "the input 'speed' takes 2 numbers" in service.lines[-1]
        wait_for_decisions(folder, service)
        assert service.end(signal.SIGTERM) == 130
    assert swaps.steps(folder) == ["checking", "shadow", "probation", "kept"]
    assert any("kind differs in 0.0 %" in line for line in service.lines)
    old, new = folder / "net.edge", folder / "sent/net.edge"
    parts = [(old, speeds[0]), (old, speeds[1]), (new, speeds[1]), (new, speeds[2])]
    expected = [answer_of(path, *numbers) for path, numbers in parts]
    rows = answers(folder)
    assert [key for key, _ in itertools.groupby(rows)] == expected
    assert not any(row.get("restart") for row in swaps.decisions(folder)[1:])
