"""How the inputs of a network are used, and what fills those that take no frames of their own."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge_common import ModelError, nearest_or_all
from edge_convert import layouts
from edge_convert.input_forms import SAMPLING, InputRequest, TensorForm

FRAME, WINDOW, FEATURES = "frame", "window", "features"  # what inputs are called in a .tflite


@dataclass(frozen=True)
class NetworkInputs:
    """How the inputs of a network are used.

    name, shape: of the one that takes frames or features, with a batch of 1.
    kind: FRAME, WINDOW or FEATURES.  layout: of images, as in `layouts`; "" of features.
    batch: how many windows the file is fixed to.
    masks: inputs beside features that say which of them count, by their names, with their shapes.
    constants: inputs that always take the same values, with the file's batch.
    given_shapes: inputs whose values are given while the network runs, with their shapes.
    samples: further inputs of images: which frames of the window they take.
    shrinkage: of those that take them smaller, how many pixels are one: rows and columns.
    notes: what was taken from the clips or from shapes, as nobody said it.
    dtype: of the one that takes frames.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    layout: str = ""
    batch: int = 1
    masks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    samples: Mapping[str, np.ndarray] = field(default_factory=dict)
    shrinkage: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    given_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dtype: str = "float32"

    @property
    def own_shape(self) -> tuple[int, ...]:
        """With a batch of 1, in the order of parts and bundles."""
        return layouts.sizes_in_own_order(self.shape, self.layout)

    @property
    def fixed_shape(self) -> tuple[int, ...]:
        """With the file's batch, in the file's layout."""
        return (self.batch, *self.shape[1:])

    @property
    def time_axis(self) -> int:
        """Of the file's input of a window."""
        return 1 + self.layout.index("T")

    @property
    def is_plain(self) -> bool:
        """Whether the file has a single input in the order of bundles, and no batch but 1."""
        more = self.masks or self.constants or self.samples or self.given_shapes
        usual = self.layout in ("", layouts.FRAME, layouts.WINDOW)
        return usual and not more and self.batch == 1

    def values_beside(self, tensors: Sequence[TensorForm]) -> dict[str, np.ndarray]:
        """What inputs beside the frames always take: ones of a mask, or constants."""
        dtypes = {tensor.name: tensor.dtype for tensor in tensors}
        ones = {name: np.ones((self.batch, *s[1:]), dtypes[name]) for name, s in self.masks.items()}
        return {**ones, **self.constants}


def constants_of(
    file: str, tensors: Sequence[TensorForm], request: InputRequest
) -> dict[str, np.ndarray]:
    """What the user says of inputs, in their shapes."""
    by_name = {tensor.name: tensor for tensor in tensors}
    arrays = {}
    for name, numbers in request.constants.items():
        if name not in by_name:
            raise ModelError(f"{file} has no input '{name}'{nearest_or_all(name, by_name)}")
        tensor = by_name[name]
        shape = tuple(size or 1 for size in tensor.shape)
        size = int(np.prod(shape[1:], dtype=int))
        if len(numbers) not in (1, size):
            raise ModelError(
                f"{file}: --constant {name} has {len(numbers)} numbers, and {tensor.words} takes {size}"
            )
        values = np.broadcast_to(np.asarray(numbers), (size,)).astype(tensor.dtype)
        arrays[name] = np.broadcast_to(values.reshape(shape[1:]), shape).copy()
    return arrays


def given_of(
    file: str, tensors: Sequence[TensorForm], request: InputRequest
) -> dict[str, tuple[int, ...]]:
    """The shapes of what is given while the network runs, with a batch of 1."""
    by_name, shapes = {tensor.name: tensor for tensor in tensors}, {}
    for name in request.given:
        if name not in by_name:
            raise ModelError(f"{file} has no input '{name}'{nearest_or_all(name, by_name)}")
        tensor = by_name[name]
        _, *sizes = tensor.shape or (1,)
        if len(sizes) > 1 or None in sizes or tensor.dtype != "float32":
            raise ModelError(
                f"{file}: --given {name} is of {tensor.words}, and what is given is one number or a vector "
                "of known length, float32: turn whole numbers into it within the network"
            )
        if tensor.shape[0] not in (None, 1):
            raise ModelError(
                f"{file}: --given {name} is for a batch of 1, and it takes {tensor.words}"
            )
        shapes[name] = (1, *map(int, filter(None, sizes)))
    return shapes


