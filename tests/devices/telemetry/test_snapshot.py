import json
import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge_common.data import decode, encode
from edge_devices.detection.machine import this_machine
from edge_devices.detection.memory import ProcessMemory, ResourceLimits
from edge_devices.telemetry import EnergyMeter, Snapshot, TimeLine, read_snapshot
from edge_devices.telemetry.temperature import Throttling
from tests.devices.trees import BOARDS, PI_4, PMIC_ANSWER, FakeVcgencmd, plant

_NOTHING = Snapshot(None, (), None, None, ProcessMemory(), ResourceLimits())
_PATHS = sorted(set().union(*BOARDS.values()))
_content = st.binary(max_size=40) | st.sampled_from(
    [b"", b"\0", b"-1\n", b"9" * 400, b"0x\n", b"max max\n", b"\xff\xfe\n", b":::\n", b"1e400\n"]
)


def test_a_raspberry_pi_4_at_one_moment(tmp_path: Path) -> None:
    found = read_snapshot(plant(tmp_path, PI_4), FakeVcgencmd())
    assert found.temperature_c == 48.686
    assert [policy.current_khz for policy in found.clocks] == [1_500_000]
    under_load = ("under-voltage", "throttled")
    assert found.throttling == Throttling(under_load, under_load)
    assert found.power is None
    assert found.memory == ProcessMemory(40_960_000, None, 41_984_000)
    assert found.limits == ResourceLimits()


def test_the_proportional_size_is_read_when_asked_for(tmp_path: Path) -> None:
    found = read_snapshot(plant(tmp_path, PI_4), FakeVcgencmd(), with_pss=True)
    assert found.memory.pss_bytes == 30_720_000


def test_an_empty_tree_tells_nothing(tmp_path: Path) -> None:
    assert read_snapshot(tmp_path, FakeVcgencmd()) == _NOTHING


def test_this_machine_can_be_read() -> None:
    memory = read_snapshot(vcgencmd=FakeVcgencmd()).memory
    assert memory.rss_bytes is not None and memory.rss_bytes > 1e6


@pytest.mark.parametrize("board", BOARDS)
def test_a_snapshot_comes_back_from_json(tmp_path: Path, board: str) -> None:
    vcgencmd = FakeVcgencmd(pmic_read_adc=PMIC_ANSWER)
    found = read_snapshot(plant(tmp_path, BOARDS[board]), vcgencmd)
    assert decode(Snapshot, json.loads(json.dumps(encode(found)))) == found


@pytest.mark.parametrize("board", BOARDS)
def test_files_that_are_refused_are_unknown(
    tmp_path: Path, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    root = plant(tmp_path, BOARDS[board])
    monkeypatch.setattr(os, "open", refuse)
    found = read_snapshot(root, FakeVcgencmd())
    assert found.temperature_c is None and found.power is None and found.memory == ProcessMemory()


def _read_everything(root: Path, vcgencmd: FakeVcgencmd) -> None:
    read_snapshot(root, vcgencmd, with_pss=True)
    this_machine(root)
    EnergyMeter(root, vcgencmd).start()
    TimeLine(root, vcgencmd).start()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(BOARDS)), st.integers(), st.lists(_content, min_size=1), st.text())
def test_garbage_never_raises(board: str, seed: int, contents: list[bytes], answer: str) -> None:
    """Half of a board's files hold anything; the firmware answers anything."""
    chosen = random.Random(seed)
    tree = {
        path: chosen.choice(contents) if chosen.random() < 0.5 else text
        for path, text in BOARDS[board].items()
    }
    vcgencmd = FakeVcgencmd(get_throttled=f"throttled={answer}", pmic_read_adc=answer)
    with TemporaryDirectory() as folder:
        _read_everything(plant(Path(folder), tree), vcgencmd)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.sampled_from(_PATHS), min_size=1))
def test_folders_in_the_place_of_files_never_raise(paths: set[str]) -> None:
    with TemporaryDirectory() as folder:
        for path in paths:
            (Path(folder) / path).mkdir(parents=True, exist_ok=True)
        _read_everything(Path(folder), FakeVcgencmd())
