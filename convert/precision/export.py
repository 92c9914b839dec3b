"""A .tflite of a Keras model, by TFLite's own converter."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph


def tflite_of(model: Any, examples: np.ndarray | None = None) -> bytes:
    """A .tflite of a Keras model: float32 or, with `examples` of its only input, int8.

    Traced once and frozen. `from_keras_model` makes the same graph, but exports a SavedModel for it,
    reads that again and so traces every layer six times.
    """
    import tensorflow as tf
    from keras import tree

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, tensor.name) for tensor in model.inputs]

    @tf.function
    def answer(*values: Any) -> Any:
        return model(tree.pack_sequence_as(model.input, values), training=False)

    traced = answer.get_concrete_function(*specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
    if examples is not None:
        _to_int8(tf, converter, examples)
    root = flatbuffer.read(converter.convert())
    graph, outputs = root.subgraphs[0], traced.structured_outputs
    named = isinstance(outputs, Mapping)
    names = sorted(outputs) if named else [f"output_{i}" for i in range(len(model.outputs))]
    inputs = zip([tensor.name for tensor in model.inputs], graph.inputs)
    main_graph.sign(root, dict(inputs), dict(zip(names, graph.outputs)))
    return flatbuffer.write(root)


def _to_int8(tf: Any, converter: Any, examples: np.ndarray) -> None:
    """As TFLite's guide to post-training quantisation does it."""

    def representative() -> Iterator[list[np.ndarray]]:
        return ([example[None]] for example in examples)

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
