"""What a network reads: an image, a window of images or of features, and masks beside features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edge_common import ModelError

FRAME, WINDOW, FEATURES = "frame", "window", "features"  # what inputs are called in a .tflite
ENCODER, HEAD = "encoder", "head"
_BATCHES = (None, 1)
Sizes = tuple[int | None, ...]


@dataclass(frozen=True)
class TensorForm:
    """One input as its file describes it.

    shape: with the batch; None stands for a size that is left open.  dtype: as numpy calls it.
    """

    name: str
    shape: Sizes
    dtype: str = "float32"

    @property
    def words(self) -> str:
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"[{sizes}] {self.dtype}"


@dataclass(frozen=True)
class InputRequest:
    """What a file is to be read as, and what fills the sizes that it leaves open.

    role: `encoder` or `head`; "": a whole network.  window: frames; 0: not said.
    size: height and width; (): not said.  clip: the shape of one calibration clip, (T, H, W, 3) or
    (T, F), which fills what nobody says; (): unknown.  clips: what it is of.  hint: what is known of
    clips that leave it open, in words.
    """

    role: str = ""
    window: int = 0
    size: tuple[int, ...] = ()
    clip: tuple[int, ...] = ()
    clips: str = ""
    hint: str = ""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "InputRequest":
        """Of what `vars` gave, once it was JSON."""
        return cls(**{**fields, "size": tuple(fields["size"]), "clip": tuple(fields["clip"])})

    def of_role(self, role: str) -> "InputRequest":
        return replace(self, role=role)


@dataclass(frozen=True)
class NetworkInputs:
    """How the inputs of a network are used.

    name, shape: of the one that takes frames or features, with a batch of 1.
    kind: FRAME, WINDOW or FEATURES.  channels: the axis of images that holds them, from the end.
    masks: inputs beside features that say which of them count, by their names.
    notes: what was taken from the clips, as nobody said it.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    channels: int = -1
    masks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def network_inputs(
    file: str, tensors: Sequence[TensorForm], request: InputRequest, *, last_first: bool = True
) -> NetworkInputs:
    """What each input is for, and its sizes.

    last_first: channels are looked for in the last axis before others.
    Raises ModelError, in one line, if an input is none of these or a size stays open.
    """
    tensor, masks = _told_apart(file, tensors)
    rank = len(tensor.shape)
    is_features = rank == 3 or (request.role == HEAD and rank > 3)
    if rank not in (3, 4, 5) or tensor.shape[0] not in _BATCHES or tensor.dtype != "float32":
        raise ModelError(
            f"{file} takes {tensor.words}: only float32 images, windows of images or windows of "
            "features with a batch of 1 (or any) can be converted, (1, [T,] H, W, C) or (1, T, F)"
        )
    if is_features:
        channels, kind = -1, FEATURES
        axes = ["window", *("feature" for _ in tensor.shape[2:])]
    else:
        channels = channels_axis(tensor.shape, last_first)
        kind = WINDOW if rank == 5 else FRAME
        axes = ["window", "height", "width"][-(rank - 2) :]
        axes.insert(rank + channels - 1, "channels")
    _refuse_role(file, tensor, request.role, kind)
    shape, notes = _filled(file, tensor, axes, request)
    if request.size and kind == FEATURES and request.role != HEAD:
        raise ModelError(f"{file} takes {tensor.words}, no images: leave out --size")
    shapes = {mask.name: (1, shape[1], *(1 for _ in mask.shape[2:])) for mask in masks}
    return NetworkInputs(tensor.name, shape, kind, channels, shapes, notes)


def channels_axis(shape: Sizes, last_first: bool) -> int:
    """Where 1 or 3 channels stand in (1, [T,] ...); -1 is tried first or last.

    Otherwise it is looked for before height and width, then before T. Raises ModelError
    if no axis can be it.
    """
    inner = [-3, -4] if len(shape) == 5 else [-3]
    for axis in [-1, *inner] if last_first else [*inner, -1]:
        if shape[axis] in (1, 3):
            return axis
    raise ModelError(f"{list(shape)} has no axis of 1 or 3 channels: only grey and RGB are known")


