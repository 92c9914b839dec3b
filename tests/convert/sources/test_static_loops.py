"""Recurrent layers that Keras exports as loops: written out, they answer what the loops answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from hypothesis import given, settings, strategies as st

from edge.bundle import open_bundle
from edge.cli import main as edge_run
from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cli import main as edge_convert
from edge_convert.inputs import InputRequest
from edge_convert.sources import float_tflite
from edge_convert.sources.loops import static_loops
from edge_convert.sources.loops.tensor_lists import CannotUnrollError
from tests.convert.cut.test_tflite_cut import assert_parts_equal_the_whole, run

WINDOW, WIDTH = 4, 3
LOOPS = {"While", "StatelessWhile"}


def _traced(network: Callable, window: int = WINDOW) -> Any:
    """The graph that `model.export` writes, of one clip of vectors."""
    spec = tf.TensorSpec((1, window, WIDTH), name="frames")

    @tf.function(input_signature=[spec])
    def function(frames):
        outputs = tf.nest.flatten(network(frames))
        return {f"output_{number}": output for number, output in enumerate(outputs)}

    return function.get_concrete_function()


def _operators(concrete: Any) -> list[str]:
    graph = concrete.graph.as_graph_def()
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    return [node.op for nodes in bodies for node in nodes]


def _assert_unrolled(concrete: Any, clip: np.ndarray) -> Any:
    unrolled = static_loops.unrolled(concrete)
    assert LOOPS & set(_operators(concrete))
    assert not [op for op in _operators(unrolled) if op in LOOPS or op.startswith("TensorList")]
    expected, answers = concrete(tf.constant(clip)), unrolled(tf.constant(clip))
    assert list(answers) == list(expected)
    for name in expected:
        np.testing.assert_allclose(answers[name], expected[name], atol=1e-6)
    return unrolled


def _recurrent(cell: str, both_ways: bool, masked: bool, stacked: bool, **options) -> keras.Model:
    """One or two recurrent layers with random weights."""
    layer = getattr(keras.layers, cell)(2, **options)
    clip = keras.Input((WINDOW, WIDTH))
    x = keras.layers.Masking()(clip) if masked else clip
    if stacked:
        x = keras.layers.GRU(3, return_sequences=True, reset_after=False)(x)
    model = keras.Model(clip, (keras.layers.Bidirectional(layer) if both_ways else layer)(x))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    return model


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["LSTM", "GRU", "SimpleRNN"]), *[st.booleans()] * 7)
def test_steps_written_out_answer_what_the_loop_does(
    cell: str,
    both_ways: bool,
    masked: bool,
    stacked: bool,
    sequences: bool,
    back: bool,
    state: bool,
    dropout: bool,
) -> None:
    options: dict = {} if both_ways else {"go_backwards": back, "return_state": state}
    if dropout:  # what is drawn is for training alone, but each call changes the seed
        options |= {"dropout": 0.5, "recurrent_dropout": 0.5}
    model = _recurrent(cell, both_ways, masked, stacked, return_sequences=sequences, **options)
    clip = np.random.default_rng(1).normal(size=(1, WINDOW, WIDTH)).astype(np.float32)
    clip[0, 2] = 0  # what a mask leaves out
    _assert_unrolled(_traced(model), clip)


def test_steps_share_their_weights() -> None:
    clip = np.ones((1, 12, WIDTH), np.float32)
    unrolled = _assert_unrolled(_traced(keras.layers.LSTM(5), window=12), clip)
    constants = [node for node in unrolled.graph.as_graph_def().node if node.op == "Const"]
    shapes = [tf.TensorShape(node.attr["value"].tensor.tensor_shape) for node in constants]
    assert [shapes.count(shape) for shape in ((3, 20), (5, 20))] == [1, 1]


def test_a_loop_in_a_loop_and_a_branch_on_what_is_known() -> None:
    def triangle(frames):
        steps = tf.range(3)

        def outer(i, total):
            part = tf.map_fn(lambda j: tf.cast(j, tf.float32) * frames[0, i], steps, tf.float32)
            more = tf.cond(i > 0, lambda: tf.reduce_sum(part, 0), lambda: frames[0, 3])
            return i + 1, total + more

        return tf.while_loop(lambda i, _: i < 3, outer, (0, tf.zeros(WIDTH)))[1]

    clip = np.arange(12, dtype=np.float32).reshape(1, WINDOW, WIDTH)
    unrolled = _assert_unrolled(_traced(triangle), clip)
    # frame 3, then 0 + 1 + 2 times frames 1 and 2
    assert unrolled(tf.constant(clip))["output_0"].numpy().tolist() == [36, 43, 50]


def test_weights_that_are_looked_up_and_a_seed_without_a_loop() -> None:
    table, seed = tf.Variable([[1.0], [5.0], [9.0]]), tf.Variable(7, dtype=tf.int64)

    def looked_up(frames):
        seed.assign_add(1)
        return tf.gather(table, tf.cast(frames[0, :, 0], tf.int32))

    concrete = _traced(looked_up)
    unrolled = static_loops.unrolled(concrete)
    assert not {"AssignAddVariableOp", "ResourceGather"} & set(_operators(unrolled))
    clip = np.array([2, 0, 1, 1], np.float32)[:, None].repeat(WIDTH, 1)[None]
    assert unrolled(tf.constant(clip))["output_0"].numpy().ravel().tolist() == [9, 1, 5, 5]


def test_what_goes_on_from_call_to_call_is_refused_with_a_way_out(tmp_path: Path) -> None:
    module = tf.Module()
    module.state = state = tf.Variable(tf.zeros((1, WIDTH)))
    spec = tf.TensorSpec((1, WINDOW, WIDTH), name="frames")
    module.run = tf.function(lambda x: state.assign(state / 2 + tf.reduce_mean(x, 1)), [spec])
    tf.saved_model.save(module, tmp_path / "saved", module.run)
    with pytest.raises(ModelError, match="goes on from call to call with what it keeps: export"):
        float_tflite(tmp_path / "saved")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    (tmp_path / "network.tflite").write_bytes(converter.convert())
    with pytest.raises(ModelError, match=r"it keeps \(ASSIGN_VARIABLE\): convert the network that"):
        float_tflite(tmp_path / "network.tflite")


def _of_as_many_frames_as_it_says(frames):
    return tf.while_loop(
        lambda i, _: tf.cast(i, tf.float32) < frames[0, 0, 0],
        lambda i, total: (i + 1, total + frames[0, i]),
        (0, tf.zeros(WIDTH)),
    )[1]


def test_a_loop_as_long_as_the_input_says_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CannotUnrollError, match="how often depends on the input"):
        static_loops.unrolled(_traced(_of_as_many_frames_as_it_says))
    monkeypatch.setattr(static_loops, "MAX_STEPS", WINDOW - 1)
    with pytest.raises(CannotUnrollError, match="more than 3 steps"):
        static_loops.unrolled(_traced(keras.layers.GRU(2)))
    concrete = _traced(keras.layers.GRU(2, unroll=True))
    assert static_loops.unrolled(concrete) is concrete


def test_a_loop_that_tflite_cannot_hold_is_refused_with_a_way_out(tmp_path: Path) -> None:
    module, lstm = tf.Module(), keras.layers.LSTM(2)
    lstm.build((None, WINDOW, WIDTH))
    module.weights = lstm.variables
    module.run = tf.function(
        lambda frames: lstm(frames[:, : 1 + tf.cast(frames[0, 0, 0], tf.int32)]),
        [tf.TensorSpec((None, WINDOW, WIDTH), name="frames")],
    )
    tf.saved_model.save(module, tmp_path, module.run)
    expected = (
        r"cannot hold \(over a list of unknown length\): if Keras 3 made it, convert its \.keras "
        "file instead, or export it with unroll=True"
    )
    with pytest.raises(ModelError, match=expected) as refusal:
        float_tflite(tmp_path)
    assert "\n" not in str(refusal.value)


def test_the_window_may_be_open(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    clip = keras.Input((None, WIDTH))
    lstm = keras.layers.LSTM(4, return_sequences=True)
    model = keras.Model(clip, keras.layers.GRU(2)(keras.layers.Bidirectional(lstm)(clip)))
    model.export(tmp_path / "saved", verbose=False)
    file = float_tflite(tmp_path / "saved", request=InputRequest(window=6))
    vectors = np.random.default_rng(0).random((1, 6, WIDTH), np.float32)
    (answer,) = run(file.model, {"features": vectors}).values()
    np.testing.assert_allclose(answer, model(vectors), atol=1e-5)


def _over_frames(library: Any, recurrent: Callable) -> Any:
    make, frames = library.layers, library.Input((WINDOW, 32, 32, 3))
    x = make.TimeDistributed(make.Conv2D(6, 5, 4, activation="relu"))(frames)
    x = recurrent(make)(make.TimeDistributed(make.Flatten())(x))
    return library.Model(frames, make.Dense(3, activation="softmax", name="kind")(x))


def test_an_export_of_keras_2_keeps_nothing_from_window_to_window(tmp_path: Path) -> None:
    """TensorFlow would make an operator of its LSTM that goes on with the last window's state."""
    tf_keras.utils.set_random_seed(0)
    model = _over_frames(tf_keras, lambda make: make.LSTM(4))
    tf.saved_model.save(model, str(tmp_path / "saved"))
    file = float_tflite(tmp_path / "saved")
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" not in flatbuffer.cost(file.model).ops
    assert_parts_equal_the_whole(file.model)


