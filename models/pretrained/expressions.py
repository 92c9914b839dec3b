"""Values on their way from a graph's small operations to Keras layers.

A frozen graph spells a layer as several operations: a product, a factor, an
offset, two limits. An expression holds back its layer, so that a constant behind
it can still go into the weights. Predictions for its `tensor`, it becomes a layer, once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from keras import layers

from edge_common import ModelError


class Expression(Protocol):
    """Whatever ends as a Keras tensor."""

    @property
    def tensor(self) -> Any: ...


@dataclass(frozen=True)
class Known:
    """A tensor that stands already."""

    tensor: Any


@dataclass(frozen=True)
class Linear:
    """A convolution or matrix product with `bias` (channels,).

    kernel: the channels of the result are its last axis, or its last two.
    layer: makes the Keras layer of a name.
    """

    name: str
    source: Any
    kernel: np.ndarray
    bias: np.ndarray
    layer: Callable[[str], layers.Layer]

    @cached_property
    def tensor(self) -> Any:
        layer = self.layer(self.name)
        result = layer(self.source)
        layer.set_weights([self.kernel, self.bias])
        return result


@dataclass(frozen=True)
class Affine:
    """`scale` and `offset` (channels,) behind something that cannot take them in."""

    name: str
    source: Any
    scale: np.ndarray
    offset: np.ndarray

    @cached_property
    def tensor(self) -> Any:
        # what a frozen graph keeps of a batch normalisation: gamma and beta, nothing to normalise
        layer = layers.BatchNormalization(epsilon=0.0, name=self.name)
        result = layer(self.source)
        zeros, ones = np.zeros_like(self.scale), np.ones_like(self.scale)
        layer.set_weights([self.scale, self.offset, zeros, ones])
        return result


@dataclass(frozen=True)
class Limited:
    """Limits `low` and `high` of all values."""

    name: str
    source: Any
    low: float
    high: float

    @cached_property
    def tensor(self) -> Any:
        if self.low != 0:
            raise ModelError(f"{self.name} limits values to {self.low} and more: only 0 is known")
        limit = None if np.isinf(self.high) else self.high
        return layers.ReLU(limit, name=self.name)(self.source)


def times(value: Expression, factor: np.ndarray, name: str) -> Expression:
    """`value` times a constant a channel, or one for all."""
    if isinstance(value, Linear):
        scale = _a_channel(factor, len(value.bias), name)
        kernel = value.kernel * scale.reshape(value.kernel.shape[-2:] if _depthwise(value) else -1)
        return Linear(name, value.source, kernel, value.bias * scale, value.layer)
    if isinstance(value, Affine):
        scale = _a_channel(factor, len(value.scale), name)
        return Affine(name, value.source, value.scale * scale, value.offset * scale)
    scale = _a_channel(factor, value.tensor.shape[-1], name)
    return Affine(name, value.tensor, scale, np.zeros_like(scale))


def plus(value: Expression, offset: np.ndarray, name: str) -> Expression:
    """`value` plus a constant a channel, or one for all."""
    if isinstance(value, Linear):
        bias = value.bias + _a_channel(offset, len(value.bias), name)
        return Linear(name, value.source, value.kernel, bias, value.layer)
    if isinstance(value, Affine):
        offsets = value.offset + _a_channel(offset, len(value.offset), name)
        return Affine(name, value.source, value.scale, offsets)
    offsets = _a_channel(offset, value.tensor.shape[-1], name)
    return Affine(name, value.tensor, np.ones_like(offsets), offsets)


def limited(value: Expression, low: float, high: float, name: str) -> Expression:
    """`value` raised to `low`, then lowered to `high`; limits on limits are again limits."""
    if isinstance(value, Limited):
        within = [min(max(limit, low), high) for limit in (value.low, value.high)]
        return Limited(name, value.source, *within)
    return Limited(name, value.tensor, low, high)


def _depthwise(value: Linear) -> bool:
    return value.kernel.shape[-1] != len(value.bias)


def _a_channel(constant: np.ndarray, channels: int, name: str) -> np.ndarray:
    """(channels,) of a constant that stands for each of them."""
    if constant.size not in (1, constant.shape[-1] if constant.ndim else 1):
        raise ModelError(f"{name} combines with a constant of shape {constant.shape}: not known")
    return np.broadcast_to(constant.reshape(-1), (channels,)).astype(np.float32)
