"""Operators of TensorFlow that TFLite has not, by such that it has."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

# M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 7.1.26: within 1.5e-7
_SLOPE = 0.3275911
_TERMS = 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592


def _erf(_operator: Any) -> Callable[..., tf.Tensor]:
    def compute(x: tf.Tensor) -> tf.Tensor:
        size = tf.abs(x)
        t = 1 / (1 + _SLOPE * size)
        series = tf.zeros_like(t)
        for term in _TERMS:
            series = (series + term) * t
        return tf.sign(x) * (1 - series * tf.exp(-size * size))

    return compute


def _pool(operator: Any) -> Callable[..., tf.Tensor]:
    """Over space, then over time: a maximum or mean over a box is that over its faces."""
    pool = {"MaxPool3D": tf.nn.max_pool2d, "AvgPool3D": tf.nn.avg_pool2d}[operator.type]
    _, *kernel, _ = operator.get_attr("ksize")
    _, *stride, _ = operator.get_attr("strides")
    padding = operator.get_attr("padding").decode()

    def compute(x: tf.Tensor) -> tf.Tensor:
        n, time, *maps = x.shape
        y = pool(tf.reshape(x, (n * time, *maps)), kernel[1:], stride[1:], padding)
        _, height, width, channels = y.shape
        y = tf.reshape(y, (n, time, height * width, channels))
        y = pool(y, (kernel[0], 1), (stride[0], 1), padding)
        return tf.reshape(y, (n, -1, height, width, channels))

    return compute


OPERATORS: dict[str, Callable[[Any], Callable[..., tf.Tensor]]] = {
    "AvgPool3D": _pool,
    "Erf": _erf,
    "MaxPool3D": _pool,
}
