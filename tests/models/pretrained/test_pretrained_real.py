"""The real networks, where their packages lie unpacked under out/pretrained/.

The reference reads the graph's file by itself and runs each operation as
TensorFlow defines it, one by one, without any of the product's folding.
"""

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tensorflow as tf

from edge_models.datasets.orl import Photo
from edge_models.pretrained.catalogue import NETWORKS
from edge_models.pretrained.load import load
from examples.face.identify import rank_1

PACKAGES = Path(__file__).parents[3] / "out/pretrained"
HUMAN_MODELS, FER = PACKAGES / "human-models", PACKAGES / "fer"
CAFFE_MEAN_BGR = np.float32([103.939, 116.779, 123.68])
PREPROCESSED = {"faceres": lambda x: x[..., ::-1] - CAFFE_MEAN_BGR, "gear": lambda x: x / 255}


def needs(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path} is not there: see `edge-train pretrained --help`")


def pictures(photos: list[Photo], size: int) -> np.ndarray:
    grey = np.stack([cv2.resize(photo.pixels, (size, size)) for photo in photos])
    return np.repeat(grey[..., None], 3, -1).astype(np.float32)


def constants(path: Path, manifest: list[dict]) -> dict[str, Any]:
    """float16, float32 and int32 constants; these networks have no others."""
    found = {}
    for group in manifest:
        raw, at = b"".join((path.parent / name).read_bytes() for name in group["paths"]), 0
        for entry in group["weights"]:
            stored = {"float32": "<f4", "int32": "<i4"}[entry["dtype"]]
            stored = "<f2" if "quantization" in entry else stored
            array = np.frombuffer(raw, stored, int(np.prod(entry["shape"])), at)
            at += array.nbytes
            found[entry["name"]] = tf.constant(array.astype(entry["dtype"]), shape=entry["shape"])
    return found


def run_by_operation(path: Path, x: np.ndarray, wanted: list[str]) -> list[np.ndarray]:
    file = json.loads(path.read_text())
    nodes = {node["name"]: node for node in file["modelTopology"]["node"]}
    known = constants(path, file["weightsManifest"])

    def value(tensor: str) -> Any:
        name, _, place = tensor.partition(":")
        if name not in known:
            node = nodes[name]
            inputs = [value(other) for other in node.get("input", [])]
            known[name] = x if node["op"] == "Placeholder" else operation(node, inputs)
        result = known[name]
        return result[int(place or 0)] if isinstance(result, tuple) else result

    return [value(name).numpy() for name in wanted]