def with_samples(
    file: str, use: NetworkInputs, tensors: Sequence[TensorForm], request: InputRequest
) -> NetworkInputs:
    """With further inputs of images, which take some of the frames, as SlowFast's slow pathway does."""
    names = [tensor.name for tensor in tensors]
    for name in request.sampling:
        if name not in names:
            raise ModelError(
                f"{file} has no second input of images '{name}'{nearest_or_all(name, names)}"
            )
    if tensors and use.kind == FRAME:
        raise too_many(file, [TensorForm(use.name, use.shape), *tensors])
    samples, shrinkage, notes = {}, {}, []
    for tensor in tensors:
        axis = use.time_axis if use.kind == WINDOW else 0
        count = tensor.shape[axis] if axis and len(tensor.shape) == len(use.shape) else None
        factors = _shrinkage(use, tensor)
        if not count or count > use.shape[axis] or factors is None:
            raise ModelError(
                f"{file} takes '{use.name}' {list(use.shape)} and '{tensor.name}' {tensor.words}: a second "
                "input of images takes some frames of the same clip, as large or a whole number of times "
                "smaller, with the same channels; of other ones give a network over one input with all "
                "channels that takes it apart, model([x[..., :3], x[..., 3:]]), and name them with --planes"
            )
        if factors != (1, 1):
            shrinkage[tensor.name] = factors
            notes.append(
                f"{file}: '{tensor.name}' takes the frames {factors[0]} x {factors[1]} times smaller, by "
                "means of pixels, as OpenCV's INTER_AREA does it"
            )
        if count == use.shape[axis] and tensor.name not in request.sampling:
            raise ModelError(
                f"{file} takes two windows of {count} frames, '{use.name}' and '{tensor.name}': frames of a "
                f"second camera cannot be given; if both are the same frames, say "
                f"--clip-input {tensor.name}=last"
            )
        sampling = request.sampling.get(tensor.name, "linspace")
        samples[tensor.name] = _frames_of(file, tensor.name, count, use.shape[axis], sampling)
        if tensor.name not in request.sampling:
            frames = ", ".join(map(str, samples[tensor.name][:4]))
            notes.append(
                f"{file}: '{tensor.name}' takes {count} of the {use.shape[axis]} frames, {frames}, ..., as "
                f"SlowFast samples them (--clip-input {tensor.name}=every:N or =last says otherwise)"
            )
    return replace(use, samples=samples, shrinkage=shrinkage, notes=(*use.notes, *notes))


def _shrinkage(use: NetworkInputs, tensor: TensorForm) -> tuple[int, int] | None:
    """How many times smaller frames are there, rows and columns; None if no whole number of times."""
    pairs = list(zip(use.layout, use.shape[1:], tensor.shape[1:]))
    if any(other is None or (axis == "C" and size != other) for axis, size, other in pairs):
        return None
    sides = [(size, other) for axis, size, other in pairs if axis in "HW" and other]
    if any(size % other for size, other in sides):
        return None
    (rows, columns) = (size // other for size, other in sides)
    if (rows, columns) != (1, 1) and (use.batch > 1 or use.layout != layouts.WINDOW):
        return None
    return rows, columns


def refuse_shrinkage(file: str, use: NetworkInputs) -> None:
    """Raises ModelError if an input takes frames smaller, for files of which that is not made."""
    for name in use.shrinkage:
        raise ModelError(
            f"{file}: '{name}' takes the frames smaller, which is made of Keras files and SavedModels: let "
            "the network shrink its larger input itself, and export it with that input alone"
        )


def _frames_of(file: str, name: str, count: int, window: int, sampling: str) -> np.ndarray:
    """Which frames of the window, oldest first: int32 (count,)."""
    every = re.fullmatch(SAMPLING, sampling)
    step = int(every[1]) if every and every[1] else 0
    if step:
        frames = np.arange(0, window, step)
    elif sampling == "last":
        frames = np.arange(window)[-count:]
    else:  # as torch.linspace(0, T - 1, n).long() of PySlowFast and PyTorchVideo
        frames = np.linspace(0, window - 1, count).astype(int)
    if len(frames) != count:
        raise ModelError(
            f"{file}: --clip-input {name}={sampling} takes {len(frames)} of {window} frames, and the input "
            f"takes {count}"
        )
    return frames.astype(np.int32)


def too_many(file: str, tensors: Sequence[TensorForm]) -> ModelError:
    names = ", ".join(f"'{t.name}' {t.words}" for t in tensors)
    if len({t.shape[1:] for t in tensors}) == 1 and len(tensors[0].shape) == 4:
        return ModelError(
            f"{file} has {len(tensors)} inputs of one frame each ({names}): give a network over a window of "
            "them that takes it apart, model(x[:, 0], x[:, 1], ...), which is cut and streamed"
        )
    return ModelError(
        f"{file} has {len(tensors)} inputs ({names}): only one can be the images or features, others a "
        "mask of them, (1, T) or (1, T, 1), some of the same frames, or numbers that are always the "
        "same, which --constant NAME=NUMBER,NUMBER,... says, or are given while it runs: --given NAME"
    )
