"""A .tflite as it is, or in standard form."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from edge.engine import trial
from edge.engine.engine import Engine
from edge.engine.runtimes import EDGE_TPU_OPERATOR
from edge.shipped import PLAIN_SUFFIXES
from edge.stream import given_beside
from edge.tflite import flatbuffer, tables
from edge_common import EngineError, ModelError, console
from edge_convert import inputs
from edge_convert.cut.tflite import form, main_graph
from edge_convert.sources.reference import Reference, examples_of


def tflite_bytes(path: Path) -> bytes:
    """The file as it is, which ran once. Raises ModelError if it is none that LiteRT loads.

    Its first run is in a process of its own: EngineError if it crashes there.
    """
    model = tables.read_model(path, ModelError)
    if EDGE_TPU_OPERATOR in model:
        raise ModelError(
            f"{path} was compiled for the Edge TPU, and only that runs it: give the .tflite that it "
            "was compiled of, or run it as it is (edge-run --delegate edgetpu)"
        )
    trial.require(path.name, model)
    try:
        Engine(model)  # it checks all offsets, which the reader of flatbuffers does not
    except EngineError as error:
        reason = " ".join(str(error.__cause__).split())[:200]
        if "Select TensorFlow op" in reason:
            raise ModelError(
                f"{path} holds operators of TensorFlow itself (SELECT_TF_OPS), which LiteRT has not: give "
                "the .keras file or the SavedModel that it was made of"
            ) from error
        raise ModelError(f"{path} is cut short, or LiteRT does not know it: {reason}") from error
    return model


def is_quantised_file(path: Path) -> bool:
    """Whether this is a .tflite that computes with integers already, which is only wrapped."""
    if path.suffix.lower() not in PLAIN_SUFFIXES or not path.exists():
        return False
    return main_graph.is_quantised(flatbuffer.view(tflite_bytes(path)))


def read_tflite(path: Path, request: inputs.InputRequest) -> tuple[bytes, str]:
    """The model in standard form, and its origin. Raises ModelError if it has another form."""
    model = tflite_bytes(path)
    root = flatbuffer.view(model)
    if main_graph.is_quantised(root):
        raise ModelError(form.quantised_already(path.name))
    if any(flatbuffer.operators(root, "ASSIGN_VARIABLE")):
        raise ModelError(
            f"{path.name} goes on from call to call with what it keeps (ASSIGN_VARIABLE): convert the "
            "network that it was made of, with stateful=False; a window holds all that is needed"
        )
    graph = tables.Graph.of(model)
    specs = [tables.specification(tensor) for tensor in graph.inputs]
    names = [name or spec.name for name, spec in zip(graph.signature()[0], specs)]
    tensors = [
        inputs.TensorForm(name, _sizes(tensor), spec.dtype)
        for name, tensor, spec in zip(names, graph.inputs, specs)
    ]
    request = request.renamed({spec.name: name for spec, name in zip(specs, names)})
    use = inputs.network_inputs(path.name, tensors, request)
    inputs.refuse_shrinkage(path.name, use)
    model = _with_fixed_inputs(model, tensors, use)
    for note in use.notes:
        console.note(note)
    names = [name for name in names if name in (use.name, *use.given_shapes)]
    side_values = [name for name in names if name != use.name]
    standard = form.standard_form(
        model, path.name, use.layout, kind=use.kind, batch=use.batch, given=side_values
    )
    original = Reference.of(
        partial(_answers, model, names), examples_of(use), use.layout, use.batch
    )
    original.check(standard, path.name)
    return standard, "TFLite"


def _sizes(tensor: tables.FlatbufferTable) -> inputs.Sizes:
    return tuple(size if size > 0 else None for size in tables.open_shape(tensor))


def _with_fixed_inputs(
    model: bytes, tensors: Sequence[inputs.TensorForm], use: inputs.NetworkInputs
) -> bytes:
    """With shapes that leave nothing open, constants for what is no image, and one input of frames."""
    beside = use.values_beside(tensors)
    arrays = {name: array.shape for name, array in beside.items()}
    shapes = {use.name: use.fixed_shape, **arrays, **use.given_shapes}
    for form_of, tensor in zip(tensors, tables.Graph.of(model).inputs):
        shape = shapes.get(form_of.name)
        if shape and tables.open_shape(tensor) != shape:
            model = tables.with_shape(model, tensor, shape)
    if not (beside or use.samples):
        return model
    root = flatbuffer.read(model)
    graph, outputs = root.subgraphs[0], main_graph.outputs_of(root)
    indices = {entry.name: int(index) for index, entry in zip(graph.inputs, tensors)}
    for name, values in beside.items():
        main_graph.set_constant(root, indices[name], values)
    source = indices[use.name]
    some = [
        main_graph.gather(root, source, frames, indices[name], use.time_axis)
        for name, frames in use.samples.items()
    ]
    graph.operators = [*some, *graph.operators]
    remaining = {
        name: index for name, index in indices.items() if name in (use.name, *use.given_shapes)
    }
    main_graph.sign(root, remaining, outputs)
    return flatbuffer.write(root)


def _answers(model: bytes, names: Sequence[str], frames: np.ndarray) -> dict[str, np.ndarray]:
    """What it answers to frames, and what is given beside.  names: of its inputs, in order."""
    engine, root, side_values = Engine(model), flatbuffer.view(model), given_beside(frames)
    for index, name in enumerate(names):
        engine.input(index)[...] = side_values.get(name, frames)  # which may be whole numbers
    engine.invoke()
    order = list(root.subgraphs[0].outputs)
    return {
        name: engine.output(order.index(i)).copy()
        for name, i in main_graph.outputs_of(root).items()
    }
