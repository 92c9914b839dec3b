"""Networks that carry their memory in further inputs and outputs, as MoViNet's stream does."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edge.bundle.plain_tflite import Description
from edge.tflite import flatbuffer
from tests.flat_models import SIDE, Builder

AS_PIXELS = Description(value_range=(0.0, 255.0))
SIZE, CLASSES = 32, 5
STATES = tuple(
    f"state_{block}_{kind}"
    for block in ("block0", "block1", "head")
    for kind in ("stream_buffer", "pool_buffer", "pool_frame_count")
    if (block, kind) != ("head", "stream_buffer")
)


def write_files(folder: Path) -> None:
    """`float32.tflite` and `int8.tflite`, converted by TensorFlow alone."""
    model = _network()
    for name in ("float32", "int8"):
        (folder / f"{name}.tflite").write_bytes(_converted(model, name == "int8"))


def _network() -> Any:
    """Causal convolutions over buffers, cumulative averages with a frame counter, one frame in."""
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(3)
    image = keras.Input(batch_shape=(1, 1, SIZE, SIZE, 3), name="image")
    inputs, outputs = [image], {}

    def state(name: str, shape: Sequence[int], dtype: str = "float32") -> Any:
        inputs.append(keras.Input(batch_shape=shape, name=name, dtype=dtype))
        return inputs[-1]

    def convolution(filters: int, size: int, **more: Any) -> Any:
        strong = keras.initializers.RandomNormal(stddev=0.4)  # or all answers are alike
        return layers.Conv2D(filters, size, padding="same", kernel_initializer=strong, **more)

    def average(x: Any, block: str) -> Any:
        name, shape = f"state_{block}_pool", (1, 1, 1, x.shape[-1])
        total = state(f"{name}_buffer", shape) + ops.mean(x, (1, 2), keepdims=True)
        count = state(f"{name}_frame_count", (1,), "int32") + 1
        outputs[f"{name}_buffer"], outputs[f"{name}_frame_count"] = total, count
        return total / ops.reshape(ops.cast(count, "float32"), (1, 1, 1, 1))

    x = convolution(8, 3, strides=2, activation="relu6")(ops.squeeze(image, 1))
    for block in ("block0", "block1"):
        buffer = state(f"state_{block}_stream_buffer", (1, 2, *x.shape[1:]))
        frames = ops.concatenate([buffer, ops.expand_dims(x, 1)], 1)
        outputs[f"state_{block}_stream_buffer"] = frames[:, 1:]
        older, old, newest = (frames[:, i] for i in range(3))
        x = convolution(8, 3, activation="relu6")(ops.concatenate([older, old, newest], -1))
        x = x * convolution(8, 1, activation="sigmoid")(average(x, block))
    outputs["logits"] = layers.Dense(CLASSES)(layers.Flatten()(average(x, "head")))
    return keras.Model(inputs, outputs)


def _converted(model: Any, as_int8: bool) -> bytes:
    import tensorflow as tf

    def examples() -> Iterator[dict[str, np.ndarray]]:
        rng = np.random.default_rng(0)
        values = {i.name: np.zeros(i.shape, i.dtype) for i in model.inputs}
        for _ in range(8):
            values["image"] = rng.random((1, 1, SIZE, SIZE, 3), np.float32)
            yield dict(values)
            outputs = model(values)
            values |= {name: np.asarray(outputs[name]) for name in STATES}

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if as_int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = examples
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def changed(model: bytes, signed: bool = True, seed: int | None = None) -> bytes:
    """Without its signature and the names of its tensors, or with its ends in another order."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    if not signed:
        root.signatureDefs = []
        for number, tensor in enumerate(graph.tensors):
            tensor.name = f"tensor_{number}".encode()
    if seed is not None:
        rng = np.random.default_rng(seed)
        graph.inputs, graph.outputs = rng.permutation(graph.inputs), rng.permutation(graph.outputs)
    return flatbuffer.write(root)


