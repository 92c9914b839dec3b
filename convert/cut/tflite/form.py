"""The one form that a float32 .tflite is brought to, wherever it comes from: static shapes, floats."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert import layouts
from edge_convert.cut.tflite import batches, main_graph, whole_numbers
from edge_convert.cut.tflite.prune import prune, tidy

_WITHOUT_FOLDING = frozenset(
    {"RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL", "VAR_HANDLE"}
)

# operands that say how large an output is
_SIZES = {
    "BROADCAST_TO": (1,), "EXPAND_DIMS": (1,), "FILL": (0,), "PAD": (1,), "PADV2": (1,), "RANGE": (0, 1, 2),
    "RESHAPE": (1,), "SLICE": (2,), "STRIDED_SLICE": (1, 2, 3), "TILE": (1,), "WHERE": (0,),
}  # fmt: skip


def with_static_shapes(model: bytes) -> bytes:
    """The same graph with the shapes that its tensors take when its input has those in the file.

    What depends on shapes and constants alone (SHAPE and what is done to it, weights kept in
    float16) becomes a constant. Raises ModelError if the graph cannot be run, or has sizes that depend
    on what the input shows.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    computed = _computed_constants(root)
    dynamic = [t for t in graph.tensors if t.shapeSignature is not None and -1 in t.shapeSignature]
    if not computed and not dynamic:
        return model
    _refuse_sizes_by_content(root, computed)
    interpreter = _run(model)
    values = {index: _value(interpreter, index) for index in range(len(graph.tensors))}
    outputs = {int(index) for operator in graph.operators for index in operator.outputs}
    for index, value in values.items():
        tensor = graph.tensors[index]
        tensor.shapeSignature = None
        if value is not None and index in computed:
            main_graph.set_constant(root, index, value)
        elif value is not None and index in outputs:
            tensor.shape = list(value.shape)
    folded = {index for index in computed if values[index] is not None}
    graph.operators = [o for o in graph.operators if not folded.issuperset(map(int, o.outputs))]
    main_graph.sign(root, main_graph.inputs_by_name(root), main_graph.outputs_of(root))
    prune(root)
    return flatbuffer.write(root)


def _refuse_sizes_by_content(root: Any, computed: set[int]) -> None:
    graph = root.subgraphs[0]
    for operator in graph.operators:
        inputs, kind = main_graph.inputs_of(operator), flatbuffer.operator_name(root, operator)
        signatures = [graph.tensors[index].shapeSignature for index in operator.outputs]
        if not any(each is not None and -1 in each for each in signatures):
            continue
        for position in _SIZES.get(kind, ()):
            index = inputs[position] if position < len(inputs) else -1
            is_known = (
                index < 0 or index in computed or main_graph.constant(root, index) is not None
            )
            if not is_known:
                name = graph.tensors[index].name.decode()
                raise ModelError(
                    f"how large the output of a {kind} is depends on what the frames show, by {name}: "
                    "give it a fixed size"
                )


def _computed_constants(root: Any) -> set[int]:
    """Outputs of operators that read constants, or only ask for a shape."""
    graph, computed = root.subgraphs[0], set()
    answers = set(map(int, graph.outputs))
    for operator in graph.operators:
        kind = flatbuffer.operator_name(root, operator)
        constant_inputs = all(
            i in computed or main_graph.constant(root, i) is not None
            for i in main_graph.inputs_of(operator)
        )
        outputs = set(map(int, operator.outputs))
        if (
            (constant_inputs or kind == "SHAPE")
            and kind not in _WITHOUT_FOLDING
            and not outputs & answers
        ):
            computed |= outputs
    return computed


def _run(model: bytes) -> Interpreter:
    with console.captured_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the memory that kept tensors take
        try:
            interpreter = Interpreter(
                model_content=model,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            interpreter.allocate_tensors()
            for detail in interpreter.get_input_details():
                interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"the graph does not run for a batch of 1: {error}") from error
    return interpreter


def _value(interpreter: Interpreter, index: int) -> np.ndarray | None:
    try:
        return interpreter.get_tensor(index)
    except ValueError:  # nobody computed it
        return None


FRAME, WINDOW = "frame", "window"


