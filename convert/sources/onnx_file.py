"""An ONNX file, through onnx2tf and a SavedModel."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
import onnx2tf
import onnxruntime
import onnxsim
import tensorflow as tf
from google.protobuf.message import DecodeError

from edge.stream import given_beside
from edge_common import ModelError
from edge_convert import inputs
from edge_convert.sources import libraries, onnx_rewrites, reference, saved_model

_INPUT = "edge_run_frames"  # a name that no network has
_NUMBERS = {"value_float": np.float32, "value_int": np.int64}  # of a Constant that is no tensor
_DTYPES = {"tensor(float16)": "float16", "tensor(float)": "float32"}  # as onnxruntime calls them
_OF_HALVES = 0.02  # of the largest answer, as of SavedModels
_INTEGERS = re.compile("^QLinear|^QGemm$|QuantizeLinear$|Integer$")  # quantised, in any form
_TEST_IMAGES = "calibration_image_sample_data_20x128x128x3_float32.npy"


def convert(job: libraries.ConverterJob) -> libraries.ConverterOutput:
    """Convert, with a batch of 1 if it is open. Raises ModelError if its input is nothing that is known."""
    path, folder = job.path, job.folder
    network = _read(path)
    half = onnx_rewrites.in_single_precision(network)
    tensors = _inputs(network)
    use = inputs.network_inputs(path.name, tensors, job.request, last_first=False)
    inputs.refuse_shrinkage(path.name, use)
    _fill_inputs(network, tensors, use)
    name, shape = use.name, use.fixed_shape
    shapes = {name: list(shape), **{n: list(s) for n, s in use.given_shapes.items()}}
    network, proven = onnxsim.simplify(network, overwrite_input_shapes=shapes)
    if not proven:
        raise ModelError(f"{path.name} answers differently once its shapes are fixed to {shape}")
    if loop := next((n.op_type for n in network.graph.node if n.op_type in ("Loop", "Scan")), None):
        raise ModelError(
            f"{path.name} goes round in a {loop}, which onnx2tf does not know: give the file that it was "
            "exported from (.keras, SavedModel, .pt2), or export it with its recurrent layers unrolled"
        )
    frames = reference.examples_of(use)
    session = onnxruntime.InferenceSession(network.SerializeToString())
    outputs = [output.name for output in network.graph.output]

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        values = {name: np.asarray(x).astype(use.dtype), **given_beside(x)}
        return dict(zip(outputs, session.run(outputs, values)))

    original = reference.Reference.of(run, frames, use.layout, use.batch)
    if half is not None:
        own = reference.Reference.of(
            _run_in_half(half, tensors, use), frames, use.layout, use.batch
        )
        own.compare(run, f"{path.name} in float32", _OF_HALVES, use.layout, use.batch)
    network = _with_known_operators(network)
    new_names = {name: _INPUT, **{n: f"edge_run_given_{i}" for i, n in enumerate(use.given_shapes)}}
    for old, new in new_names.items():
        onnx_rewrites.rename(network, old, new)
    onnx_rewrites.with_plain_names(network)
    _hold_constants(network)
    onnx_rewrites.with_states_chosen(network)
    onnx_rewrites.with_plain_norms(network)
    onnx_rewrites.with_plain_counts(network)
    onnx_rewrites.with_2d_pooling(network)
    onnx_rewrites.with_ordered_sequences(network)
    onnx_rewrites.order_gelu(network)
    _give_states(network)
    saved = _to_saved_model(network, folder, list(new_names.values()))
    loaded = tf.saved_model.load(str(saved))
    request = replace(job.request, layout=use.layout, constants={}, sampling={})
    request = replace(request, given={new_names[n]: "" for n in use.given_shapes})
    function, _ = saved_model.with_batch_of_one(loaded, replace(job, request=request))
    names = {f"output_{i}": output for i, output in enumerate(outputs)}
    origin = f"ONNX through onnx2tf {version('onnx2tf')}"
    model = saved_model.to_tflite(loaded, function)
    return libraries.ConverterOutput(
        model,
        origin,
        original,
        use.kind,
        names,
        use.layout,
        use.batch,
        use.notes,
        [*use.given_shapes],
    )


def _read(path: Path) -> Any:
    error_for_user = ModelError(f"{path.name} is no ONNX file, or cut short")
    try:
        network = onnx.load(str(path))
    except DecodeError as error:
        raise error_for_user from error
    except (onnx.checker.ValidationError, OSError, ValueError) as error:
        raise ModelError(
            f"{path.name} keeps weights in another file, which is missing or cut short: it has to "
            f"lie beside it as it did where it was made ({str(error).splitlines()[0]})"
        ) from error
    if not network.graph.node:
        raise error_for_user
    if any(_INTEGERS.search(node.op_type) for node in network.graph.node):
        raise ModelError(
            f"{path.name} is quantised already: export the float network that it was made of"
        )
    return network


def _inputs(network: Any) -> list[inputs.TensorForm]:
    """Those that are no weights."""
    weights = {weight.name for weight in network.graph.initializer}
    entries = [entry for entry in network.graph.input if entry.name not in weights]
    return [
        inputs.TensorForm(
            entry.name,
            tuple(size.dim_value or None for size in entry.type.tensor_type.shape.dim),
            np.dtype(onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)).name,
        )
        for entry in entries
    ]


def _fill_inputs(
    network: Any, tensors: Sequence[inputs.TensorForm], use: inputs.NetworkInputs
) -> None:
    """Make weights of those that always take the same, and take frames for others from the window."""
    graph, beside = network.graph, use.values_beside(tensors)
    for name, values in beside.items():
        graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    for name, frames in use.samples.items():
        positions = f"{name}_frames"
        graph.initializer.append(onnx.numpy_helper.from_array(frames.astype(np.int64), positions))
        graph.node.insert(
            0,
            onnx.helper.make_node(
                "Gather", [use.name, positions], [name], positions, axis=use.time_axis
            ),
        )
    for entry in [e for e in graph.input if e.name in beside or e.name in use.samples]:
        graph.input.remove(entry)


def _run_in_half(
    network: Any, tensors: Sequence[inputs.TensorForm], use: inputs.NetworkInputs
) -> reference.Run:
    """The network as its file has it, which takes all its inputs."""
    session = onnxruntime.InferenceSession(network.SerializeToString())
    outputs = [output.name for output in session.get_outputs()]
    kinds = {entry.name: entry.type for entry in session.get_inputs()}

    def run(x: np.ndarray) -> dict[str, np.ndarray]:
        values = {use.name: np.asarray(x), **given_beside(x), **use.values_beside(tensors)}
        for name, frames in use.samples.items():
            values[name] = np.take(values[use.name], frames, use.time_axis)
        for name, kind in kinds.items():
            values[name] = values[name].astype(_DTYPES.get(kind, use.dtype))
        return dict(zip(outputs, (a.astype(np.float32) for a in session.run(outputs, values))))

    return run


def _hold_constants(network: Any) -> None:
    """Make weights of Constant nodes: onnx2tf fails if an operator reads one and an image."""
    for node in [node for node in network.graph.node if node.op_type == "Constant"]:
        (attribute,) = node.attribute
        value = onnx.helper.get_attribute_value(attribute)
        if attribute.name == "value":
            value = onnx.numpy_helper.to_array(value)
        dtype = _NUMBERS.get(attribute.name.removesuffix("s"))
        values = np.asarray(value, dtype)
        network.graph.initializer.append(onnx.numpy_helper.from_array(values, node.output[0]))
        network.graph.node.remove(node)


def _give_states(network: Any) -> None:
    """Write out what an LSTM begins with, and adds, if it is left out, which onnx2tf fails at: zeros.

    States by an operator, as onnx2tf may turn the axes of weights.
    """
    for node in [node for node in network.graph.node if node.op_type == "LSTM"]:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        directions = 2 if attributes.get("direction") == b"bidirectional" else 1
        hidden, name = attributes["hidden_size"], node.output[0] or node.name
        node.input.extend([""] * (7 - len(node.input)))
        if not node.input[3]:
            node.input[3] = f"{name}/bias"
            zeros = np.zeros((directions, 8 * hidden), np.float32)
            network.graph.initializer.append(onnx.numpy_helper.from_array(zeros, node.input[3]))
        if not any(node.input[5:7]):
            shape = np.array([directions, 1, hidden])
            size = onnx.numpy_helper.from_array(shape, f"{name}/begin/shape")
            network.graph.initializer.append(size)
            begin = onnx.helper.make_node("ConstantOfShape", [size.name], [f"{name}/begin"])
            network.graph.node.insert(0, begin)
            node.input[5] = node.input[6] = begin.output[0]


def _with_known_operators(network: Any) -> Any:
    """Operators that onnx2tf lacks by those that ONNX defines them by, such as Attention.

    The network has fixed shapes. Raises ModelError of one that is defined by no others.
    """
    before: list[str] = []
    while unknown := _unknown_operators(network):
        if unknown == before:
            raise ModelError(
                f"onnx2tf does not know the operator {unknown[0]}: export with an older opset_version, such "
                "as 18, or give the .pt2, .keras or SavedModel that it was made of"
            )
        before, typed = unknown, {value.name for value in network.graph.value_info}
        network.graph.value_info.extend(  # as definitions depend on types
            onnx.helper.make_tensor_value_info(each.name, each.data_type, each.dims)
            for each in network.graph.initializer
            if each.name not in typed
        )
        functions = [("", kind) for kind in unknown]
        inline = onnx.inliner.inline_selected_functions
        network, _ = onnxsim.simplify(inline(network, functions, inline_schema_functions=True))
    return network


def _unknown_operators(network: Any) -> list[str]:
    """onnx2tf has a module for each that it knows."""
    kinds = {node.op_type for node in network.graph.node}
    return sorted(kind for kind in kinds if find_spec(f"onnx2tf.ops.{kind}") is None)


def _to_saved_model(network: Any, folder: Path, names: list[str]) -> Path:
    """Windows keep their axes as they are; onnx2tf takes (1, T, C, H, W) for a volume otherwise."""
    os.chdir(folder)
    rng = np.random.default_rng(0)
    np.save(_TEST_IMAGES, rng.random((20, 128, 128, 3), np.float32))  # else it downloads them
    onnx.save(network, "network.onnx")
    onnx2tf.convert(
        input_onnx_file_path="network.onnx",
        output_folder_path="saved_model",
        output_signaturedefs=True,
        not_use_onnxsim=True,  # done above
        enable_rnn_unroll=True,
        keep_shape_absolutely_input_names=names,
        non_verbose=True,
    )
    return folder / "saved_model"
