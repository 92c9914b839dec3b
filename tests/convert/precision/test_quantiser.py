import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge.engine.engine import left_to_other_kernels
from edge.tflite import flatbuffer
from edge_common import EngineError
from edge_convert.cut.tflite import main_graph
from edge_convert.precision.activations import Probe, layer_costs, observe, signal_to_noise_db
from edge_convert.precision.export import tflite_of
from edge_convert.precision.parts import describe
from edge_convert.precision.quantiser import layers, only_one_quantised, quantised
from edge_convert.precision.recipes import FLOAT32, INT8, LADDER, Recipe
from tests import flat_models as flat

PICTURES = np.random.default_rng(0).uniform(0, 255, (16, 32, 32, 3)).astype(np.float32)
FEATURES = {
    "f0_maps": np.random.default_rng(1).uniform(0, 2, (16, 4, 8, 8, 16)).astype(np.float32),
    "f1_pooled": np.random.default_rng(2).uniform(0, 2, (16, 4, 16)).astype(np.float32),
}


@pytest.fixture(scope="module")
def encoder(tiny_float_parts) -> tuple[bytes, dict]:
    model = tiny_float_parts["encoder"]
    name = flatbuffer.tensor_names(model)["frame"]
    return model, observe(model, {"frame": PICTURES}).ranges("min-max", {name: (0.0, 255.0)})


@pytest.fixture(scope="module")
def head(tiny_float_parts) -> tuple[bytes, dict]:
    model = tiny_float_parts["head"]
    return model, observe(model, FEATURES).ranges("min-max", {})


def test_int8_from_input_to_output(encoder) -> None:
    part = describe("encoder", INT8, quantised(encoder[0], INT8, encoder[1]), 0).part
    assert {t.dtype for t in (*part.inputs, *part.outputs)} == {"int8"}
    assert (part.inputs[0].scale, part.inputs[0].zero_point) == (1.0, -128)


def test_outputs_of_another_shape_than_the_graph_says_are_refused() -> None:
    """LiteRT makes them by what it reads; whoever reads them goes by the graph."""
    builder = flat.Builder()
    frame = builder.tensor((1, 2, 2, 3), name=b"frame")
    maps = builder.tensor((1, 1, 2, 2, 3), name=b"maps")
    ones = builder.constant(np.ones((1,), np.float32))
    builder.operator("MUL", [frame, ones], [maps], schema.MulOptionsT())
    with pytest.raises(
        EngineError, match=r"gives maps as \(1, 2, 2, 3\), other than its graph says"
    ):
        describe("encoder", FLOAT32, main_graph.signed(builder.finish([frame], [maps])), 0)


@pytest.mark.parametrize("recipe", LADDER, ids=lambda recipe: recipe.precision)
def test_every_precision_of_a_recurrent_head_answers_nearly_alike(head, recipe: Recipe) -> None:
    """Of int8 too: its first LSTM step splits off a gate that nobody reads."""
    model, ranges = head
    exact = describe("head", LADDER[-1], model, 0).over(FEATURES)
    found = describe("head", recipe, quantised(model, recipe, ranges), 0).over(FEATURES)
    assert found.keys() == {"kind", "size"}
    for task in exact:
        assert signal_to_noise_db(exact[task], found[task]) > 15.0


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
def test_zeros_beside_features_are_quantised_as_these(precision: str) -> None:
    """As in a temporal shift: a constant frame stands before the first one."""
    window = keras.Input(batch_shape=(1, 4, 8, 8, 16), name="f0_maps")
    late = window[..., :8]
    late = keras.ops.concatenate([keras.ops.zeros_like(late[:, :1]), late[:, :-1]], axis=1)
    x = keras.ops.mean(keras.ops.concatenate([late, window[..., 8:]], axis=-1), axis=(2, 3))
    network = keras.Model(window, {"act": keras.layers.Dense(3)(keras.layers.Flatten()(x))})
    model = tflite_of(network)
    maps = {"f0_maps": FEATURES["f0_maps"]}
    exact = describe("head", LADDER[-1], model, 0).over(maps)["act"]
    recipe = Recipe(precision)
    part = describe(
        "head", recipe, quantised(model, recipe, observe(model, maps).ranges("min-max", {})), 0
    )
    assert signal_to_noise_db(exact, part.over(maps)["act"]) > 15.0


def test_sizes_fall_with_the_precision(head) -> None:
    sizes = {r.precision: len(quantised(head[0], r, head[1])) for r in LADDER}
    assert sizes["dynamic_range"] < sizes["float32"] and sizes["float16"] < sizes["float32"]


def test_layers_named_in_the_recipe_stay_float(encoder) -> None:
    model, ranges = encoder
    kept = [layer.name for layer in layers(model) if layer.operator == "CONV_2D"][:1]
    mixed = quantised(model, Recipe("int8", float_layers=tuple(kept)), ranges)
    root = flatbuffer.read(mixed)
    types = [
        root.subgraphs[0].tensors[operator.inputs[1]].type
        for operator in flatbuffer.operators(root, "CONV_2D")
    ]
    assert sorted(types) == [0, 9]  # FLOAT32 and INT8, by the schema
    outputs = describe("encoder", INT8, mixed, 0).over({"frame": PICTURES})
    exact = describe("encoder", LADDER[-1], model, 0).over({"frame": PICTURES})
    assert min(signal_to_noise_db(exact[n], outputs[n]) for n in exact) > 30.0


def test_one_layer_alone_costs_less_than_all(encoder) -> None:
    model, ranges = encoder
    whole = describe("encoder", INT8, quantised(model, INT8, ranges), 0).over({"frame": PICTURES})
    exact = describe("encoder", LADDER[-1], model, 0).over({"frame": PICTURES})
    all_of_them = min(signal_to_noise_db(exact[name], whole[name]) for name in exact)
    costs = layer_costs(model, {"frame": PICTURES}, ranges)
    assert [c.snr_db for c in costs] == sorted(c.snr_db for c in costs)
    assert costs[0].snr_db > all_of_them
    assert {"CONV_2D", "MEAN"} <= {c.operator for c in costs}


def test_a_file_is_the_same_after_reading_and_writing(encoder) -> None:
    model, ranges = encoder
    for graph in (
        model,
        quantised(model, INT8, ranges),
        only_one_quantised(model, layers(model)[0].name, ranges),
    ):
        again = flatbuffer.write(flatbuffer.read(graph))
        first = dict(Probe(graph).activations({"frame": PICTURES[:1]}))
        second = dict(Probe(again).activations({"frame": PICTURES[:1]}))
        assert first.keys() == second.keys()
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_weights_are_aligned_as_the_schema_demands(encoder) -> None:
    model = flatbuffer.write(flatbuffer.read(encoder[0]))
    held = [bytes(b.data) for b in flatbuffer.read(model).buffers if b.data is not None]
    weights = [data for data in held if len(data) >= 16 and any(data)]
    assert len(weights) >= 2
    assert {model.find(data) % 16 for data in weights} == {0}


def test_xnnpack_takes_all_of_an_int8_encoder_and_little_of_int16(encoder, head) -> None:
    assert left_to_other_kernels(quantised(encoder[0], INT8, encoder[1])) == {}
    left = left_to_other_kernels(quantised(head[0], Recipe("int16x8"), head[1]))
    assert left["FULLY_CONNECTED"] > 1
