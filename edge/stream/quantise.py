"""Between real values and the integers of a quantised tensor (TFLite's affine scheme).

real = (q - zero_point) * scale; see "Quantization and Training of Neural Networks
for Efficient Integer-Arithmetic-Only Inference", Jacob et al. 2018.
"""

import numpy as np

from edge.bundle import TensorSpec


def quantise(values: np.ndarray, tensor: TensorSpec) -> np.ndarray:
    """Real values as they stand in `tensor`: rounded to nearest even, saturated."""
    if not tensor.quantised:
        return np.asarray(values, tensor.dtype)
    limits = np.iinfo(tensor.dtype)
    steps = np.rint(np.asarray(values, np.float64) / tensor.scale) + tensor.zero_point
    quantised: np.ndarray = np.clip(steps, limits.min, limits.max).astype(tensor.dtype)
    return quantised


def dequantise(steps: np.ndarray, tensor: TensorSpec) -> np.ndarray:
    """What `tensor`'s contents stand for: a new float32 array."""
    if not tensor.quantised:
        return np.array(steps, np.float32)
    shifted = steps.astype(np.float32) - np.float32(tensor.zero_point)
    return shifted * np.float32(tensor.scale)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, float32 (k,)."""
    powers: np.ndarray = np.exp(logits - logits.max())
    powers /= powers.sum()
    return powers


def transfer(
    source: np.ndarray, tensor: TensorSpec, slot: np.ndarray, slot_tensor: TensorSpec
) -> None:
    """Write `source`, laid out as `tensor` says, into `slot`, laid out as `wanted` says."""
    layout = (tensor.dtype, tensor.scale, tensor.zero_point)
    if layout == (slot_tensor.dtype, slot_tensor.scale, slot_tensor.zero_point):
        np.copyto(slot, source)
    elif slot_tensor.quantised:
        np.copyto(slot, quantise(dequantise(source, tensor), slot_tensor))
    elif tensor.quantised:
        np.copyto(slot, source)  # converting first: a mixed subtraction goes through a buffer
        np.subtract(slot, np.float32(tensor.zero_point), out=slot)
        np.multiply(slot, np.float32(tensor.scale), out=slot)
    else:
        np.copyto(slot, source, casting="same_kind")
