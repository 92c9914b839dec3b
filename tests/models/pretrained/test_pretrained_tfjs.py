"""Reading TensorFlow.js graph models; the small ones that other tests build on are written here."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_common.errors import ModelError
from edge_models.pretrained.tfjs import read_graph


def text(value: str) -> dict[str, str]:
    """A string attribute, as the format has it."""
    return {"s": base64.b64encode(value.encode()).decode()}


def texts(*values: str) -> dict[str, Any]:
    return {"list": {"s": [text(value)["s"] for value in values]}}


def integers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def node(name: str, operation: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": operation, "input": list(inputs), "attr": attributes}


def write_graph(path: Path, nodes: list[dict[str, Any]], constants: dict[str, np.ndarray]) -> Path:
    """Write a graph and its constants, float32 ones as float16, in two shards."""
    entries, raw = [], b""
    for name, array in constants.items():
        entry = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
        if array.dtype == np.float32:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            array = array.astype(np.float16)
        entries.append(entry)
        raw += array.tobytes()
    write_files(path, nodes + [node(name, "Const") for name in constants], entries, raw)
    return path


def write_files(path: Path, nodes: list, weights: list, raw: bytes) -> None:
    shards = [f"{path.stem}-1.bin", f"{path.stem}-2.bin"]
    for name, part in zip(shards, (raw[: len(raw) // 2], raw[len(raw) // 2 :])):
        (path.parent / name).write_bytes(part)
    manifest = [{"paths": shards, "weights": weights}]
    path.write_text(json.dumps({"modelTopology": {"node": nodes}, "weightsManifest": manifest}))


def test_constants_are_read_in_every_stored_form(tmp_path: Path) -> None:
    raw = np.array([1.5, -2.0], "<f2").tobytes() + np.array([0, 128, 255], "u1").tobytes()
    raw += np.array([[7], [-7]], "<i4").tobytes() + np.array([True, False]).tobytes()
    affine = {"dtype": "uint8", "scale": 0.5, "min": -1.0}
    weights = [
        {"name": "half", "shape": [2], "dtype": "float32", "quantization": {"dtype": "float16"}},
        {"name": "affine", "shape": [3], "dtype": "float32", "quantization": affine},
        {"name": "axes", "shape": [2, 1], "dtype": "int32"},
        {"name": "switch", "shape": [2], "dtype": "bool"},
    ]
    write_files(tmp_path / "m.json", [], weights, raw)
    found = read_graph(tmp_path / "m.json").constants
    assert found["half"].tolist() == [1.5, -2.0] and found["half"].dtype == np.float32
    assert found["affine"].tolist() == [-1.0, 63.0, 126.5] and found["affine"].dtype == np.float32
    assert found["axes"].tolist() == [[7], [-7]] and found["axes"].dtype == np.int32
    assert found["switch"].tolist() == [True, False]


def test_attributes_are_decoded(tmp_path: Path) -> None:
    conv = node(
        "c", "_FusedConv2D", "x:0", "^order", "k", strides=integers(1, 2, 2, 1),
        padding=text("SAME"), fused_ops=texts("BiasAdd", "Relu"), keep_dims={"b": True},
    )  # fmt: skip
    found = read_graph(write_graph(tmp_path / "m.json", [conv], {})).nodes["c"]
    assert found.inputs == ("x", "k")
    assert found.integers("strides") == (1, 2, 2, 1) and found.integers("dilations") == ()
    assert found.text("padding", "VALID") == "SAME" and found.text("data_format", "NHWC") == "NHWC"
    assert found.texts("fused_ops") == ("BiasAdd", "Relu") and found.texts("other") == ()
    assert found.flag("keep_dims") and not found.flag("transpose_a")


def test_only_what_is_needed_is_given_inputs_first(tmp_path: Path) -> None:
    nodes = [node("d", "Add", "c", "b"), node("c", "Relu", "b"), node("b", "Relu", "a"),
             node("a", "Relu", "x"), node("unused", "Relu", "a")]  # fmt: skip
    graph = read_graph(write_graph(tmp_path / "m.json", nodes, {}))
    assert [n.name for n in graph.needed(["d"], {"a"})] == ["b", "c", "d"]


def test_a_missing_or_circular_node_is_refused(tmp_path: Path) -> None:
    nodes = [node("a", "Relu", "b"), node("b", "Relu", "a")]
    graph = read_graph(write_graph(tmp_path / "m.json", nodes, {}))
    with pytest.raises(ModelError, match="runs in a circle"):
        graph.needed(["a"], ())
    with pytest.raises(ModelError, match="holds no node age: it is another network"):
        graph.needed(["age"], ())


@pytest.mark.parametrize(
    "content", ["", "no json", "[]", "{}", '{"modelTopology": {"node": [{}]}}',
                '{"modelTopology": {"node": []}, "weightsManifest": [{"paths": [], "weights": '
                '[{"name": "a", "shape": [1], "dtype": "string"}]}]}',
                '{"modelTopology": {"node": []}, "weightsManifest": [{"paths": [], "weights": '
                '[{"name": "a", "shape": [9223372036854775808], "dtype": "float32"}]}]}',
                '{"modelTopology": {"node": [{"name": "a", "op": "Mul", "attr": []}]}}',
                '{"modelTopology": NaN}', "[" * 100_000],
)  # fmt: skip
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "m.json").write_text(content)
    with pytest.raises(ModelError, match="m.json is no readable tfjs graph model"):
        read_graph(tmp_path / "m.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no .*m.json"):
        read_graph(tmp_path / "m.json")
    write_graph(tmp_path / "m.json", [], {"a": np.ones(4, np.float32)})
    (tmp_path / "m-2.bin").unlink()
    with pytest.raises(ModelError, match="there is no .*m-2.bin: fetch the package again"):
        read_graph(tmp_path / "m.json")


@pytest.mark.parametrize("raw", [b"\0" * 7, b"\0" * 9])
def test_shards_of_another_length_are_refused(tmp_path: Path, raw: bytes) -> None:
    weights = [{"name": "a", "shape": [2], "dtype": "float32"}]
    write_files(tmp_path / "m.json", [], weights, raw)
    with pytest.raises(ModelError, match="m.json is no readable tfjs graph model"):
        read_graph(tmp_path / "m.json")
