"""Every network of the zoo is cut where it should be, and both parts convert and answer alike."""

import re
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
import pytest

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_convert.cut.tflite.candidates import CutCandidate, table
from edge_convert.cut.tflite.split import CutFile, CuttableFile
from edge_convert.sources.keras_model import functional, window_shape
from tests import tiny
from tests.convert import keras_networks
from tests.convert.cut.test_tflite_cut import run, streamed
from tests.convert.zoo import zoo

SPLIT_TOLERANCE = 5e-5  # relative to the largest answer
LITERT_TOLERANCE = 5e-4  # float kernels of another library, on random weights
INFORMATIVE = 5e-4  # answers to unlike windows differ by more than this


@dataclass(frozen=True)
class Cut:
    """A network of the zoo, and what it was cut into."""

    name: str
    model: keras.Model
    whole: bytes
    file: CuttableFile
    choice: CutCandidate
    parts: CutFile

    @cached_property
    def windows(self) -> np.ndarray:
        """Two windows of unlike frames, (2, T, H, W, C) float32 0..255."""
        window, height, width, channels = window_shape(self.model)
        frames = tiny.frames(2 * window, height, width).astype(np.float32)
        return frames[..., :channels].reshape(2, window, height, width, channels)

    @cached_property
    def expected(self) -> dict[str, np.ndarray]:
        """What Keras answers."""
        return keras_networks.answers(self.model, self.windows)

    def streamed(self, parts: CutFile) -> dict[str, np.ndarray]:
        """What the parts answer to both windows."""
        rows = [streamed(parts, window[None]) for window in self.windows]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module", params=zoo.ZOO)
def divided(request: pytest.FixtureRequest) -> Cut:
    model = functional(zoo.build(request.param))
    whole = keras_networks.as_tflite(model)
    file = CuttableFile(whole, keras_networks.layer_names(model))
    choice = file.choose()
    return Cut(request.param, model, whole, file, choice, file.split(choice))


def test_the_cut_is_where_it_should_be(divided: Cut) -> None:
    shapes = {t.name: t.shape[1:] for t in Engine(divided.parts.encoder).outputs}
    names = flatbuffer.tensor_names(divided.parts.encoder)
    features = {re.sub(r"_\d+$", "", n): shapes[names[n]] for n in divided.parts.features}
    assert features == zoo.ZOO[divided.name].features
    assert divided.parts.features == divided.choice.features


def test_the_work_is_no_more_than_of_a_cut_behind_whole_layers(divided: Cut) -> None:
    encoder, head = zoo.ZOO[divided.name].multiply_adds
    assert (
        divided.choice.encoder_multiply_adds + divided.choice.head_multiply_adds <= encoder + head
    )
    assert divided.choice.head_multiply_adds <= head


def test_both_parts_are_static_and_keep_the_answers_names(divided: Cut) -> None:
    window, *frame = window_shape(divided.model)
    assert [t.shape for t in Engine(divided.parts.encoder).inputs] == [(1, *frame)]
    encoded = [t.shape for t in Engine(divided.parts.encoder).outputs]
    assert [t.shape for t in Engine(divided.parts.head).inputs] == [
        (1, window, *s[1:]) for s in encoded
    ]
    assert list(flatbuffer.signature(divided.parts.head)[1]) == list(divided.expected)


def test_the_parts_equal_the_uncut_graph(divided: Cut) -> None:
    ((name, _),) = flatbuffer.signature(divided.whole)[0].items()
    rows = [run(divided.whole, {name: window[None]}) for window in divided.windows]
    whole = {task: np.concatenate([row[task] for row in rows]) for task in rows[0]}
    assert keras_networks.difference(whole, divided.streamed(divided.parts)) <= SPLIT_TOLERANCE
    unlike = [float(np.abs(x[0] - x[1]).max()) for x in whole.values()]
    assert min(unlike) > INFORMATIVE


def test_the_parts_equal_the_network(divided: Cut) -> None:
    assert (
        keras_networks.difference(divided.expected, divided.streamed(divided.parts))
        <= LITERT_TOLERANCE
    )


def test_the_first_cut_equals_the_network_too(divided: Cut) -> None:
    parts = divided.file.split(divided.file.candidates[0])
    assert keras_networks.difference(divided.expected, divided.streamed(parts)) <= LITERT_TOLERANCE


def test_candidates_go_from_less_to_more_in_the_encoder(divided: Cut) -> None:
    candidates = divided.file.candidates
    assert candidates and divided.choice.encoder_multiply_adds > 0
    encoders = [c.encoder_multiply_adds for c in candidates]
    heads = [c.head_multiply_adds for c in candidates]
    assert encoders == sorted(encoders) and heads == sorted(heads, reverse=True)
    assert divided.choice.multiply_adds == min(c.multiply_adds for c in candidates)
    assert all(c.ring_values > 0 and c.features for c in candidates)
    lines = table(candidates, divided.choice, window_shape(divided.model)[0]).splitlines()
    assert sum(line.startswith(f"> {divided.choice.behind} ") for line in lines) == 1


def test_multiply_adds_are_those_of_the_parts(divided: Cut) -> None:
    encoder, head = (
        flatbuffer.cost(m).multiply_adds for m in (divided.parts.encoder, divided.parts.head)
    )
    assert (divided.choice.encoder_multiply_adds, divided.choice.head_multiply_adds) == (
        encoder,
        head,
    )


def test_no_loop_is_left_that_calibration_would_not_survive(divided: Cut) -> None:
    operators = {
        n for m in (divided.parts.encoder, divided.parts.head) for n in flatbuffer.cost(m).ops
    }
    assert not operators & {"WHILE", "CUSTOM", "CALL_ONCE"}
