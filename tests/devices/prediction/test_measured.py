"""Records from real boards: what is learnt from them, and which files are refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_common.errors import DeviceError
from edge_devices.prediction import fitted
from edge_devices.prediction.cores import Work
from edge_devices.prediction.measured import measured, read_record
from edge_devices.profiles.catalogue import profile_named

MACHINE = {
    "board": "Raspberry Pi 4 Model B Rev 1.4",
    "max_khz": [1800000],
    "architecture": "aarch64",
    "pointer_bits": 64,
}
SETUP = {"threads": 1, "device": "", "runtime": "litert", "delegate": "auto"}
WORK = Work(30e6, 40e6, 10e6, 70, counted=False)


def record(**changes: Any) -> dict[str, Any]:
    """What edge-bench writes, as far as it is read here."""
    return {
        "complete": True,
        "machine": MACHINE,
        "setup": SETUP,
        "measurements": [{"invokes_ms": {"encoder": {"p50": 31.0}}}],
        "work": {"encoder": vars(WORK)},
    } | changes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's own records; the model is fitted anew before and after."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    _forget()
    folder = tmp_path / "edge" / "measurements"
    folder.mkdir(parents=True)
    yield folder
    _forget()


def _forget() -> None:
    fitted._observations.cache_clear()
    fitted.latency_model.cache_clear()


def test_a_record_tells_of_each_part_at_the_clock_in_force(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(record()))
    (seen,) = read_record(path)
    assert (seen.group, seen.threads, seen.ms) == ("pi-4", 1, 31.0)
    assert seen.processor.clock_ghz == 1.8 and seen.work == WORK


def test_a_record_in_the_folder_draws_the_prediction(folder: Path) -> None:
    pi_4 = profile_named("pi-4")
    before = fitted.predicted(WORK, pi_4)
    _forget()
    changed = record(measurements=[{"invokes_ms": {"encoder": {"p50": 2 * before.ms}}}])
    (folder / "slow.json").write_text(json.dumps(changed))
    after = fitted.predicted(WORK, pi_4)
    assert 1.1 * before.ms < after.ms < 2 * before.ms
    assert fitted.observed_boards()["pi-4"] == 7


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no record that can be learnt from"),
        ("[]", "is no record that can be learnt from"),
        (json.dumps(record(work={})), "'encoder'"),
        (json.dumps(record(machine=MACHINE | {"board": "Toaster"})), "for the board 'Toaster'"),
        (json.dumps(record(machine=MACHINE | {"max_khz": [0]})), "its clock is 0.0 GHz"),
        (json.dumps(record(machine=MACHINE | {"pointer_bits": 32})), "32-bit"),
        (json.dumps(record(setup=SETUP | {"device": "emulated:pi-4"})), "predicted, not"),
        (json.dumps(record(setup=SETUP | {"delegate": "none"})), "the delegate none"),
        (json.dumps(record(setup=SETUP | {"runtime": "tensorflow"})), "tensorflow, not litert"),
        (json.dumps(record(setup=SETUP | {"threads": 0})), "threads are 0"),
        (json.dumps(record(setup=SETUP | {"threads": 10**30})), "beyond 64 bits"),
        (json.dumps(record(complete=False)), "interrupted"),
        (json.dumps(record(work={"encoder": vars(WORK) | {"instructions": -1.0}})), "has -1.0"),
        (json.dumps(record(work={"encoder": vars(WORK) | {"tensor_bytes": 1e300}})), "has 1e+300"),
        (json.dumps(record(work={"encoder": vars(WORK) | {"weight_bytes": float("nan")}})), "NaN"),
        ("[" * 100_000, "is no record"),
        (
            json.dumps(record(measurements=[{"invokes_ms": {"encoder": {"p50": 0}}}])),
            "encoder took 0.0 ms",
        ),
        (
            json.dumps(record(measurements=[{"invokes_ms": {"encoder": {"p50": 1e300}}}])),
            "encoder took 1e+300 ms",
        ),
        (json.dumps(record(work={"encoder": {"instructions": 1}})), "is missing"),
    ],
)
def test_what_is_no_record_is_left_out_and_named(folder: Path, content: str, said: str) -> None:
    path = folder / "odd.json"
    path.write_text(content)
    with pytest.raises(DeviceError, match="odd.json") as error:
        read_record(path)
    assert said in str(error.value)
    observations, unused = measured()
    assert not observations
    assert [each.path for each in unused] == [path]


def test_not_text_is_named(folder: Path) -> None:
    (folder / "x.json").write_bytes(b"\xff\xfe")
    with pytest.raises(DeviceError, match="x.json"):
        read_record(folder / "x.json")
