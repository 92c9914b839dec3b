"""Every network of the zoo is cut where it should be, and both parts convert and answer alike."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import pytest

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_convert.cut.keras.candidates import CutCandidate, candidates, choose, table
from edge_convert.cut.keras.model import functional, named_outputs, window_shape
from edge_convert.cut.keras.split import CutModel, split, whole_window
from edge_convert.precision.export import tflite_of
from tests import tiny
from tests.convert.zoo import zoo

SPLIT_TOLERANCE = 5e-5  # relative to the largest answer
LITERT_TOLERANCE = 5e-4  # float kernels of another library, on random weights
INFORMATIVE = 5e-4  # answers to unlike windows differ by more than this


@dataclass(frozen=True)
class Cut:
    """A network of the zoo, and what it was cut into."""

    name: str
    model: keras.Model
    found: list[CutCandidate]
    chosen: CutCandidate
    parts: CutModel
    tflite: dict[str, bytes]

    @cached_property
    def windows(self) -> np.ndarray:
        """Two windows of unlike frames, (2, T, H, W, C) float32 0..255."""
        window, height, width, channels = window_shape(self.model)
        frames = tiny.frames(2 * window, height, width).astype(np.float32)
        return frames[..., :channels].reshape(2, window, height, width, channels)

    @cached_property
    def expected(self) -> dict[str, np.ndarray]:
        """What the uncut network answers."""
        answers = keras.Model(self.model.inputs, named_outputs(self.model))
        return {name: np.asarray(x) for name, x in answers([self.windows], training=False).items()}

    @cached_property
    def encoded(self) -> dict[str, np.ndarray]:
        return _encoded(self.parts, self.windows)


@pytest.fixture(scope="module", params=zoo.ZOO)
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cut:
    model = functional(zoo.build(request.param))
    found = candidates(model)
    chosen = choose(found)
    parts = split(model, chosen.keep)
    folder = tmp_path_factory.mktemp(request.param)
    tflite = {role: _converted(getattr(parts, role), folder) for role in ("encoder", "head")}
    return Cut(request.param, model, found, chosen, parts, tflite)


def _converted(part: keras.Model, folder: Path) -> bytes:
    """As edge_convert.precision.worker does it: of a saved model."""
    part.save(folder / "part.keras")
    saved = keras.models.load_model(folder / "part.keras", compile=False, safe_mode=False)
    return tflite_of(saved)


def _encoded(parts: CutModel, windows: np.ndarray) -> dict[str, np.ndarray]:
    """{feature: (2, T, ...)}"""
    count, length = windows.shape[:2]
    frames = windows.reshape(count * length, 1, *windows.shape[2:])
    rows = [parts.encoder(frame, training=False) for frame in frames]
    features = {name: np.concatenate([np.asarray(row[name]) for row in rows]) for name in rows[0]}
    return {name: x.reshape(count, length, *x.shape[1:]) for name, x in features.items()}


def _decided(parts: CutModel, encoded: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows = [
        parts.head({name: x[i : i + 1] for name, x in encoded.items()}, training=False)
        for i in range(2)
    ]
    return {name: np.concatenate([np.asarray(row[name]) for row in rows]) for name in rows[0]}


def _difference(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> float:
    """The largest one over all tensors, relative to the largest number of each."""
    assert set(expected) == set(found)
    return max(
        float(np.abs(x - found[name]).max()) / max(1.0, float(np.abs(x).max()))
        for name, x in expected.items()
    )


def test_the_cut_is_where_it_should_be(cut: Cut) -> None:
    features = {
        re.sub(r"_\d+$", "", name): tuple(cut.parts.encoder.output[name].shape[1:])
        for name in cut.parts.features
    }
    assert features == zoo.ZOO[cut.name].features
    assert cut.parts.features == cut.chosen.features


def test_both_parts_are_static_and_keep_the_answers_names(cut: Cut) -> None:
    window, *frame = window_shape(cut.model)
    assert [tuple(t.shape) for t in cut.parts.encoder.inputs] == [(1, *frame)]
    for name, feature in cut.parts.encoder.output.items():
        assert cut.parts.head.input[name].shape == (1, window, *feature.shape[1:])
    assert list(cut.parts.head.output) == list(named_outputs(cut.model))


def test_the_parts_equal_the_network(cut: Cut) -> None:
    found = _decided(cut.parts, cut.encoded)
    assert _difference(cut.expected, found) <= SPLIT_TOLERANCE
    unlike = [float(np.abs(x[0] - x[1]).max()) for x in cut.expected.values()]
    assert min(unlike) > INFORMATIVE


def test_the_first_cut_equals_the_network_too(cut: Cut) -> None:
    parts = split(cut.model, cut.found[0].keep)
    assert (
        _difference(cut.expected, _decided(parts, _encoded(parts, cut.windows))) <= SPLIT_TOLERANCE
    )


def test_the_uncut_graph_equals_the_network(cut: Cut) -> None:
    whole = whole_window(cut.model)
    found = [whole(window[None], training=False) for window in cut.windows]
    answers = {name: np.concatenate([np.asarray(x[name]) for x in found]) for name in found[0]}
    assert _difference(cut.expected, answers) <= SPLIT_TOLERANCE


def test_candidates_go_from_less_to_more_in_the_encoder(cut: Cut) -> None:
    assert cut.found and cut.chosen.encoder_multiply_adds > 0
    encoders = [c.encoder_multiply_adds for c in cut.found]
    heads = [c.head_multiply_adds for c in cut.found]
    assert encoders == sorted(encoders) and heads == sorted(heads, reverse=True)
    assert cut.chosen.multiply_adds == min(c.multiply_adds for c in cut.found)
    assert all(c.ring_values > 0 and c.features for c in cut.found)
    lines = table(cut.found, cut.chosen, window_shape(cut.model)[0]).splitlines()
    assert sum(line.startswith(f"> {cut.chosen.behind} ") for line in lines) == 1


def test_multiply_adds_are_those_of_the_converted_parts(cut: Cut) -> None:
    counted = {role: flatbuffer.cost(model).multiply_adds for role, model in cut.tflite.items()}
    assert cut.chosen.encoder_multiply_adds == counted["encoder"]
    assert cut.chosen.head_multiply_adds == counted["head"]


def test_no_loop_is_left_that_calibration_would_not_survive(cut: Cut) -> None:
    operators = {name for model in cut.tflite.values() for name in flatbuffer.cost(model).ops}
    assert not operators & {"WHILE", "CUSTOM", "CALL_ONCE"}


def test_both_parts_run_on_litert(cut: Cut) -> None:
    encode, decide = (_on_litert(cut.tflite[role]) for role in ("encoder", "head"))
    rows = [encode({"frame": frame[None]}) for frame in cut.windows[0]]
    features = {name: np.stack([row[name] for row in rows], 1) for name in rows[0]}
    assert _difference({n: x[:1] for n, x in cut.encoded.items()}, features) <= LITERT_TOLERANCE
    expected = {name: x[:1] for name, x in cut.expected.items()}
    assert _difference(expected, decide(features)) <= LITERT_TOLERANCE


def _on_litert(model: bytes) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    engine, (inputs, outputs) = Engine(model, name="part"), flatbuffer.signature(model)

    def run(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        for name, index in inputs.items():
            np.copyto(engine.input(index), given[name])
        engine.invoke()
        return {name: engine.output(index).copy() for name, index in outputs.items()}

    return run
