"""A Keras network over one window in the form that TFLite can convert, same layers and weights.

Frames stand in the batch where Keras would copy a layer for each of them, recurrent layers have
their steps written out, and volumes become images.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from edge_common import ModelError
from edge_convert import inputs, layouts
from edge_convert.frame_outputs import NewestFrame
from edge_convert.network import LayerValues
from edge_convert.sources import keras_layers
from edge_convert.sources.keras_model import functional, is_functional, named_outputs, telling_line

# what Keras and TensorFlow raise if shapes or constants do not fit a single window
MISFITS = (ArithmeticError, LookupError, TypeError, ValueError, tf.errors.OpError)


def whole_window(model: keras.Model, fold: bool = True) -> keras.Model:
    """The network with a batch of 1 and what TFLite can convert of its layers.

    fold: frames stand in the batch if `TimeDistributed` would copy its layer T times.
    Raises ModelError if a layer cannot be called on a batch of one window.
    """
    names = {operation.name for operation in model.operations}
    window = keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]), name=free("window", names))
    side_values = [_input_like(tensor, batch=1) for tensor in model.inputs[1:]]
    return _Rebuilder(fold).rebuilt(model, [window, *side_values])


def with_inputs_filled(model: keras.Model, use: inputs.NetworkInputs) -> keras.Model:
    """A network of one window with masks and constants beside its input, which hold these from now on.

    Layers lose a mask, of ones: it changes nothing but the work of each step.
    """
    tensors = {tensor.name: _input_like(tensor, batch=1) for tensor in model.inputs}
    outputs = keras.Model(model.inputs, named_outputs(model), name=model.name)
    masks = [tensors[name] for name in use.masks]
    rebuilt = _Rebuilder(True, masks).rebuilt(outputs, [tensors[t.name] for t in model.inputs])
    source = keras.Input(batch_shape=use.shape, name=use.kind)
    beside = constants_beside(model, use, source)
    side_values = given_inputs(use, batch_size=1)
    filled = [{**beside, **side_values}.get(t.name, source) for t in model.inputs]
    return keras.Model([source, *side_values.values()], rebuilt(filled), name=model.name)


def given_inputs(use: inputs.NetworkInputs, batch_size: int | None = None) -> dict[str, Any]:
    """What is given while the network runs, as further inputs."""
    return {n: keras.Input(s[1:], batch_size, name=n) for n, s in use.given_shapes.items()}


def constants_beside(model: keras.Model, use: inputs.NetworkInputs, source: Any) -> dict[str, Any]:
    """What the inputs beside the frames take, by name, for each window of `source`."""
    forms = [inputs.TensorForm(t.name, tuple(t.shape), t.dtype) for t in model.inputs]
    arrays = use.values_beside(forms).items()
    names = {operation.name for operation in model.operations}
    return {
        n: keras_layers.Constant(a[0].tolist(), str(a.dtype), name=free(f"{n}_held", names))(source)
        for n, a in arrays
    }


def with_own_order(model: keras.Model, use: inputs.NetworkInputs) -> keras.Model:
    """A network of one input (T, H, W, C) or (H, W, C), whatever axes, batch and inputs it had.

    Raises ModelError if a layer cannot be called on a batch of another size than it was built for.
    """
    names = {operation.name for operation in model.operations}
    source = keras.Input(use.own_shape[1:], name=free(use.kind, names))
    frames = source
    if use.layout != layouts.own_order(use.layout):
        axes, is_grey = layouts.axes_of(use.layout), "C" not in use.layout
        frames = keras_layers.AxesMoved(axes, is_grey, name=free("axes_moved", names))(source)
    side_values = given_inputs(use)
    tensors = {use.name: frames, **constants_beside(model, use, source), **side_values}
    for name, positions in use.samples.items():
        tensors[name] = keras_layers.FramesTaken(
            positions.tolist(), use.time_axis, name=free(f"frames_of_{name}", names)
        )(frames)
        if name in use.shrinkage:
            shrunk = layers.AveragePooling3D(
                (1, *use.shrinkage[name]), name=free(f"{name}_shrunk", names)
            )
            tensors[name] = shrunk(tensors[name])
    by_name = keras.Model(model.inputs, named_outputs(model), name=model.name)
    try:
        outputs = by_name._run_through_graph(
            keras.tree.pack_sequence_as(by_name.input, [tensors[t.name] for t in by_name.inputs]),
            operation_fn=lambda operation: operation,
        )
    except MISFITS as error:
        raise ModelError(
            f"{model.name} cannot be called on any number of windows: "
            f"{telling_line(error) or type(error).__name__}; build it with keras.Input without a batch_size"
        ) from error
    return keras.Model([source, *side_values.values()], outputs, name=model.name)


def layer_values(model: keras.Model, *values: Any) -> Iterator[LayerValues]:
    """What each layer gives, in order; before what a model gives, what its own layers do.

    Of `TimeDistributed` the frames stand in the batch.
    """
    operations = [
        o for o in model.operations if hasattr(o, "output") and not isinstance(o, layers.InputLayer)
    ]
    tensors = {
        f"{i}{side}": keras.tree.flatten(getattr(operation, side))[0]
        for i, operation in enumerate(operations)
        for side in ("input", "output")
    }
    activations = keras.Model(model.inputs, tensors)(list(values), training=False)
    for i, operation in enumerate(operations):
        source, result = (np.asarray(activations[f"{i}{side}"]) for side in ("input", "output"))
        inner = operation
        if isinstance(operation, layers.TimeDistributed):
            inner, source = operation.layer, source.reshape(-1, *source.shape[2:])
        if isinstance(inner, keras.Model) and len(inner.inputs) == 1:
            yield from layer_values(functional(inner), source)
        yield LayerValues(operation.name, type(operation).__name__, result)


def layer_names(model: keras.Model) -> dict[str, tuple[str, ...]]:
    """The layers of a network, and those inside of them, in the order of their calls."""
    return {name: (name,) for name in _names(model)}


def _names(operation: Any) -> Iterator[str]:
    inner = getattr(operation, "layer", None)
    parts = functional(operation).operations if isinstance(operation, keras.Model) else [inner]
    for part in parts:
        if part is not None:
            yield from _names(part)
            yield part.name


def at_newest(model: keras.Model, newest: Mapping[str, NewestFrame]) -> keras.Model:
    """The model with the newest frame's share of these outputs."""
    names, outputs = {operation.name for operation in model.operations}, named_outputs(model)
    for name, share in newest.items():
        layer = keras_layers.NewestShare(**vars(share), name=free("newest_frame", names))
        outputs[name] = layer(outputs[name])
        names.add(layer.name)
    return keras.Model(model.inputs, outputs, name=model.name)