def operation(node: dict, i: list) -> Any:
    attributes = {
        name: [int(n) for n in held["list"]["i"]] if "i" in held.get("list", {})
        else base64.b64decode(held["s"]).decode() if "s" in held else None
        for name, held in node["attr"].items()
    }  # fmt: skip
    at, pad = attributes.get("strides"), attributes.get("padding")
    keep, slices = node["attr"].get("keep_dims", {}).get("b", False), ("begin_mask", "end_mask")
    masks = {name: int(node["attr"].get(name, {}).get("i", 0)) for name in slices}
    axis = int(node["attr"].get("axis", {}).get("i", 0))
    centres = node["attr"].get("half_pixel_centers", {}).get("b", False)
    plain = {
        "Conv2D": lambda: tf.nn.conv2d(i[0], i[1], at, pad),
        "_FusedConv2D": lambda: tf.nn.conv2d(i[0], i[1], at, pad) + i[2],
        "DepthwiseConv2dNative": lambda: tf.nn.depthwise_conv2d(i[0], i[1], at, pad),
        "FusedDepthwiseConv2dNative": lambda: tf.nn.depthwise_conv2d(i[0], i[1], at, pad) + i[2],
        "_FusedMatMul": lambda: i[0] @ i[1] + i[2],
        "MaxPool": lambda: tf.nn.max_pool2d(i[0], attributes["ksize"], at, pad),
        "Add": lambda: i[0] + i[1], "Mul": lambda: i[0] * i[1],
        "Relu": lambda: tf.nn.relu(i[0]), "Identity": lambda: i[0],
        "Minimum": lambda: tf.minimum(*i), "Maximum": lambda: tf.maximum(*i),
        "Mean": lambda: tf.reduce_mean(*i, keepdims=keep), "Max": lambda: tf.reduce_max(*i),
        "Softmax": lambda: tf.nn.softmax(i[0]), "Sigmoid": lambda: tf.sigmoid(i[0]),
        "AddV2": lambda: i[0] + i[1], "Pad": lambda: tf.pad(*i),
        "Relu6": lambda: tf.nn.relu6(i[0]), "Sub": lambda: i[0] - i[1],
        "ResizeBilinear": lambda: tf.raw_ops.ResizeBilinear(
            images=i[0], size=i[1], half_pixel_centers=centres),
        "ConcatV2": lambda: tf.concat(i[:-1], int(i[-1])), "Equal": lambda: tf.equal(*i),
        "Cast": lambda: tf.cast(i[0], tf.float32), "TopKV2": lambda: tuple(tf.nn.top_k(*i)),
        "Reshape": lambda: tf.reshape(*i), "ExpandDims": lambda: tf.expand_dims(*i),
        "FloorDiv": lambda: i[0] // i[1], "FloorMod": lambda: i[0] % i[1],
        "GatherV2": lambda: tf.gather(i[0], i[1]), "GatherNd": lambda: tf.gather_nd(*i),
        "ArgMax": lambda: tf.argmax(*i, output_type=tf.int32), "Squeeze": lambda: tf.squeeze(i[0], 0),
        "Unpack": lambda: tuple(tf.unstack(i[0], axis=axis)), "Pack": lambda: tf.stack(i, axis),
        "SquaredDifference": lambda: tf.math.squared_difference(*i),
        "Sqrt": lambda: tf.sqrt(i[0]), "RealDiv": lambda: i[0] / i[1],
        "StridedSlice": lambda: tf.strided_slice(*i, **masks),
    }[node["op"]]()  # fmt: skip
    fused = node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])
    limits = {"Relu": tf.nn.relu, "Relu6": tf.nn.relu6, "BiasAdd": lambda sum_with_it: sum_with_it}
    for name in fused:
        plain = limits[base64.b64decode(name).decode()](plain)
    return plain


@pytest.mark.parametrize("name", ["faceres", "gear"])
def test_the_layers_answer_as_the_graph_does(photos: list[Photo], name: str) -> None:
    path = HUMAN_MODELS / f"models/{name}.json"
    needs(path)
    network = NETWORKS[name]
    x = pictures(photos[::100], network.shape[0])
    found = load(name, HUMAN_MODELS).predict_on_batch(x)
    wanted = run_by_operation(path, PREPROCESSED[name](x), list(network.answers.values()))
    for task, reference in zip(network.answers, wanted):
        np.testing.assert_allclose(found[task], reference, rtol=0, atol=2e-5)
        assert found[task].std(0).max() > 1e-3  # it sees something


def test_fer_answers_as_its_own_tflite_file(photos: list[Photo]) -> None:
    """Whose weights are int8 and whose sums are float: near, and mostly the same emotion."""
    path = FER / "data/emotion_model_quantized.tflite"
    needs(path)
    x = pictures(photos[::10], 64)[..., :1]
    interpreter = tf.lite.Interpreter(str(path))
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], (x / 255 - 0.5) * 2)
    interpreter.invoke()
    wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    found = load("fer", FER).predict_on_batch(x)["emotion"]
    assert np.abs(found - wanted).max() < 0.06
    assert (found.argmax(1) == wanted.argmax(1)).mean() >= 0.95


def test_faceres_knows_people_again(photos: list[Photo]) -> None:
    """Ten people, known by their first photo, asked for by two others."""
    needs(HUMAN_MODELS / "models/faceres.json")
    chosen = [photo for photo in photos if photo.person < 10 and photo.number in (1, 6, 10)]
    found = load("faceres", HUMAN_MODELS).predict_on_batch(pictures(chosen, 224))
    assert rank_1(found["descriptor"], chosen, photos_known=1).all()
