"""Trees of which files are missing, refused or anything: found out as far as can be, never raised."""

import json
import os
import random
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge_devices.commands.boards import state_text
from edge_devices.commands.doctor import diagnosis_text
from edge_devices.detection.detect import detect
from edge_devices.doctor import Host, examine
from edge_devices.doctor.environment import RECORDED
from edge_devices.doctor.host import read_state
from edge_devices.profiles.catalogue import read_catalogue
from tests.devices.trees import BOARDS, plant

_KNOWN = read_catalogue()
_PATHS = sorted({*set().union(*BOARDS.values()), "proc/self/exe", "etc/nvpmodel.conf", RECORDED})
_content = st.binary(max_size=60) | st.sampled_from(
    [b"", b"\0", b"-1\n", b"9" * 400, b"\xff\xfe\n", b":::\n", b"[]", b'{"python": 3}']
)
_relaxed = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _look_at(root: Path) -> None:
    assert detect(root, _KNOWN).statement
    host = Host(root)
    state, findings = read_state(host), examine(host)
    assert state_text(state) and diagnosis_text(findings)
    assert json.dumps(asdict(state)) and all(finding.what for finding in findings.values())


@_relaxed
@given(st.sampled_from(sorted(BOARDS)), st.integers(), st.lists(_content, min_size=1))
def test_half_of_the_files_hold_anything(board: str, seed: int, contents: list[bytes]) -> None:
    chosen = random.Random(seed)
    tree = {path: BOARDS[board].get(path, b"") for path in _PATHS}
    for path in _PATHS:
        if chosen.random() < 0.5:
            tree[path] = chosen.choice(contents)
    with TemporaryDirectory() as folder:
        _look_at(plant(Path(folder), tree))


@_relaxed
@given(st.sampled_from(sorted(BOARDS)), st.sets(st.sampled_from(_PATHS), min_size=1))
def test_files_are_missing_or_folders(board: str, gone: set[str]) -> None:
    tree = {path: text for path, text in BOARDS[board].items() if path not in gone}
    with TemporaryDirectory() as folder:
        root = plant(Path(folder), tree)
        for path in list(gone)[::2]:
            (root / path).mkdir(parents=True, exist_ok=True)
        _look_at(root)


@pytest.mark.parametrize("board", BOARDS)
def test_nothing_may_be_read(tmp_path: Path, board: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    root = plant(tmp_path, BOARDS[board])
    monkeypatch.setattr(os, "open", refuse)
    assert detect(root, _KNOWN).profile.is_generic


def test_a_tree_without_anything(tmp_path: Path) -> None:
    _look_at(tmp_path)
    assert list(examine(Host(tmp_path))) == ["board"]
