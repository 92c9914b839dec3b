"""A .tflite of a Keras model, by TFLite's own converter."""

from collections.abc import Iterator, Mapping
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph

_LARGE = 15_000_000  # weights; freezing them makes a dozen copies


def tflite_of(model: Any, examples: np.ndarray | None = None) -> bytes:
    """A .tflite of a Keras model: float32 or, with `examples` of its only input, int8.

    Traced once and frozen. `from_keras_model` makes the same graph, but exports a SavedModel for it,
    reads that again and so traces every layer six times. Of a large model what was traced is saved and
    read: that takes a third longer and half of the memory.
    """
    import tensorflow as tf
    from keras import tree

    inputs = {f"input_{i}": tensor for i, tensor in enumerate(model.inputs)}
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name) for name, tensor in inputs.items()]

    @tf.function
    def answer(*values: Any) -> Any:
        return model(tree.pack_sequence_as(model.input, values), training=False)

    traced = answer.get_concrete_function(*specs)
    named = isinstance(traced.structured_outputs, Mapping)
    outputs = (
        sorted(traced.structured_outputs)
        if named
        else [f"output_{i}" for i in range(len(model.outputs))]
    )
    if examples is None and model.count_params() > _LARGE:
        root = flatbuffer.read(_saved_and_converted(tf, model, traced))
        entries = root.signatureDefs[0]
        places = {e.name.decode(): e.tensorIndex for e in (*entries.inputs, *entries.outputs)}
    else:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
        converter.exclude_conversion_metadata = True  # for which the file is read and written again
        if examples is not None:
            _to_int8(tf, converter, examples)
        root = flatbuffer.read(converter.convert())
        graph = root.subgraphs[0]
        places = dict(zip((*inputs, *outputs), (*graph.inputs, *graph.outputs)))
    sources = {tensor.name: places[name] for name, tensor in inputs.items()}
    main_graph.sign(root, sources, {name: places[name] for name in outputs})
    return flatbuffer.write(root)


def _saved_and_converted(tf: Any, model: Any, traced: Any) -> bytes:
    """With one signature. `traced` is saved with the model's variables, and not traced again."""
    holder = tf.Module()
    holder.variables_of_model = [variable.value for variable in model.variables]
    with TemporaryDirectory(prefix="edge-convert-") as folder:
        tf.saved_model.save(holder, folder, signatures=traced)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.exclude_conversion_metadata = True  # two copies of the file fewer in memory
        return bytes(converter.convert())


def _to_int8(tf: Any, converter: Any, examples: np.ndarray) -> None:
    """As TFLite's guide to post-training quantisation does it."""

    def representative() -> Iterator[list[np.ndarray]]:
        return ([example[None]] for example in examples)

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