def _told_apart(
    file: str, tensors: Sequence[TensorForm]
) -> tuple[TensorForm, Sequence[TensorForm]]:
    """The input of frames or features, and the masks beside it."""
    if len(tensors) == 1:
        return tensors[0], ()
    data = [tensor for tensor in tensors if not _may_be_mask(tensor)]
    if len(data) != 1 or len(data[0].shape) < 3:
        names = ", ".join(f"'{t.name}' {t.words}" for t in tensors)
        raise ModelError(
            f"{file} has {len(tensors)} inputs ({names}): only one can be the images or features, "
            "and others a mask of them, (1, T) or (1, T, 1)"
        )
    masks = [tensor for tensor in tensors if tensor is not data[0]]
    for mask in masks:
        if mask.shape[1] not in (None, data[0].shape[1]) and data[0].shape[1] is not None:
            raise ModelError(
                f"{file} takes '{data[0].name}' {data[0].words} and a mask '{mask.name}' "
                f"{mask.words} of another length"
            )
    return data[0], masks


def _may_be_mask(tensor: TensorForm) -> bool:
    """Whether it holds one number for each frame."""
    return len(tensor.shape) == 2 or (len(tensor.shape) == 3 and tensor.shape[2] == 1)


def _refuse_role(file: str, tensor: TensorForm, role: str, kind: str) -> None:
    if role == ENCODER and kind != FRAME:
        raise ModelError(
            f"{file} takes {tensor.words}, an encoder takes one image, (1, H, W, C): give what looks "
            "at T of its results with --head"
        )
    if role == HEAD and kind != FEATURES:
        raise ModelError(
            f"{file} takes {tensor.words}, a head takes the encoder's results, (1, T, F)"
        )


def _filled(
    file: str, tensor: TensorForm, axes: Sequence[str], request: InputRequest
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The shape without open sizes, and what was taken from the clips."""
    stated = _stated(request, axes)
    offered = _offered(request, axes)
    shape, notes, missing = [1], [], []
    for axis, size in zip(axes, tensor.shape[1:]):
        option = _OPTIONS.get(axis, "")
        if size is not None:
            if axis in stated and stated[axis] != size:
                raise ModelError(
                    f"{file} takes {tensor.words}, a fixed {axis} of {size}: leave out {option}"
                )
            shape.append(int(size))
        elif axis in stated or axis in offered:
            shape.append(stated.get(axis) or offered[axis])
            if axis not in stated:
                notes.append(f"{axis} {offered[axis]}")
        else:
            missing.append(axis)
    if missing:
        raise ModelError(_open_sizes(file, tensor, missing, request))
    words = f"{file} takes {tensor.words}: {', '.join(notes)} taken from {request.clips}"
    return tuple(shape), (words,) if notes else ()


_OPTIONS = {"window": "--window", "height": "--size", "width": "--size"}


def _stated(request: InputRequest, axes: Sequence[str]) -> dict[str, int]:
    """What the user says of each axis."""
    sizes = dict(zip(("height", "width"), request.size)) if "height" in axes else {}
    window = {"window": request.window} if request.window and "window" in axes else {}
    return {**window, **sizes}


def _offered(request: InputRequest, axes: Sequence[str]) -> dict[str, int]:
    """What the clips say of each axis; of features only if the clips hold some."""
    clip = request.clip
    if not clip:
        return {}
    if len(clip) == 2:
        return dict(zip(("window", "feature"), clip)) if axes.count("feature") == 1 else {}
    return dict(zip(("window", "height", "width"), clip))


def _open_sizes(
    file: str, tensor: TensorForm, missing: Sequence[str], request: InputRequest
) -> str:
    options = list(dict.fromkeys(_EXAMPLES[axis] for axis in missing if axis in _EXAMPLES))
    if not options:
        return (
            f"{file} takes {tensor.words}, whose {' and '.join(missing)} is open: build it with a "
            "fixed number of features"
        )
    clips = f"{request.clips} does not say it" if request.clips else "no clips say it"
    return (
        f"{file} takes {tensor.words} with unknown sizes: its {' and '.join(missing)} "
        f"{'are' if len(missing) > 1 else 'is'} open, and {clips}: "
        f"say what it was trained on with {' '.join(options)}{request.hint}"
    )


_EXAMPLES = {"window": "--window T", "height": "--size HxW", "width": "--size HxW"}
