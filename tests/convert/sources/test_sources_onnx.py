"""ONNX through onnx2tf, held against onnxruntime; skipped where onnx2tf is not installed.

The networks are written node by node, as torch.onnx.export writes them.
"""

from pathlib import Path

import numpy as np
import pytest

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common.errors import ModelError
from edge_convert.sources import float_tflite
from tests.convert.cut.test_tflite_cut import assert_parts_equal_the_whole, run

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx2tf")
onnxruntime = pytest.importorskip("onnxruntime")
onnx_rewrites = pytest.importorskip("edge_convert.sources.onnx_rewrites")

SIZE, CHANNELS = 24, 6


class _Graph:
    """Nodes and weights under way."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes, self.weights = [], []
        self._draw = np.random.default_rng(seed)

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes) -> str:
        names = [f"{kind.lower()}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(onnx.helper.make_node(kind, inputs, names, names[0], **attributes))
        return names[0]

    def constant(self, values) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, **value) -> str:
        """A constant as a node of its own, as the older exporter writes it."""
        return self.add("Constant", **value)

    def weight(self, *shape: int) -> str:
        return self.constant(self._draw.normal(0, 0.3, shape).astype(np.float32))

    def save(self, path: Path, shape: list, answers: dict[str, list], version: int = 17) -> Path:
        kinds = onnx.TensorProto.FLOAT
        given = onnx.helper.make_tensor_value_info("frames", kinds, shape)
        found = [onnx.helper.make_tensor_value_info(n, kinds, s) for n, s in answers.items()]
        for name, output in zip(answers, [node.output[0] for node in self.nodes[-len(answers) :]]):
            for node in self.nodes:
                node.output[:] = [name if o == output else o for o in node.output]
        graph = onnx.helper.make_graph(self.nodes, "net", [given], found, self.weights)
        opset = [onnx.helper.make_opsetid("", version)]
        onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), path)
        return path


def _convolutions(net: _Graph, images: str, channels: int = 3) -> str:
    """(N, channels, 24, 24) -> (N, 6, 1, 1)."""
    x = net.add(
        "Conv", images, net.weight(4, channels, 3, 3), net.weight(4), strides=[2, 2],
        pads=[1, 1, 1, 1],
    )  # fmt: skip
    x = net.add("Relu", x)
    x = net.add("Conv", x, net.weight(CHANNELS, 4, 3, 3), strides=[2, 2])
    return net.add("GlobalAveragePool", net.add("Mul", x, net.add("Sigmoid", x)))


def _window(path: Path, length: int, batch: int | str, head: str, channels: int = 3) -> Path:
    """A CNN on frames folded into the batch, and a mean or an LSTM over them."""
    net = _Graph()
    folded = net.constant(np.array([-1, channels, SIZE, SIZE]))
    x = _convolutions(net, net.add("Reshape", "frames", folded), channels)
    x = net.add("Reshape", x, net.constant(np.array([-1, length, CHANNELS])))
    x = _HEADS[head](net, x)
    net.add("Softmax", net.add("Gemm", x, net.weight(CHANNELS, 3)), axis=1)
    net.add("Gemm", x, net.weight(CHANNELS, 1))
    shape = [batch, length, channels, SIZE, SIZE]
    return net.save(path, shape, {"kind": [batch, 3], "size": [batch, 1]})


def _mean(net: _Graph, x: str) -> str:
    return net.add("ReduceMean", x, axes=[1], keepdims=0)


def _lstm(net: _Graph, x: str) -> str:
    """Time first, as ONNX has it; no initial states, which are zeros then."""
    x = net.add("Transpose", x, perm=[1, 0, 2])
    gates = 4 * CHANNELS
    weights = [net.weight(1, gates, CHANNELS) for _ in range(2)]
    x = net.add("LSTM", x, *weights, net.weight(1, 2 * gates), hidden_size=CHANNELS)
    x = net.add("Squeeze", x, net.constant(np.array([1])))
    return net.add("Gather", x, net.constant(np.array(-1)), axis=0)


_HEADS = {"mean": _mean, "lstm": _lstm}


@pytest.mark.parametrize(
    ("length", "batch", "head", "channels"),
    [(4, 1, "mean", 3), (5, "batch", "lstm", 3), (3, 1, "lstm", 1), (4, 3, "mean", 3)],
)
def test_a_window_is_channels_last_and_can_be_cut(
    tmp_path: Path, length: int, batch: int | str, head: str, channels: int
) -> None:
    path = _window(tmp_path / "model.onnx", length, batch, head, channels)
    found = float_tflite(path)
    assert found.origin.startswith("ONNX through onnx2tf ")
    assert flatbuffer.signature(found.model) == ({"window": 0}, {"kind": 0, "size": 1})
    shape = (1, length, SIZE, SIZE, channels)
    assert [t.shape for t in Engine(found.model).inputs] == [shape]
    frames = np.random.default_rng(0).random(shape, np.float32)
    copies = np.moveaxis(frames, -1, 2).repeat(batch if batch != "batch" else 1, axis=0)
    wanted = [v[:1] for v in onnxruntime.InferenceSession(path).run(None, {"frames": copies})]
    answers = run(found.model, {"window": frames})
    for name, value in zip(("kind", "size"), wanted):
        assert np.abs(answers[name] - value).max() <= 5e-5 * np.abs(value).max()
    parts = assert_parts_equal_the_whole(found.model)
    gates = 4 if head == "lstm" else 1  # of an LSTM, the product with its input is the encoder's
    assert [t.shape for t in Engine(parts.encoder).outputs] == [(1, gates * CHANNELS)]
    assert "TRANSPOSE" not in flatbuffer.cost(parts.encoder).ops


def test_a_loop_over_frames_becomes_one_encoder(tmp_path: Path) -> None:
    """As `torch.onnx.export` writes one: a copy of all operators for each frame, then stacked."""
    net, length = _Graph(), 4
    weights, zero = (net.weight(CHANNELS, 3, 3, 3), net.weight(CHANNELS)), np.array([0])
    rows = []
    for number in range(length):
        frame = net.add("Gather", "frames", net.constant(np.array(number)), axis=1)
        maps = net.add("Conv", frame, *weights, strides=[2, 2])
        mean = net.add("ReduceMean", maps, axes=[2, 3], keepdims=0)
        rows.append(net.add("Unsqueeze", mean, net.constant(zero)))
    gates = 4 * CHANNELS
    recurrent = net.weight(1, gates, CHANNELS), net.weight(1, gates, CHANNELS)
    x = net.add("LSTM", net.add("Concat", *rows, axis=0), *recurrent, hidden_size=CHANNELS)
    x = net.add(
        "Gather", net.add("Squeeze", x, net.constant(np.array([1]))), net.constant(np.array(-1))
    )
    net.add("Gemm", x, net.weight(CHANNELS, 3))
    path = net.save(tmp_path / "model.onnx", [1, length, 3, SIZE, SIZE], {"kind": [1, 3]})
    parts = assert_parts_equal_the_whole(float_tflite(path).model)
    assert [t.shape for t in Engine(parts.encoder).outputs] == [(1, gates)]
    assert flatbuffer.cost(parts.encoder).ops["CONV_2D"] == 1


def test_the_last_layers_state_answers_under_any_name(tmp_path: Path) -> None:
    """`h_n[-1]` of nn.LSTM with two layers, as torch.onnx.export writes it."""
    net = _Graph()
    pictures = net.add("Reshape", "frames", net.constant(np.array([-1, 3, SIZE, SIZE])))
    x = net.add("Reshape", _convolutions(net, pictures), net.constant(np.array([4, 1, CHANNELS])))
    states = []
    for _ in range(2):
        weights = [net.weight(1, 4 * CHANNELS, CHANNELS) for _ in range(2)]
        x = net.add("LSTM", x, *weights, outputs=2, hidden_size=CHANNELS)
        states.append(f"{x[:-1]}1")
        x = net.add("Squeeze", x, net.constant(np.array([1])))
    last = net.add("Gather", net.add("Concat", *states, axis=0), net.constant(np.array(-1)))
    net.add("Gemm", last, net.weight(CHANNELS, 3))
    path = net.save(tmp_path / "model.onnx", [1, 4, 3, SIZE, SIZE], {"what it does": [1, 3]})
    source = float_tflite(path)
    assert list(flatbuffer.signature(source.model)[1]) == ["what it does"]
    assert_parts_equal_the_whole(source.model)


def test_the_largest_two_of_all_scores(tmp_path: Path) -> None:
    """As torch.topk is written: how many is a list of one number."""
    net = _Graph()
    maps = net.add("Reshape", _convolutions(net, "frames"), net.constant(np.array([1, CHANNELS])))
    scores = net.add("Gemm", maps, net.weight(CHANNELS, 5))
    net.add("TopK", scores, net.constant(np.array([2])), outputs=2)
    path = net.save(tmp_path / "model.onnx", [1, 3, SIZE, SIZE], {"largest": [1, 2]})
    frames = np.random.default_rng(0).random((1, SIZE, SIZE, 3), np.float32)
    wanted = onnxruntime.InferenceSession(path).run(None, {"frames": frames.transpose(0, 3, 1, 2)})
    answers = run(float_tflite(path).model, {"frame": frames})
    np.testing.assert_allclose(answers["largest"], wanted[0], rtol=1e-4)


def test_an_operator_that_onnx_defines_by_others_is_written_out(tmp_path: Path) -> None:
    net = _Graph()
    maps = net.add("Conv", "frames", net.weight(4, 3, 3, 3), strides=[2, 2])
    norm = net.add("GroupNormalization", maps, net.weight(4), net.weight(4), num_groups=2)
    net.add("ReduceMean", norm, net.constant(np.array([2, 3])), keepdims=0)
    path = net.save(tmp_path / "model.onnx", [1, 3, 9, 9], {"kind": [1, 4]}, version=21)
    found = float_tflite(path)  # which is held against onnxruntime
    assert "GroupNorm" not in flatbuffer.cost(found.model).ops


def test_an_operator_that_nobody_converts_is_refused_by_its_name(tmp_path: Path) -> None:
    net = _Graph()
    net.add("LpPool", "frames", kernel_shape=[2, 2])
    path = net.save(tmp_path / "model.onnx", [1, 3, 8, 8], {"maps": [1, 3, 7, 7]})
    with pytest.raises(ModelError, match="onnx2tf does not know the operator LpPool: export with"):
        float_tflite(path)


def test_a_loop_is_refused_by_its_name(tmp_path: Path) -> None:
    value = onnx.helper.make_tensor_value_info
    kinds, shape = onnx.TensorProto, [1, 3, 8, 8]
    step = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Sin", ["x"], ["y"]),
            onnx.helper.make_node("Identity", ["go_on"], ["go_on_still"]),
        ],
        "step",
        [
            value("i", kinds.INT64, []),
            value("go_on", kinds.BOOL, []),
            value("x", kinds.FLOAT, shape),
        ],
        [value("go_on_still", kinds.BOOL, []), value("y", kinds.FLOAT, shape)],
    )
    net = _Graph()
    often = net.add("Cast", net.add("ReduceMax", "frames", keepdims=0), to=kinds.INT64)
    x = net.add("Loop", often, net.constant(np.array(True)), "frames", body=step)
    net.add("ReduceMean", x, axes=[2, 3], keepdims=0)
    path = net.save(tmp_path / "model.onnx", shape, {"mean": [1, 3]})
    with pytest.raises(
        ModelError, match="model.onnx goes round in a Loop, which onnx2tf does not know"
    ):
        float_tflite(path)


def test_a_picture_with_a_written_out_gelu(tmp_path: Path) -> None:
    net = _Graph()
    x = net.add("Conv", "frames", net.weight(4, 3, 3, 3))
    erf = net.add("Erf", net.add("Div", x, net.constant(np.float32(2**0.5))))
    plus_one = net.add("Add", erf, net.constant(np.float32(1)))
    x = net.add("Mul", net.add("Mul", x, plus_one), net.constant(np.float32(0.5)))
    x = net.add("Flatten", net.add("GlobalAveragePool", x))
    net.add("Gemm", x, net.weight(4, 2))
    path = net.save(tmp_path / "model.onnx", ["n", 3, 12, 10], {"kind": ["n", 2]})
    found = float_tflite(path)
    assert [t.shape for t in Engine(found.model).inputs] == [(1, 12, 10, 3)]
    assert flatbuffer.signature(found.model) == ({"frame": 0}, {"kind": 0})
    ops = flatbuffer.cost(found.model).ops
    assert ops["GELU"] == 1 and "TRANSPOSE" not in ops


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([1, 3, "height", 8], r"\[1, 3, any, 8\] float32 with unknown sizes: .* --size HxW"),
        ([1, 5, 8, 8], "no axis of 1 or 3 channels"),
    ],
)
def test_other_forms_are_refused(tmp_path: Path, shape: list, said: str) -> None:
    net = _Graph()
    net.add("ReduceMean", "frames", axes=[2, 3], keepdims=0)
    path = net.save(tmp_path / "model.onnx", shape, {"mean": shape[:2]})
    with pytest.raises(ModelError, match=said):
        float_tflite(path)


@pytest.mark.parametrize(
    "value",
    [
        {"value_float": 255.0},
        {"value": onnx.numpy_helper.from_array(np.array(255, np.float32))},
    ],
)
def test_constants_may_be_nodes(tmp_path: Path, value: dict) -> None:
    net = _Graph()
    folded = net.add("Reshape", "frames", net.node(value_ints=[-1, 3, SIZE, SIZE]))
    x = _convolutions(net, net.add("Div", folded, net.node(**value)))
    x = _mean(net, net.add("Reshape", x, net.constant(np.array([-1, 4, CHANNELS]))))
    net.add("Gemm", x, net.weight(CHANNELS, 3))
    found = float_tflite(net.save(tmp_path / "model.onnx", [1, 4, 3, SIZE, SIZE], {"kind": [1, 3]}))
    assert_parts_equal_the_whole(found.model)


def test_names_as_the_older_exporter_gives_them(tmp_path: Path) -> None:
    network = onnx.load(_window(tmp_path / "model.onnx", 4, 1, "mean"))
    network.graph.input[0].name = network.graph.node[0].input[0] = "onnx::Reshape_0"
    onnx.save(network, tmp_path / "model.onnx")
    found = float_tflite(tmp_path / "model.onnx")
    assert [t.shape for t in Engine(found.model).inputs] == [(1, 4, SIZE, SIZE, 3)]
    assert_parts_equal_the_whole(found.model)


def test_weights_that_lie_elsewhere_are_missed_in_one_line(tmp_path: Path) -> None:
    net = _Graph()
    x = net.add("Conv", "frames", net.weight(64, 3, 3, 3))
    net.add("Flatten", net.add("GlobalAveragePool", x))
    path = net.save(tmp_path / "model.onnx", [1, 3, 12, 10], {"kind": [1, 64]})
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="model.onnx.data")
    assert [t.shape for t in Engine(float_tflite(path).model).outputs] == [(1, 64)]
    held = (tmp_path / "model.onnx.data").read_bytes()
    (tmp_path / "model.onnx.data").write_bytes(held[:100])
    with pytest.raises(ModelError, match="keeps weights in another file, which is missing or cut"):
        float_tflite(path)
    (tmp_path / "model.onnx.data").unlink()
    with pytest.raises(ModelError, match="keeps weights in another file, which is missing or cut"):
        float_tflite(path)


@pytest.mark.parametrize("content", [b"hello", b""])
def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.onnx is no ONNX file, or cut short"):
        float_tflite(tmp_path / "model.onnx")


def test_a_quantised_network_is_refused(tmp_path: Path) -> None:
    net = _Graph()
    scale, zero = net.constant(np.float32(0.1)), net.constant(np.int8(0))
    levels = net.add("QuantizeLinear", "frames", scale, zero)
    net.add("DequantizeLinear", levels, scale, zero)
    net.save(tmp_path / "q.onnx", [1, 3, 8, 8], {"act": [1, 3, 8, 8]})
    with pytest.raises(ModelError, match=r"q\.onnx is quantised already: export the float network"):
        float_tflite(tmp_path / "q.onnx")


def _in_half(path: Path) -> Path:
    """The same file with all its numbers in float16, as converters of ONNX write it."""
    network, halves = onnx.load(path), onnx.TensorProto.FLOAT16
    for weight in network.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype == np.float32:
            half = onnx.numpy_helper.from_array(values.astype(np.float16), weight.name)
            weight.CopyFrom(half)
    for entry in (*network.graph.input, *network.graph.output):
        entry.type.tensor_type.elem_type = halves
    onnx.save(network, path)
    return path


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    path = _in_half(_window(tmp_path / "model.onnx", 4, 1, "lstm"))
    found = float_tflite(path)
    frames = np.random.default_rng(0).random((1, 4, SIZE, SIZE, 3), np.float32)
    own = {"frames": np.moveaxis(frames, -1, 2).astype(np.float16)}
    expected = onnxruntime.InferenceSession(path).run(["kind", "size"], own)
    answers = run(found.model, {"window": frames})
    for name, value in zip(("kind", "size"), expected):
        assert np.allclose(answers[name], value, atol=5e-3)
    assert_parts_equal_the_whole(found.model)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("pads", [[0] * 6, [1, 1, 0, 0, 1, 1]])
def test_3d_pooling_is_2d_pooling_over_space_then_over_time(operator: str, pads: list[int]) -> None:
    pool = onnx.helper.make_node(
        operator, ["x"], ["y"], kernel_shape=[2, 3, 2], strides=[2, 1, 2], pads=pads
    )
    norm = onnx.helper.make_node("ReduceL2", ["y"], ["z"], axes=[1], keepdims=0)
    tensors = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 6, 9, 7]), ("z", None))
    ]
    graph = onnx.helper.make_graph([pool, norm], "pool", tensors[:1], tensors[1:])
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    x = np.random.default_rng(0).random((1, 3, 6, 9, 7), np.float32)

    def answer() -> np.ndarray:
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(None, {"x": x})[0]

    before = answer()
    onnx_rewrites.with_plain_norms(model)
    onnx_rewrites.with_2d_pooling(model)
    kernels = [
        list(a.ints) for n in model.graph.node for a in n.attribute if a.name == "kernel_shape"
    ]
    assert kernels == [[3, 2], [2, 1]]
    assert "ReduceL2" not in {node.op_type for node in model.graph.node}
    np.testing.assert_allclose(answer(), before, rtol=1e-5)
