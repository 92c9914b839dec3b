"""Detectors as maps: small graphs, and the real network where its package lies unpacked."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from edge.bundle import CentreMaps, DetectionSpec, TensorSpec
from edge_common.errors import ModelError
from edge_convert.detector import Recording, decoded
from edge_models.pretrained import catalogue, detectors, graph_layers, tfjs
from tests.models.pretrained import test_pretrained_real as real
from tests.models.pretrained.test_pretrained_tfjs import integers, node, text, write_graph

SIZE = {"shape": {"shape": {"dim": [{"size": str(n)} for n in (1, 8, 8, 2)]}}}
STRIDES = {"strides": integers(1, 2, 2, 1), "padding": text("SAME")}
PICTURE = np.random.default_rng(0).normal(0, 4, (1, 8, 8, 2)).astype(np.float32)


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def run(path: Path, nodes: list, constants: dict, picture: np.ndarray) -> keras.Model:
    nodes = [node("x", "Placeholder", **SIZE), *nodes]
    graph = tfjs.read_graph(write_graph(path / "m.json", nodes, constants))
    frame = keras.Input(picture.shape[1:])
    last = nodes[-1]["name"]
    graph = graph.at_size(*picture.shape[1:3])
    return keras.Model(frame, graph_layers.build(graph, {"x": frame}, [last])[last])


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers[1:]]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_hard_swish_in_four_operations_is_one_layer(tmp_path: Path, swapped: bool) -> None:
    order = slice(None, None, -1 if swapped else 1)
    nodes = [
        node("c", "Conv2D", "x", "k", **STRIDES), node("m", "Mul", *("sixth", "c")[order]),
        node("a", "AddV2", *("c", "three")[order]), node("r", "Relu6", "a"),
        node("s", "Mul", *("m", "r")[order]),
    ]  # fmt: skip
    kernel = np.eye(2, dtype=np.float32)[None, None]
    constants = {"k": kernel, "sixth": number(1 / 6), "three": number(3)}
    model = run(tmp_path, nodes, constants, PICTURE)
    assert kinds(model) == ["Conv2D", "Activation"]
    x = PICTURE[:, ::2, ::2]
    np.testing.assert_allclose(model(PICTURE), x * tf.nn.relu6(x + 3) / 6, rtol=0, atol=1e-6)


def test_what_only_looks_like_a_hard_swish_stays_apart(tmp_path: Path) -> None:
    nodes = [
        node("m", "Mul", "x", "sixth"), node("a", "Add", "x", "two"), node("r", "Relu6", "a"),
        node("s", "Mul", "m", "r"),
    ]  # fmt: skip
    model = run(tmp_path, nodes, {"sixth": number(1 / 6), "two": number(2)}, PICTURE)
    assert "Multiply" in kinds(model)
    wanted = PICTURE * np.float32(np.float16(1 / 6)) * tf.nn.relu6(PICTURE + 2)
    np.testing.assert_allclose(model(PICTURE), wanted, rtol=0, atol=1e-5)


def squeezed(resized_to: int) -> tuple[list, dict]:
    """Squeeze and excite, a small map resized, and both side by side."""
    nodes = [
        node("p", "Mean", "x", "axes", keep_dims={"b": True}), node("q", "Add", "p", "three"),
        node("r", "Relu6", "q"), node("g", "Mul", "r", "sixth"), node("e", "Mul", "g", "x"),
        node("c", "Conv2D", "e", "k", **STRIDES), node("u", "ResizeBilinear", "c", "size"),
        node("t", "ConcatV2", "u", "x", "last"),
    ]  # fmt: skip
    constants = {
        "axes": np.array([1, 2], np.int32), "three": number(3), "sixth": number(1 / 6),
        "k": np.eye(2, dtype=np.float32)[None, None], "last": np.array(3, np.int32),
        "size": np.array([resized_to] * 2, np.int32),
    }  # fmt: skip
    return nodes, constants


@pytest.mark.parametrize("size", [(8, 8), (4, 12)])
def test_a_graph_looks_at_other_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).normal(size=(1, *size, 2)).astype(np.float32)
    model = run(tmp_path, *squeezed(8), picture)
    assert kinds(model)[:2] == ["GlobalAveragePooling2D", "Activation"]
    gate = tf.nn.relu6(tf.reduce_mean(picture, [1, 2], keepdims=True) + 3) / 6
    small = (gate * picture)[:, ::2, ::2]
    wide = tf.raw_ops.ResizeBilinear(images=small, size=size)
    np.testing.assert_allclose(model(picture), tf.concat([wide, picture], 3), rtol=0, atol=1e-6)


def test_a_size_that_its_maps_do_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot look at 9 x 8: .* multiples of 32"):
        run(tmp_path, *squeezed(4), np.zeros((1, 8, 9, 2), np.float32))


def test_resizing_by_centres_takes_whole_factors(tmp_path: Path) -> None:
    nodes = [node("u", "ResizeBilinear", "x", "size", half_pixel_centers={"b": True})]
    model = run(tmp_path, nodes, {"size": np.array([24, 16], np.int32)}, PICTURE)
    assert kinds(model) == ["UpSampling2D"]
    wanted = tf.raw_ops.ResizeBilinear(images=PICTURE, size=[24, 16], half_pixel_centers=True)
    np.testing.assert_allclose(model(PICTURE), wanted, rtol=0, atol=1e-6)
    with pytest.raises(ModelError, match="it brings 8 x 8 to 12 x 16: no whole factor"):
        run(tmp_path, nodes, {"size": np.array([12, 16], np.int32)}, PICTURE)


def test_resizing_by_aligned_corners_is_refused(tmp_path: Path) -> None:
    nodes = [node("u", "ResizeBilinear", "x", "size", align_corners={"b": True})]
    with pytest.raises(ModelError, match="only resizing by corners"):
        run(tmp_path, nodes, {"size": np.array([16, 16], np.int32)}, PICTURE)


def astronaut() -> np.ndarray:
    from skimage import data

    return cv2.resize(data.astronaut(), (512, 512)).astype(np.float32)[None]


def test_centernet_finds_what_its_own_graph_finds() -> None:
    """Within what 1/6, which the package rounds to float16, amounts to over the whole network."""
    path = real.HUMAN_MODELS / "models/centernet.json"
    real.needs(path)
    picture = astronaut()
    (own,) = real.run_by_operation(path, picture, ["tower_0/detections"])
    people = own[0][own[0][:, 5] == 0][:, :5]
    model = detectors.read_detector(catalogue.CENTERNET, real.HUMAN_MODELS, 512, 512)
    maps = model.predict_on_batch(picture)
    written = [TensorSpec(name, values.shape, "float32") for name, values in maps.items()]
    spec = DetectionSpec(centres=CentreMaps("centres", "distances"), score=0.1)
    found = decoded(spec, Recording(tuple(written), list(maps.values())), (512, 512))
    sure = people[:, 4] > 0.1
    assert sure.sum() >= 1
    np.testing.assert_allclose(found.scores[: sure.sum()], people[sure, 4], atol=0.005)
    inside = np.clip(people[sure, :4], 0, 512)
    np.testing.assert_allclose(found.boxes[: sure.sum()], inside, atol=0.5)


def test_blazeface_writes_what_its_own_graph_writes() -> None:
    path = real.HUMAN_MODELS / "models/blazeface-front.json"
    real.needs(path)
    picture = cv2.resize(astronaut()[0, 10:230, 120:340], (128, 128))[None] / np.float32(127.5) - 1
    nodes = ["Identity_2", "Identity_3", "Identity", "Identity_1"]
    near, far, near_scores, far_scores = real.run_by_operation(path, picture, nodes)
    model = detectors.read_detector(catalogue.BLAZEFACE, real.HUMAN_MODELS, 128, 128)
    found = model.predict_on_batch(picture)
    boxes, scores = np.concatenate([near, far], 1), np.concatenate([near_scores, far_scores], 1)
    np.testing.assert_allclose(found["boxes"], boxes, rtol=0, atol=1e-3)
    np.testing.assert_allclose(found["scores"], scores, rtol=0, atol=1e-3)
    assert scores.max() > 2  # logits: it sees her face