def free(name: str, names: set[str]) -> str:
    """The name, or one like it that is not among `names`."""
    return next(n for n in (f"{name}_{i}" if i else name for i in count()) if n not in names)


class _Rebuilder:
    """Replays graphs, each layer in the form that TFLite can convert, made once.

    masks: tensors that hold ones alone.
    """

    def __init__(self, fold: bool, masks: Sequence[Any] = ()) -> None:
        self._fold = fold
        self._forms: dict[Any, keras_layers.Form] = {}
        self._ones = {id(mask): (mask, np.ones(mask.shape, mask.dtype)) for mask in masks}

    def rebuilt(self, model: keras.Model, tensors: Any) -> keras.Model:
        """The graph of a model on other inputs."""
        tensors = keras.tree.pack_sequence_as(model.input, keras.tree.flatten(tensors))
        return keras.models.clone_model(
            model, tensors, clone_function=lambda operation: operation, call_function=self._call
        )

    def _call(self, operation: Any, *args: Any, **options: Any) -> Any:
        options.pop("training", None)  # whatever was noted in the graph: this is inference
        if self._is_all_ones(options.get("mask")):
            del options["mask"]
        try:
            outputs = self._form(operation, args)(*args, **options)
            self._follow_ones(operation, args, options, outputs)
            return outputs
        except MISFITS as error:
            raise ModelError(
                f"the layer '{operation.name}' ({type(operation).__name__}) cannot be "
                f"called on a single window: {telling_line(error) or type(error).__name__}"
            ) from error

    def _is_all_ones(self, mask: Any) -> bool:
        masks = [each for each in keras.tree.flatten(mask) if each is not None]
        return bool(masks) and all(
            id(m) in self._ones and self._ones[id(m)][1].all() for m in masks
        )

    def _follow_ones(self, operation: Any, args: Any, options: Any, outputs: Any) -> None:
        """What is made of such masks alone is known, too."""
        tensors = [
            x for x in keras.tree.flatten((args, options)) if isinstance(x, keras.KerasTensor)
        ]
        if tensors and all(id(tensor) in self._ones for tensor in tensors):
            arguments = keras.tree.map_structure(self._value_of, (args, options))
            values = keras.tree.flatten(operation(*arguments[0], **arguments[1]))
            for output, value in zip(keras.tree.flatten(outputs), values, strict=True):
                self._ones[id(output)] = output, np.asarray(value)

    def _value_of(self, argument: Any) -> Any:
        return self._ones[id(argument)][1] if id(argument) in self._ones else argument

    def _form(self, operation: Any, args: Sequence[Any]) -> keras_layers.Form:
        """What stands for an operation on arguments of these shapes."""
        if not isinstance(operation, layers.Layer):
            return operation
        shapes = [tuple(t.shape) for t in keras.tree.flatten(args) if hasattr(t, "shape")]
        key = id(operation), repr(shapes)
        if key not in self._forms:
            self._forms[key] = self._made(operation, args)
        return self._forms[key]

    def _made(self, operation: Any, args: Sequence[Any]) -> keras_layers.Form:
        if self._fold and isinstance(operation, layers.TimeDistributed):
            return self._model_of(operation.name, args[0], self._over_steps(operation.layer))
        if is_functional(operation) or isinstance(operation, keras.Sequential):
            inner = functional(operation)
            return self.rebuilt(inner, keras.tree.map_structure(_input_like, inner.input))
        if steps := keras_layers.as_images(operation, args[0] if args else None):
            return self._model_of(operation.name, args[0], keras_layers.chained(steps))
        if keras_layers.loops(operation):
            return keras_layers.copied(operation, keras_layers.unrolled(operation.get_config()))
        return operation

    def _model_of(self, name: str, tensors: Any, body: keras_layers.Form) -> keras.Model:
        """A model of its own, so that the names of its layers clash with no others."""
        values = keras.Input(batch_shape=tensors.shape, dtype=tensors.dtype)
        return keras.Model(values, body(values), name=name)

    def _over_steps(self, layer: layers.Layer) -> keras_layers.Form:
        def call(values: Any) -> Any:
            steps = values.shape[1]
            outputs = self._call(layer, keras_layers.folded(values))
            return keras.tree.map_structure(
                lambda t: keras_layers.Refold((-1, steps, *t.shape[1:]))(t), outputs
            )

        return call


def _input_like(tensor: Any, batch: int | None = None) -> Any:
    shape = (batch or tensor.shape[0], *tensor.shape[1:])
    return keras.Input(batch_shape=shape, dtype=tensor.dtype, name=tensor.name)