def test_a_tflite_of_keras_2_keeps_nothing_from_window_to_window(tmp_path: Path) -> None:
    """Its LSTM is an operator that goes on with the last window's state, unless somebody resets that."""
    tf_keras.utils.set_random_seed(0)
    model = _over_frames(tf_keras, lambda make: make.LSTM(4))
    answers = tf.function(model).get_concrete_function(tf.TensorSpec((1, WINDOW, 32, 32, 3)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([answers], model)
    path = tmp_path / "fused.tflite"
    path.write_bytes(converter.convert())
    file = float_tflite(path)
    assert flatbuffer.cost(file.model).ops["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    clips = np.random.default_rng(0).random((3, 1, WINDOW, 32, 32, 3), np.float32)
    engine = Engine(path.read_bytes())
    for clip in clips:
        np.copyto(engine.input(), clip)
        engine.invoke()
        np.testing.assert_allclose(engine.output(), model(clip), atol=1e-6)
    assert_parts_equal_the_whole(file.model)


def test_the_command_cuts_and_streams_an_export(tmp_path, tiny_clips_path, cli) -> None:
    keras.utils.set_random_seed(0)
    model = _over_frames(keras, lambda make: make.Bidirectional(make.GRU(4)))
    model.export(tmp_path / "saved", verbose=False)
    file = float_tflite(tmp_path / "saved")
    clip = np.random.default_rng(0).random((1, WINDOW, 32, 32, 3), np.float32)
    np.testing.assert_allclose(
        run(file.model, {"window": clip})["output_0"], model(clip), atol=1e-5
    )
    bundle = tmp_path / "saved.edge"
    words = [str(tmp_path / "saved"), "-o", str(bundle), "--calibration", str(tiny_clips_path)]
    precisions = ["--encoder-precision", "float32", "--head-precision", "float32", "--no-cache"]
    result = cli.invoke(edge_convert, [*words, *precisions])
    assert result.exit_code == 0, result.output
    assert [part.role for part in open_bundle(bundle).manifest.parts] == ["encoder", "head"]
    tested = cli.invoke(edge_run, [str(bundle), "--self-test"])
    assert tested.exit_code == 0, tested.output
