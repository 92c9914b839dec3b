"""Pixels as whole numbers, and networks of half precision: both become float32."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.whole_numbers import with_float_input
from edge_convert.inputs import InputRequest
from edge_convert.sources import float_tflite
from edge_convert.sources.loops import static_loops
from edge_convert.sources.model_file import read_model
from edge_convert.sources.reference import Reference
from edge_convert.sources.tflite_file import is_quantised_file
from tests.convert.cut.test_tflite_cut import assert_parts_equal_the_whole, run

WINDOW, SIZE = 3, 16
PIXELS = np.random.default_rng(0).integers(0, 256, (1, WINDOW, SIZE, SIZE, 3), dtype=np.uint8)


def _of_pixels() -> keras.Model:
    keras.utils.set_random_seed(0)
    frames = keras.Input((WINDOW, SIZE, SIZE, 3), dtype="uint8")
    x = ops.cast(ops.reshape(frames, (-1, SIZE, SIZE, 3)), "float32") / 255.0
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, 2, activation="relu")(x))
    x = layers.GRU(4, unroll=True)(ops.reshape(x, (-1, WINDOW, 6)))
    return keras.Model(frames, layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("form", ["keras", "saved", "tflite"])
def test_pixels_of_whole_numbers_are_taken_as_floats(tmp_path: Path, form: str) -> None:
    model, path = _of_pixels(), tmp_path / f"network.{form}"
    if form == "keras":
        model.save(path)
    elif form == "saved":
        model.export(str(path), verbose=False)
    else:
        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
        assert not is_quantised_file(path)
    network = read_model(path)
    root = flatbuffer.read(network.model)
    assert {flatbuffer.operator_name(root, o) for o in root.subgraphs[0].operators}.isdisjoint(
        {"CAST"}
    )
    (answer,) = run(network.model, {"window": PIXELS.astype(np.float32)}).values()
    np.testing.assert_allclose(answer, model(PIXELS), atol=1e-5)
    assert_parts_equal_the_whole(network.model)


@pytest.mark.parametrize(("layout", "order"), [("TCHW", (1, 3, 4, 2)), ("HWTC", (3, 1, 2, 4))])
def test_they_may_stand_in_any_order_of_axes(
    tmp_path: Path, layout: str, order: tuple[int, ...]
) -> None:
    axes = [0, *(order.index(axis) + 1 for axis in range(1, 5))]  # of the network, of channels last
    own = np.transpose(PIXELS, axes)
    frames = keras.Input(own.shape[1:], dtype="uint8")
    model = keras.Model(frames, _of_pixels()(layers.Permute(order)(frames)))
    model.save(tmp_path / "network.keras")
    network = read_model(tmp_path / "network.keras", InputRequest(layout=layout))
    (answer,) = run(network.model, {"window": PIXELS.astype(np.float32)}).values()
    np.testing.assert_allclose(answer, model(own), atol=1e-5)


@pytest.mark.parametrize("form", ["keras", "tflite"])
def test_numbers_may_be_given_beside_pixels_of_whole_numbers(tmp_path: Path, form: str) -> None:
    images, speed = _of_pixels(), keras.Input((2,), name="speed")
    answer = layers.Dense(3)(layers.Concatenate()([images.outputs[0], speed]))
    model, path = keras.Model([*images.inputs, speed], answer), tmp_path / f"network.{form}"
    if form == "keras":
        model.save(path)
    else:
        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    network = read_model(path, InputRequest(given={"speed": ""}))
    speeds = np.float32([[0.5, -1]])
    (actual,) = run(network.model, {"window": PIXELS.astype(np.float32), "speed": speeds}).values()
    np.testing.assert_allclose(actual, model([PIXELS, speeds]), atol=1e-5)


def test_arithmetic_on_whole_numbers_is_refused_by_its_operator(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec((1, SIZE, SIZE, 3), tf.int32)])
    def inversion(frames):
        return {"mean": tf.reduce_mean(tf.cast(255 - frames, tf.float32), axis=(1, 2))}

    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path / "network"), signatures=inversion)
    with pytest.raises(ModelError, match="network takes int32, and its SUB calculates with that"):
        float_tflite(tmp_path / "network")


def test_a_graph_of_floats_stays_as_it_is() -> None:
    root = flatbuffer.read(tf.lite.TFLiteConverter.from_keras_model(
        keras.Sequential([keras.Input((4, 4, 3), batch_size=1), layers.Flatten()])
    ).convert())  # fmt: skip
    model = flatbuffer.write(root)
    assert with_float_input(model, "network") is model
    assert (
        main_graph.dtype_of(root.subgraphs[0].tensors[int(root.subgraphs[0].inputs[0])])
        == "float32"
    )


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_an_export_of_half_precision_computes_in_float32(tmp_path: Path, policy: str) -> None:
    keras.utils.set_random_seed(0)
    picture, window = keras.Input((SIZE, SIZE, 3)), keras.Input((WINDOW, SIZE, SIZE, 3))
    x = layers.Conv2D(6, 3, 2, activation="relu", dtype=policy)(layers.Rescaling(1 / 255)(picture))
    per_frame = keras.Model(picture, layers.GlobalAveragePooling2D(dtype=policy)(x))
    x = layers.GRU(4, dtype=policy)(layers.TimeDistributed(per_frame)(window))
    model = keras.Model(window, layers.Dense(3, activation="softmax", dtype="float32")(x))
    model.export(str(tmp_path / "network"), verbose=False)
    network = float_tflite(tmp_path / "network")
    tensors = flatbuffer.read(network.model).subgraphs[0].tensors
    assert {main_graph.dtype_of(tensor) for tensor in tensors} <= {"float32", "int32"}
    (answer,) = run(network.model, {"window": PIXELS.astype(np.float32)}).values()
    np.testing.assert_allclose(answer, model(PIXELS.astype(np.float32)), atol=0.01)


def _concrete(function: Any, *shape: int) -> Any:
    return tf.function(function, input_signature=[tf.TensorSpec(shape)]).get_concrete_function()


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("kind", ["MAX", "AVG"])
def test_pooling_of_volumes_is_written_out(kind: str, padding: str) -> None:
    concrete = _concrete(
        lambda x: {"pooled": tf.nn.pool(x, (2, 3, 3), kind, (2, 2, 1), padding)}, 1, 5, 8, 7, 2
    )
    plain = static_loops.unrolled(concrete, is_plain=True)
    assert not {"MaxPool3D", "AvgPool3D"}.intersection(o.type for o in plain.graph.get_operations())
    volume = tf.random.stateless_normal((1, 5, 8, 7, 2), (0, 1))
    np.testing.assert_allclose(plain(volume)["pooled"], concrete(volume)["pooled"], atol=1e-6)


def test_the_error_function_is_written_out_to_float32() -> None:
    concrete = _concrete(lambda x: {"erf": tf.math.erf(x)}, 1001)
    x = tf.linspace(-5.0, 5.0, 1001)
    plain = static_loops.unrolled(concrete, is_plain=True)
    np.testing.assert_allclose(plain(x)["erf"], concrete(x)["erf"], atol=1e-6)


def test_what_is_nan_in_its_own_library_is_not_the_converters_fault() -> None:
    not_finite = Reference(np.zeros((3, 2, 2, 3), np.float32), {"kind": np.full((3, 1, 2), np.nan)})
    with pytest.raises(ModelError, match="'kind' is NaN or infinite in the network's own library"):
        not_finite.compare(lambda frames: {"kind": np.zeros((1, 2))}, "mine", 1e-3)


def test_a_tflite_that_needs_tensorflow_says_what_to_give(tmp_path: Path) -> None:
    concrete = _concrete(
        lambda x: {"kind": tf.nn.max_pool3d(x, (2, 8, 8), 1, "VALID")}, 1, 2, 8, 8, 3
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.SELECT_TF_OPS]
    (tmp_path / "network.tflite").write_bytes(converter.convert())
    with pytest.raises(
        ModelError, match=r"\(SELECT_TF_OPS\), which LiteRT has not: give the .keras"
    ):
        float_tflite(tmp_path / "network.tflite")