def standard_form(
    model: bytes,
    name: str,
    layout: str = "",
    names: Mapping[str, str] | None = None,
    order: Iterable[str] = (),
    kind: str = "",
    batch: int = 1,
    given: Iterable[str] = (),
) -> bytes:
    """A float32 .tflite with static shapes, one channels-last input and one signature.

    The input is `frame` (1, H, W, C), `window` (1, T, H, W, C) or, if that is its kind, `features`
    (1, T, ...); outputs are called as the first signature says, or as `names` makes of that, and
    stand in the given order.
    name: of the model, for messages. layout: of `model`'s input of images; "": as here.
    batch: how many windows `model` takes at once.  given: what its other inputs are called, in order;
    they stand behind the first and are vectors, (1, n), or numbers.
    Raises ModelError if the model is no float network of that kind.
    """
    model = whole_numbers.with_float_input(model, name)
    source_root = flatbuffer.read(model)
    if not kind:
        check_input(source_root, name)
    if main_graph.is_quantised(source_root) or not _takes_floats(source_root):
        raise ModelError(quantised_already(name))
    model = with_static_shapes(model)
    if batch > 1:
        model = _of_one_window(model, batch, name)
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    source, *beside = sorted(map(int, graph.inputs), key=lambda i: -len(graph.tensors[i].shape))
    by_name = dict(zip(given, (i for i in map(int, graph.inputs) if i in beside), strict=True))
    shape = flatbuffer.shape_of(graph.tensors[source])
    positions = {(names or {}).get(n, n): index for n, index in main_graph.outputs_of(root).items()}
    outputs = {n: positions[n] for n in [*order, *positions] if n in positions}
    called = kind or (FRAME if len(shape) == 4 else WINDOW)
    if layout and layout != layouts.own_order(layout):
        own = main_graph.add_tensor(root, called, layouts.sizes_in_own_order(shape, layout))
        moved, moves = source, []
        if "C" not in layout:  # grey frames without an axis for it
            moved = main_graph.add_tensor(root, called, (*shape, 1))
            moves = [main_graph.reshape(root, moved, source)]
        moves.insert(0, main_graph.transpose(root, own, moved, layouts.axes_of(layout)))
        graph.operators = [*moves, *graph.operators]
        source = own
    else:
        graph.tensors[source].name = called.encode()
    main_graph.sign(root, {called: source, **by_name}, outputs)
    tidy(root)
    return flatbuffer.write(root)


def _of_one_window(model: bytes, batch: int, name: str) -> bytes:
    try:
        return with_static_shapes(batches.with_batch_of_one(model, batch))
    except ModelError as error:
        raise ModelError(
            f"{name} is built for {batch} windows at once and cannot be rebuilt for one ({error}): build or "
            "export it for a batch of 1, or of any size"
        ) from error


def quantised_already(name: str) -> str:
    return (
        f"{name} is quantised already or does not take float32: convert the float network that "
        "it was made of, or run it as it is with edge-run"
    )


def check_input(root: Any, name: str) -> None:
    """Raises ModelError if the only input is no image or window of fixed size."""
    graph = root.subgraphs[0]
    inputs = [graph.tensors[index] for index in graph.inputs]
    if len(inputs) != 1:
        names = ", ".join(f"'{main_graph.name_of(tensor)}'" for tensor in inputs)
        raise ModelError(f"{name} has {len(inputs)} inputs ({names}): only one can be the images")
    signature = inputs[0].shapeSignature
    shape = flatbuffer.shape_of(inputs[0]) if signature is None else tuple(map(int, signature))
    if len(shape) not in (4, 5) or shape[0] not in (-1, 1) or -1 in shape[1:]:
        raise ModelError(
            f"{name} takes {list(shape)}: only an image or a window of fixed size with a batch of "
            "1 can be converted, (1, [T,] H, W, C)"
        )


def _takes_floats(root: Any) -> bool:
    graph = root.subgraphs[0]
    return all(graph.tensors[index].type == schema.TensorType.FLOAT32 for index in graph.inputs)


def with_biases_apart(model: bytes) -> bytes:
    """The graph with the bias of a matrix product added behind it if another product has none.

    An unrolled LSTM has it within the first step's product, and then not: without it, all steps
    multiply the frames alike.
    """
    if not _biased(flatbuffer.view(model)):
        return model
    root = flatbuffer.read(model)
    biased = _biased(root)
    graph, fused = root.subgraphs[0], schema.ActivationFunctionType.NONE
    for product in biased:
        target, bias = int(product.outputs[0]), int(product.inputs[2])
        name, shape = main_graph.name_of(graph.tensors[target]), graph.tensors[target].shape
        bare_output = main_graph.add_tensor(root, f"{name.split(';')[0]}_unbiased", tuple(shape))
        activation = product.builtinOptions.fusedActivationFunction
        product.inputs, product.outputs = [*product.inputs[:2], -1], [bare_output]
        product.builtinOptions.fusedActivationFunction = fused
        add = main_graph.elementwise(root, "ADD", (bare_output, bias), target, activation)
        position = next(i for i, o in enumerate(graph.operators) if o is product)
        graph.operators.insert(position + 1, add)
    return flatbuffer.write(root)


def _biased(root: Any) -> list[Any]:
    """The products that add a bias to what others multiply without one."""
    products = list(flatbuffer.operators(root, "FULLY_CONNECTED"))
    bare = {int(o.inputs[1]) for o in products if not _has_bias(o)}
    return [o for o in products if _has_bias(o) and int(o.inputs[1]) in bare]


def _has_bias(product: Any) -> bool:
    return len(product.inputs) > 2 and int(product.inputs[2]) >= 0
