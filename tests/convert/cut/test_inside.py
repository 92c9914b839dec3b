"""Networks that mix frames inside: cut there, streamed one step a frame, held against the whole."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest
from keras import layers, ops

from edge.bundle import RINGS, WINDOW_RING, TensorSpec, open_bundle
from edge.check.evaluate import WindowRerun
from edge.engine.engine import Engine
from edge.stream import Frame, Stream, StreamOptions
from edge.tflite import flatbuffer
from edge_common.errors import ModelError
from edge_convert.cut.tflite.past import Past
from edge_convert.cut.tflite.split import CutFile, CuttableFile, cuttable_file
from tests import tiny
from tests.convert.cut.test_tflite_cut import run
from tests.convert.keras_networks import as_tflite

WINDOW, SIZE = 8, 16
TOLERANCE = 5e-5  # of the largest answer


def over(layer: layers.Layer, **options) -> layers.Layer:
    return layers.TimeDistributed(layer, **options)


def network(body: Callable, window: int = WINDOW) -> keras.Model:
    """`body` over maps of 8 x 8 x 6, then answers of the newest position."""
    keras.utils.set_random_seed(5)
    frames = keras.Input((window, SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(frames)
    x = body(over(layers.Conv2D(6, 3, 2, "same", activation="relu"), name="stem")(x))
    x = ops.mean(x, axis=(2, 3))
    kind = layers.Dense(3, activation="softmax", name="kind")(x[:, -1])
    return keras.Model(frames, {"kind": kind, "size": layers.Dense(1, name="size")(x[:, -1])})


def with_mean(body: Callable, window: int = WINDOW) -> keras.Model:
    """The same with an answer of the newest `WINDOW` positions."""
    keras.utils.set_random_seed(6)
    frames = keras.Input((window, SIZE, SIZE, 3))
    x = body(over(layers.Conv2D(6, 3, 2, "same", activation="relu"))(frames / 255))
    x = ops.mean(x[:, -WINDOW:], axis=(1, 2, 3))
    return keras.Model(frames, {"kind": layers.Dense(2, name="kind")(x)})


@cache
def whole_of(head: Callable, body: Callable, window: int = WINDOW) -> bytes:
    """The uncut network, which several tests look at."""
    return as_tflite(head(body, window))


def two_plus_one_d(x):
    for filters in (8, 6):
        y = layers.Conv3D(filters, (1, 3, 3), padding="same", activation="relu")(x)
        y = layers.Conv3D(6, (3, 1, 1), activation="relu")(y)
        x = y + x[:, 1:-1]  # the crop that lies in the middle
    return x


def volumes(x):
    x = layers.ZeroPadding3D((0, 1, 1))(x)
    x = layers.Conv3D(8, 3, activation="relu")(x)
    x = layers.MaxPooling3D((2, 1, 1), strides=1)(x)
    return layers.Conv3D(8, (3, 3, 3))(x)


def dilated(x):
    x = over(layers.Flatten())(over(layers.AveragePooling2D(2))(x))
    for dilation in (1, 2):
        x = layers.Conv1D(8, 3, dilation_rate=dilation, activation="relu")(x)
    return ops.reshape(x, (-1, x.shape[1], 1, 1, 8))


def differences(x):
    x = layers.Concatenate()([x[:, 1:], x[:, 1:] - x[:, :-1]])
    return over(layers.Conv2D(8, 3, activation="relu"))(x)


VALID = {"2+1d": two_plus_one_d, "volumes": volumes, "dilated": dilated, "differences": differences}


def shifted(x):
    """TSM, looking back alone."""
    for _ in range(2):
        before = ops.pad(x[:, :-1, :, :, :2], ((0, 0), (1, 0), (0, 0), (0, 0), (0, 0)))
        y = layers.Concatenate()([before, x[:, :, :, :, 2:]])
        x = x + over(layers.Conv2D(6, 3, padding="same", activation="relu"))(y)
    return x


def causal(x):
    x = over(layers.Flatten())(over(layers.AveragePooling2D(2))(x))
    for dilation in (1, 2):
        y = layers.Conv1D(8, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
        x = layers.Conv1D(8, 1)(x) + y
    return ops.reshape(x, (-1, x.shape[1], 1, 1, 8))


def padded_volumes(x):
    x = layers.ZeroPadding3D(((2, 0), (1, 1), (1, 1)))(x)
    return layers.Conv3D(8, 3, activation="relu")(x)


def recurrent(layer: Callable) -> Callable:
    def body(x):
        x = over(layers.Flatten())(over(layers.AveragePooling2D(4))(x))
        x = layers.Dense(8, activation="relu")(layer(layer(x, 10), 8))
        return ops.reshape(x, (-1, x.shape[1], 1, 1, 8))

    return body


CAUSAL = {"shift": shifted, "causal": causal, "volumes": padded_volumes}
RECURRENT = {
    "lstm": recurrent(lambda x, units: layers.LSTM(units, return_sequences=True)(x)),
    "gru": recurrent(lambda x, units: layers.GRU(units, return_sequences=True)(x)),
    "simple": recurrent(lambda x, units: layers.SimpleRNN(units, return_sequences=True)(x)),
    "causal and gru": lambda x: RECURRENT["gru"](padded_volumes(x)),
}


def frame_values(count: int, seed: int = 0) -> np.ndarray:
    return tiny.frames(count, SIZE, SIZE, seed).astype(np.float32)


def streamed(parts: CutFile, frames: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """What the parts answer to each frame from the T-th on: one encoder pass and one head pass."""
    inputs = flatbuffer.signature(parts.head)[0]
    lengths = {t.name: t.shape[1] for t in _named(parts.head)}
    states = {t.name: np.zeros(t.shape, np.float32) for t in _named(parts.encoder)}
    features: list[dict[str, np.ndarray]] = []
    for number, frame in enumerate(frames):
        outputs = run(parts.encoder, {**states, "frame": frame[None]})
        states = {state.input: outputs[state.output] for state in parts.states}
        features.append({name: outputs[name] for name in inputs})
        if number >= parts.window - 1:
            newest = {n: [f[n] for f in features[-lengths[n] :]] for n in inputs}
            yield run(parts.head, {name: np.stack(x, 1) for name, x in newest.items()})


def _named(model: bytes) -> list[TensorSpec]:
    names = {position: name for name, position in flatbuffer.signature(model)[0].items()}
    return [replace(t, name=names[i]) for i, t in enumerate(Engine(model).inputs)]


def assert_close(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    assert left.keys() == right.keys()
    for name, values in left.items():
        assert np.abs(values).max() > 0
        off = np.abs(values.ravel() - right[name].ravel()).max()
        assert off <= TOLERANCE * np.abs(values).max(), name


@pytest.mark.parametrize(
    ("head", "body"),
    [
        *((head, body) for head in (network, with_mean) for body in VALID.values()),
        *((network, body) for body in CAUSAL.values()),  # whose zeros the newest position sees not
    ],
)
def test_a_stream_equals_the_whole_at_each_frame(head: Callable, body: Callable) -> None:
    whole = whole_of(head, body)
    file = cuttable_file(whole)
    assert file.memory is Past.EXACT
    parts = file.split(file.choose())
    assert parts.states
    frames, answers = frame_values(3 * WINDOW), []
    for number, answer in enumerate(streamed(parts, frames)):
        expected = run(whole, {"window": frames[None, number : number + WINDOW]})
        assert_close(expected, answer)
        answers.append(expected["kind"].tobytes())
    assert len(set(answers)) == len(answers) == 2 * WINDOW + 1


@pytest.mark.parametrize("body", VALID)
def test_a_frame_costs_one_position_of_each_layer(body: str) -> None:
    whole = whole_of(network, VALID[body])
    file = cuttable_file(whole)
    choice = file.choose()
    parts = file.split(choice)
    encoder, head = (flatbuffer.cost(m).multiply_adds for m in (parts.encoder, parts.head))
    assert (choice.encoder_multiply_adds, choice.head_multiply_adds) == (encoder, head)
    work = _work_of_a_position(whole)
    assert encoder + head == work < flatbuffer.cost(whole).multiply_adds / 2


def _work_of_a_position(whole: bytes) -> int:
    """Multiply-adds of each layer over those positions in time that it has."""
    root = flatbuffer.read(whole)
    path = CuttableFile(whole, memory=Past.EXACT).path
    work = 0
    for position, operator in enumerate(root.subgraphs[0].operators):
        amount = flatbuffer.multiply_adds_of(root, operator) or 0
        frames = path.contents.get(int(operator.outputs[0]))
        work += amount // len(frames.frames) if frames else amount
        assert position in path.step_at or not amount
    return work


def test_what_is_kept_is_no_more_than_a_layer_looks_back() -> None:
    file = cuttable_file(whole_of(with_mean, two_plus_one_d))
    choice = file.choose()
    maps = 8 * 8
    # the frames before of both convolutions, and the one that each crop lies back
    assert choice.state_values == maps * (2 * 8 + 1 * 6 + 2 * 6 + 1 * 6)
    (note,) = file.notes_of_states(choice)
    assert note.startswith("cut inside: the encoder looks back 4 frames with 10.2 kB of states")
    parts = file.split(choice)
    (feature,) = _named(parts.head)
    assert feature.shape[1] == WINDOW - 4


def test_a_cut_that_saves_little_keeps_no_states() -> None:
    def body(x):
        x = over(layers.GlobalAveragePooling2D())(over(layers.Conv2D(24, 3))(x))
        x = layers.Conv1D(4, 2)(x)
        return ops.reshape(x, (-1, x.shape[1], 1, 1, 4))

    file = cuttable_file(as_tflite(network(body)))
    assert file.memory is Past.NOTHING
    assert file.split(file.choose()).states == ()


@pytest.mark.parametrize("body", {**CAUSAL, **RECURRENT})
def test_what_is_carried_is_what_a_longer_window_holds(body: str) -> None:
    """The same weights on a window of all frames give what a carried state gives at the newest."""
    build = (CAUSAL | RECURRENT)[body]
    head = network if body in RECURRENT else with_mean
    whole = whole_of(head, build)
    file = cuttable_file(whole, carry=True)
    assert file.memory is Past.CARRIED
    parts = file.split(file.choose())
    frames = frame_values(2 * WINDOW)
    answers = list(streamed(parts, frames))
    assert_close(run(whole, {"window": frames[None, :WINDOW]}), answers[0])
    long = whole_of(head, build, 2 * WINDOW)
    assert_close(run(long, {"window": frames[None]}), answers[-1])
    last = run(whole, {"window": frames[None, WINDOW:]})
    assert not np.allclose(last["kind"], answers[-1]["kind"], rtol=1e-4)


@pytest.mark.parametrize("body", RECURRENT)
def test_a_recurrence_takes_one_step_a_frame(body: str) -> None:
    whole = whole_of(network, RECURRENT[body])
    file = cuttable_file(whole, carry=True)
    choice = file.choose()
    parts = file.split(choice)
    encoder, head = (flatbuffer.cost(m).multiply_adds for m in (parts.encoder, parts.head))
    assert (choice.encoder_multiply_adds, choice.head_multiply_adds) == (encoder, head)
    assert encoder + head <= flatbuffer.cost(whole).multiply_adds / WINDOW * 1.02
    assert [t.shape[1] for t in _named(parts.head)] == [1]
    assert "one step a frame" in file.notes_of_states(choice)[0]


@pytest.mark.parametrize("body", CAUSAL)
def test_nothing_is_carried_unless_it_is_asked_for(body: str) -> None:
    file = cuttable_file(whole_of(with_mean, CAUSAL[body]))
    assert file.memory is Past.NOTHING
    note = file.notes(file.choose())[-1]
    assert note.startswith("with --carry-state a frame takes ")
    first = {"shift": 2, "causal": 6, "volumes": 2}[body]
    assert f"the first {first} of its 8 positions differ" in note
    assert f"on windows of {8 + first} frames" in note


def test_a_network_that_looks_ahead_carries_nothing() -> None:
    def body(x):
        later = ops.pad(x[:, 1:], ((0, 0), (0, 1), (0, 0), (0, 0), (0, 0)))
        return over(layers.Conv2D(8, 3))(layers.Concatenate()([x, later]))

    whole = as_tflite(network(body))
    with pytest.raises(ModelError, match="--carry-state would save nothing here"):
        cuttable_file(whole, carry=True)
    assert cuttable_file(whole).memory is Past.NOTHING


def _clips(count: int) -> np.ndarray:
    return tiny.frames(count * WINDOW, SIZE, SIZE, 3).reshape(count, WINDOW, SIZE, SIZE, 3)


def test_an_int8_bundle_streams_bit_by_bit_as_its_windows(convert, tmp_path) -> None:
    np.savez(tmp_path / "clips.npz", clips=_clips(24))
    bundle, conversion = convert(network(two_plus_one_d), calibration=tmp_path / "clips.npz")
    manifest = bundle.manifest
    assert (manifest.streaming, manifest.schema, manifest.window) == (WINDOW_RING, 10, WINDOW)
    assert conversion.report.ring_difference == 0.0
    assert manifest.gate is None and manifest.streaming in RINGS
    encoder = manifest.part("encoder")
    assert encoder.precision == "int8" and len(encoder.states) == 4
    tensors = {t.name: t for t in (*encoder.inputs, *encoder.outputs)}
    for state in encoder.states:
        read, written = tensors[state.input], tensors[state.output]
        assert read.dtype == written.dtype == "int8"
        assert read.scale == pytest.approx(written.scale, rel=0.05)
    stream, rerun = Stream(open_bundle(bundle.path)), WindowRerun(bundle, StreamOptions())
    decisions = 0
    for number, pixels in enumerate(tiny.frames(30, 40, 40, seed=9)):
        restart = number == 13
        if restart:
            rerun = WindowRerun(bundle, StreamOptions())
        decision, expected = stream.push(Frame(pixels, number, restart=restart)), rerun.push(pixels)
        assert (decision is None) == (expected is None)
        if decision:
            decisions += 1
            for task, scores in expected.items():
                assert np.array_equal(decision.tasks[task].scores, scores)
    assert decisions == 6 + 10


def test_two_windows_share_an_encoder_and_no_state(convert, tmp_path) -> None:
    np.savez(tmp_path / "clips.npz", clips=_clips(16))
    bundle, _ = convert(network(differences), calibration=tmp_path / "clips.npz")
    shared = Stream(bundle)
    pair = [Stream(bundle, network=shared.network) for _ in range(2)]
    alone = [Stream(bundle) for _ in range(2)]
    frames = [tiny.frames(14, 32, 32, seed) for seed in (1, 2)]
    for number in range(14):
        for each in (0, 1) if number % 3 else (1, 0):
            decision = pair[each].push(frames[each][number])
            expected = alone[each].push(frames[each][number])
            assert (decision is None) == (expected is None)
            if decision:
                assert np.array_equal(decision.tasks["kind"].scores, expected.tasks["kind"].scores)


@pytest.mark.parametrize(
    ("model", "dtype"),
    [(lambda: with_mean(causal), "int8"), (lambda: network(RECURRENT["gru"]), "float32")],
    ids=["causal", "recurrent"],
)
def test_a_carried_bundle_says_how_far_it_is_from_the_window(
    convert, tmp_path, model: Callable, dtype: str
) -> None:
    np.savez(tmp_path / "clips.npz", clips=_clips(16))
    bundle, conversion = convert(model(), calibration=tmp_path / "clips.npz", carry_state=True)
    assert bundle.manifest.streaming == "carried-ring"
    report, encoder = conversion.report, bundle.manifest.part("encoder")
    states = {state.input for state in encoder.states}
    assert {t.dtype for t in encoder.inputs if t.name in states} == {dtype}
    assert {t.dtype for t in encoder.read} == {"int8"}
    assert report.carried.keys() <= {"kind", "size"}
    assert all(0 <= share <= 1 for share in report.carried.values())
    assert 0 < report.ring_difference < np.inf
    line = (
        "clips played one after the other without a gap, decisions mean what the window's do: kind "
    )
    assert line in report.carried_line
    written = bundle.members["report.md"].decode()
    assert "| kind: with carried state against whole windows |" in written


def from_what_it_learnt(x, units: int):
    begin = layers.Dense(units, bias_initializer="random_normal")(ops.zeros_like(x[:, 0]))
    return layers.GRU(units, return_sequences=True)(x, initial_state=begin)


def test_a_recurrence_that_begins_with_what_it_learnt_says_why_it_is_not_carried(
    convert, tmp_path
) -> None:
    np.savez(tmp_path / "clips.npz", clips=_clips(16))
    model = network(recurrent(from_what_it_learnt))
    with pytest.raises(ModelError, match=r"a state that it learnt: convert without it$"):
        convert(model, calibration=tmp_path / "clips.npz", carry_state=True)