class ByHand:
    """The same network run with the interpreter alone, its states put back by their names.

    order: positions of the states among inputs and outputs; by default as the signature says.
    """

    def __init__(self, model: bytes, order: Mapping[int, int] | None = None) -> None:
        self._interpreter = Interpreter(model_content=model, num_threads=1)
        self._interpreter.allocate_tensors()
        self._in = self._interpreter.get_input_details()
        self._out = self._interpreter.get_output_details()
        self._order = order or _by_signature(self._interpreter, self._in, self._out)
        self.restart()

    def restart(self) -> None:
        """Begin with states whose real value is 0."""
        self._states = {
            i: np.full(self._in[i]["shape"], self._in[i]["quantization"][1], self._in[i]["dtype"])
            for i in self._order
        }

    def step(self, image: np.ndarray) -> list[np.ndarray]:
        """All outputs, in the graph's order."""
        for position, detail in enumerate(self._in):
            self._interpreter.set_tensor(detail["index"], self._states.get(position, image))
        self._interpreter.invoke()
        outputs = [self._interpreter.get_tensor(detail["index"]) for detail in self._out]
        for read, written in self._order.items():
            self._states[read] = _requantised(outputs[written], self._out[written], self._in[read])
        return outputs


def _by_signature(interpreter: Interpreter, inputs: Any, outputs: Any) -> dict[int, int]:
    runner = interpreter.get_signature_runner()
    places = [
        {name: indices.index(detail["index"]) for name, detail in details.items()}
        for details, indices in (
            (runner.get_input_details(), [detail["index"] for detail in inputs]),
            (runner.get_output_details(), [detail["index"] for detail in outputs]),
        )
    ]
    return {places[0][name]: places[1][name] for name in STATES}


def _requantised(values: np.ndarray, written: Any, read: Any) -> np.ndarray:
    (scale, zero_point), (new_scale, new_zero_point) = (d["quantization"] for d in (written, read))
    if (scale, zero_point) == (new_scale, new_zero_point):
        return values
    limits = np.iinfo(read["dtype"])
    real = (values.astype(np.float64) - zero_point) * scale
    return np.clip(np.rint(real / new_scale) + new_zero_point, limits.min, limits.max).astype(
        read["dtype"]
    )


def sums(
    read: Sequence[str], written: Sequence[str], order: Sequence[int] = (), shape: int = 3
) -> bytes:
    """States that add up the frame's mean colour, each what the one before it gives.

    The last is the answer, `scores`. order: of the outputs, in which the answer is the last.
    """
    builder = Builder()
    frame = builder.tensor((1, SIDE, SIDE, 3), name=b"frame")
    inputs, outputs, last = [frame], [], builder.tensor((1, shape))
    options = schema.ReducerOptionsT()
    builder.operator("MEAN", [frame, builder.constant(np.int32([1, 2]))], [last], options)
    for name, other in zip(read, written):
        inputs.append(builder.tensor((1, shape), name=name.encode()))
        outputs.append(builder.tensor((1, shape), name=other.encode()))
        builder.operator("ADD", [inputs[-1], last], [outputs[-1]], schema.AddOptionsT())
        last = outputs[-1]
    outputs.append(builder.tensor((1, 1, shape), name=b"scores"))
    builder.operator("RESHAPE", [last, builder.constant(np.int32([1, 1, shape]))], [outputs[-1]])
    return builder.finish(inputs, [outputs[i] for i in order or range(len(outputs))])


def delays() -> bytes:
    """The colour of the frame before the last: one output is the input of the other state."""
    builder = Builder()
    frame = builder.tensor((1, SIDE, SIDE, 3), name=b"frame")
    colour, options = builder.tensor((1, 3), name=b"last_next"), schema.ReducerOptionsT()
    builder.operator("MEAN", [frame, builder.constant(np.int32([1, 2]))], [colour], options)
    last = builder.tensor((1, 3), name=b"last_prev")
    before = builder.tensor((1, 3), name=b"before_prev")
    scores = builder.tensor((1, 1, 3), name=b"scores")
    builder.operator("RESHAPE", [before, builder.constant(np.int32([1, 1, 3]))], [scores])
    return builder.finish([frame, last, before], [colour, last, scores])
