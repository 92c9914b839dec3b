import sys
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import TensorSpec
from edge.engine.engine import Engine
from edge_benchmarks.inside.engines import OTHER_ENGINES, interface, onnx_runtime, open_vino
from edge_benchmarks.inside.engines.interface import agreement
from edge_benchmarks.inside.peak import Product, product_model
from edge_benchmarks.measure.timing import EngineProbe, fill_randomly
from edge_common.data import decode, encode
from edge_common.errors import EngineError


@pytest.fixture(scope="module")
def model() -> bytes:
    return product_model(Product(16, 32, 8))


class Answers:
    """An engine whose output is its input plus a number."""

    inputs = (TensorSpec("x", (4,), "float32"),)
    outputs = (TensorSpec("y", (4,), "float32"),)

    def __init__(self, off: float = 0.0, times: float = 1.0) -> None:
        self.name, self.version, self.invocations = "fake", "1", 0
        self._off, self._times = off, times
        self._in, self._out = np.zeros(4, np.float32), np.zeros(4, np.float32)

    def input(self, index: int = 0) -> np.ndarray:
        return self._in

    def output(self, index: int = 0) -> np.ndarray:
        return self._out

    def invoke(self) -> None:
        self._out[...] = self._in * self._times + self._off


INPUTS = [[np.array([1, -1, 1, -1], np.float32)], [np.array([3, 0, 0, 0], np.float32)]]


def test_the_same_answers_have_no_noise() -> None:
    found = agreement(Answers(), Answers(), INPUTS)
    assert found == interface.Agreement(None, 1.0, 2)
    assert found.agrees


@pytest.mark.parametrize(("off", "snr_db", "agrees"), [(0.1, 22.108, True), (0.5, 8.129, False)])
def test_noise_is_measured_against_the_answers(off: float, snr_db: float, agrees: bool) -> None:
    """Power of the answers 4 + 9, of the difference 8 off^2."""
    found = agreement(Answers(), Answers(off), INPUTS)
    assert found.snr_db == pytest.approx(snr_db, abs=0.001)
    assert (found.identical, found.agrees) == (0.0, agrees)


@pytest.mark.parametrize("broken", [Answers(times=0.0), Answers(off=np.nan)])
def test_a_broken_reference_agrees_with_nothing(broken: Answers) -> None:
    with pytest.raises(EngineError, match="output y is constant or not finite"):
        agreement(broken, broken, INPUTS)


def test_another_engine_that_answers_nan_does_not_agree() -> None:
    assert not agreement(Answers(), Answers(off=np.nan), INPUTS).agrees


def test_an_agreement_survives_json() -> None:
    found = interface.Agreement(25.5, 0.28, 18)
    assert decode(interface.Agreement, encode(found)) == found


def test_tensors_are_matched_by_name() -> None:
    specs = (TensorSpec("a", (1,), "int8"), TensorSpec("b", (1,), "int8"))
    assert interface.in_order(specs, [{"b", "b:0"}, {"a"}], "it") == [1, 0]
    with pytest.raises(EngineError, match="it has other inputs or outputs"):
        interface.in_order(specs, [{"b"}], "it")


@pytest.mark.parametrize("name", OTHER_ENGINES)
def test_an_engine_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, name: str, model: bytes
) -> None:
    monkeypatch.setattr(interface, "find_spec", lambda package: None)
    with pytest.raises(EngineError, match=rf"{name} is not installed: .*\[engines\]"):
        OTHER_ENGINES[name](model, 1)


@pytest.mark.parametrize("package", ["tf2onnx", "tensorflow"])
def test_a_converter_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, package: str, model: bytes
) -> None:
    monkeypatch.setattr(interface, "find_spec", lambda name: None if name == package else 1)
    with pytest.raises(EngineError, match=rf"{package} is not .*\[convert,engines\]"):
        onnx_runtime.to_onnx(model)


def test_a_conversion_that_fails_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such operator')"]
    with pytest.raises(EngineError, match="does not convert the part .no such operator."):
        onnx_runtime.run_converter(command, tmp_path / "part.onnx")


def test_a_conversion_is_made_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: bytes
) -> None:
    made = []
    monkeypatch.setattr(interface, "find_spec", lambda package: 1)
    monkeypatch.setattr(onnx_runtime.metadata, "version", lambda package: "1.17.0")
    monkeypatch.setattr(onnx_runtime, "_convert", lambda model: made.append(1) or b"onnx")
    assert [onnx_runtime.to_onnx(model, tmp_path) for _ in range(2)] == [b"onnx", b"onnx"]
    assert onnx_runtime.to_onnx(model + b" ", tmp_path) == b"onnx"
    assert len(made) == 2


def test_openvino_computes_the_same(model: bytes) -> None:
    pytest.importorskip("openvino")
    _check(Engine(model), open_vino.openvino_engine(model))


def test_onnx_runtime_computes_the_same(model: bytes, tmp_path: Path) -> None:
    for package in ("onnxruntime", "tf2onnx", "tensorflow"):
        pytest.importorskip(package)
    _check(Engine(model), onnx_runtime.onnx_engine(model, cache=tmp_path))


def _check(reference: Engine, other: interface.OtherEngine) -> None:
    inputs = fill_randomly(reference)
    probe = EngineProbe(other)
    found = agreement(reference, other, [inputs, [~inputs[0]]])
    assert found.agrees
    assert (other.inputs, other.outputs) == (reference.inputs, reference.outputs)
    assert (probe.invocations, other.invocations) == (2, 2)
    assert probe.spent_ms > 0
