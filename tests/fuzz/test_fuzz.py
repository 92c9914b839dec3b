"""A short run of every target; `make fuzz` is the long one."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_sound_input_is_read(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    for seed in target.seeds():
        path = tmp_path / f"case{target.suffix}"
        path.write_bytes(seed)
        target.read(path)


def _names(heavy: bool) -> list[str]:
    return [name for name, target in TARGETS.items() if target.heavy == heavy]


@pytest.mark.parametrize("name", _names(heavy=False))
@given(random=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_broken_input_is_read_or_refused(name: str, random: Random) -> None:
    with TemporaryDirectory() as folder:
        TARGETS[name].try_case(random, Path(folder))


@pytest.mark.parametrize("name", _names(heavy=True))
def test_a_broken_network_is_run_or_refused(name: str, tmp_path: Path) -> None:
    for number in range(3):
        TARGETS[name].try_case(Random(f"{name} {number}"), tmp_path)
