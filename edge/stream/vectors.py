"""Frames that are no images but vectors of features: landmarks, sensors."""

import numpy as np

from edge.bundle import TensorSpec
from edge.input_spec import InputSpec
from edge.stream.preprocess import FULL, Preprocessor, Region
from edge.stream.quantise import quantise
from edge_common import EdgeError


class VectorInput:
    """What a `Preprocessor` is for images: it checks a vector and quantises it into a tensor."""

    before: np.ndarray | None = None

    def __init__(self, spec: InputSpec, tensor: TensorSpec) -> None:
        self._width, self._tensor = spec.width, tensor
        self.resized = np.zeros(spec.width, np.float32)

    def __call__(self, vector: np.ndarray, out: np.ndarray, region: Region = FULL) -> None:
        """Write `vector` into `out` (F,), in place. Raises EdgeError as `prepare`."""
        self.quantise(self.prepare(vector, region), out)

    def prepare(self, vector: np.ndarray, region: Region = FULL) -> np.ndarray:
        """The vector as float32 (F,).

        Raises EdgeError if it is no vector of F finite numbers, or a part of an image is asked for.
        """
        if region != FULL:
            raise EdgeError(f"region {region} is of images, and frames are vectors: leave it out")
        self.resized = require_vector(vector, self._width)
        return self.resized

    def quantise(self, prepared: np.ndarray, out: np.ndarray) -> None:
        """Write what `prepare` gave into `out` of as many values, in place."""
        np.copyto(out, quantise(prepared, self._tensor).reshape(out.shape))


def preprocessor(spec: InputSpec, tensor: TensorSpec) -> Preprocessor | VectorInput:
    """What brings frames of that kind into a network's input."""
    if spec.is_features:
        return VectorInput(spec, tensor)
    if not spec.planes:
        return Preprocessor(spec, tensor)
    from edge.stream.planes import PlaneInput

    return PlaneInput(spec, tensor)


def require_vector(vector: object, width: int) -> np.ndarray:
    """As float32 (width,). Raises EdgeError if it is none, or holds NaN or infinity."""
    numbers = np.asarray(vector)
    if numbers.shape != (width,) or numbers.dtype.kind not in "fiu":
        is_image = numbers.ndim == 3
        form = f"{'an image' if is_image else 'a vector'}, {numbers.dtype} {numbers.shape}"
        raise EdgeError(f"a frame is a vector of {width} numbers, ({width},), and this is {form}")
    values = numbers.astype(np.float32)
    if not np.isfinite(values).all():
        number = int(np.flatnonzero(~np.isfinite(values))[0])
        raise EdgeError(
            f"number {number} of a vector is {values[number]}: leave the vector out, or put in "
            "what the network was trained with for missing values"
        )
    return values


def from_stored(frame: np.ndarray, spec: InputSpec) -> np.ndarray:
    """A frame of clips or a bundle, RGB or a vector, as `Stream.push` takes it: BGR or a vector."""
    return frame if spec.is_features else np.ascontiguousarray(frame[..., ::-1])
