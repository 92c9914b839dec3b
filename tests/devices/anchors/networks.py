"""The networks whose instructions are counted: those of the published figures, and others beside.

Weights are random: what is executed does not depend on them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from edge_models.networks.efficientnet_lite0 import efficientnet_lite0

_APPLICATIONS = keras.applications
PRECISIONS = ("fp32", "int8", "dynamic")


def _input(size: int) -> keras.KerasTensor:
    return keras.Input(batch_shape=(1, size, size, 3))


def _lite0(size: int) -> keras.Model:
    pixels = _input(size)
    return keras.Model(pixels, efficientnet_lite0(size)(pixels))


def _application(name: str, size: int, **options: object) -> Callable[[], keras.Model]:
    build = getattr(_APPLICATIONS, name)
    return lambda: build(weights=None, input_tensor=_input(size), **options)


_V3 = {"include_preprocessing": False}
# name -> (how to build it, precisions)
NETWORKS: dict[str, tuple[Callable[[], keras.Model], tuple[str, ...]]] = {
    "mobilenet_v1_224": (_application("MobileNet", 224), ("fp32", "int8")),
    "mobilenet_v2_224": (_application("MobileNetV2", 224), ("fp32", "int8")),
    "mobilenet_v2_300": (
        _application("MobileNetV2", 300, include_top=False),
        ("fp32", "int8"),
    ),
    "mobilenet_v3_large_224": (_application("MobileNetV3Large", 224, **_V3), ("fp32", "int8")),
    "mobilenet_v3_small_224": (_application("MobileNetV3Small", 224, **_V3), PRECISIONS),
    "efficientnet_lite0_320": (lambda: _lite0(320), ("fp32", "int8")),
    "resnet50_224": (_application("ResNet50", 224), ("int8",)),
    "resnet50_160": (_application("ResNet50", 160), PRECISIONS),
    "efficientnet_b0_128": (_application("EfficientNetB0", 128), PRECISIONS),
    "mobilenet_v1_0.5_128": (_application("MobileNet", 128, alpha=0.5), PRECISIONS),
    "mobilenet_v2_0.35_96": (_application("MobileNetV2", 96, alpha=0.35), PRECISIONS),
}


def write_networks(folder: Path) -> Iterator[Path]:
    """Convert every network in each of its precisions, `NAME.PRECISION.tflite`, if not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (build, precisions) in NETWORKS.items():
        paths = [folder / f"{name}.{precision}.tflite" for precision in precisions]
        if not all(path.exists() for path in paths):
            network = build()
            for path, precision in zip(paths, precisions):
                path.write_bytes(_converted(network, precision))
            keras.backend.clear_session()
        yield from paths


def _converted(network: keras.Model, precision: str) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "int8":
        random, shape = np.random.default_rng(0), network.inputs[0].shape
        converter.representative_dataset = lambda: (
            [random.random(shape, dtype=np.float32) * 2 - 1] for _ in range(4)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()
