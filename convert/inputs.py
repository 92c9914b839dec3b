"""What a network reads: an image, a window of images or of features, and what stands beside them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge_common import ModelError
from edge_convert import layouts
from edge_convert.input_forms import InputRequest, Sizes, TensorForm
from edge_convert.input_uses import (
    FEATURES,
    FRAME,
    WINDOW,
    NetworkInputs,
    constants_of,
    given_of,
    refuse_shrinkage,
    too_many,
    with_samples,
)

__all__ = [
    "FEATURES", "FRAME", "WINDOW", "InputRequest", "NetworkInputs", "Sizes", "TensorForm", "refuse_shrinkage",
]  # fmt: skip
ENCODER, HEAD = "encoder", "head"
WHOLE_NUMBERS = ("uint8", "int32", "int64")  # that pixels may be given as
_LARGEST_BATCH = 1024


def network_inputs(
    file: str, tensors: Sequence[TensorForm], request: InputRequest, *, last_first: bool = True
) -> NetworkInputs:
    """What each input is for, and its sizes.

    last_first: channels are looked for in the last axis before others.
    Raises ModelError, in one line, if an input is none of these or a size stays open.
    """
    constants = constants_of(file, tensors, request)
    side_values = given_of(file, tensors, request)
    unfilled = [tensor for tensor in tensors if tensor.name not in {*constants, *side_values}]
    if not unfilled or side_values.keys() & constants.keys():
        raise too_many(file, tensors)
    images = [t for t in unfilled if len(t.shape) >= 4 and request.role != HEAD]
    tensor = max(images, key=_extent) if len(images) > 1 else None
    samples = [each for each in images if tensor and each is not tensor]
    remaining = [each for each in unfilled if all(each is not sample for sample in samples)]
    tensor, masks = _told_apart(file, remaining)
    rank, batch = len(tensor.shape), tensor.shape[0]
    layout = _stated_layout(file, tensor, request)
    is_features = not layout and (rank == 3 or (request.role == HEAD and rank > 3))
    dtypes = ("float32",) if is_features else ("float32", *WHOLE_NUMBERS)
    if tensor.dtype == "string":
        raise ModelError(
            f"{file} takes {tensor.words}, encoded pictures or text: save what comes behind the decoding, "
            "as a signature that takes frames, float32 (1, [T,] H, W, C)"
        )
    if not (3 <= rank <= 5 and tensor.dtype in dtypes and _is_batch(batch, unfilled)):
        raise ModelError(
            f"{file} takes {tensor.words}: only images and windows of images, float32 or uint8, or "
            "windows of float32 features with one batch for all inputs can be converted, (1, [T,] H, W, C) "
            "or (1, T, F)"
        )
    kind, notes = FEATURES, list[str]()
    if is_features:
        axes = ["window", *("feature" for _ in tensor.shape[2:])]
    else:
        layout = layout or _layout(file, tensor, request, last_first, notes)
        kind = WINDOW if "T" in layout else FRAME
        axes = [layouts.AXES[letter] for letter in layout]
    _refuse_role(file, tensor, request.role, kind)
    shape, filled = _filled(file, tensor, axes, request)
    if request.size and kind == FEATURES and request.role != HEAD:
        raise ModelError(f"{file} takes {tensor.words}, no images: leave out --size")
    use = NetworkInputs(tensor.name, shape, kind, layout, batch or 1, constants=constants)
    use = replace(
        use,
        dtype=tensor.dtype,
        given_shapes=side_values,
        masks=_mask_shapes(file, use, masks),
        notes=(*notes, *filled),
    )
    return with_samples(file, use, samples, request) if samples or request.sampling else use


def _extent(tensor: TensorForm) -> int:
    """Of several inputs of images, the largest takes all frames; one of open size is largest."""
    sizes = [1 << 20 if size is None else size for size in tensor.shape[1:]]
    return int(np.prod(sizes, dtype=float))


def _is_batch(batch: int | None, tensors: Sequence[TensorForm]) -> bool:
    """Whether all that is no constant has the same batch, or leaves it open."""
    fixed = {tensor.shape[0] for tensor in tensors if tensor.shape and tensor.shape[0] != 1}
    return fixed <= {batch, None} and (batch is None or 1 <= batch <= _LARGEST_BATCH)


def _stated_layout(file: str, tensor: TensorForm, request: InputRequest) -> str:
    layout = request.layout
    if layout and len(layout) != len(tensor.shape) - 1:
        raise ModelError(
            f"{file} takes {tensor.words}, which has {len(tensor.shape) - 1} axes behind the batch, and "
            f"--layout {layout} names {len(layout)}"
        )
    if "C" in layout and tensor.shape[1 + layout.index("C")] not in request.channels:
        counts = " or ".join(map(str, request.channels))
        raise ModelError(
            f"{file} takes {tensor.words}, which by --layout {layout} has no {counts} channels: name "
            "other ones than grey and RGB with --planes"
        )
    return layout


def _layout(
    file: str, tensor: TensorForm, request: InputRequest, last_first: bool, notes: list[str]
) -> str:
    try:
        layout = layouts.layout_of(
            tensor.shape, request.channels, request.frames, last_first=last_first
        )
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from error
    if "T" in layout and layout.index("T") > layout.index("H"):
        notes.append(
            f"{file} takes {tensor.words}: read as {layout}, T frames of H x W (--layout says otherwise)"
        )
    return layout


def _told_apart(
    file: str, tensors: Sequence[TensorForm]
) -> tuple[TensorForm, Sequence[TensorForm]]:
    """The input of frames or features, and the masks beside it."""
    if len(tensors) == 1:
        return tensors[0], ()
    data = [tensor for tensor in tensors if not _may_be_mask(tensor)]
    if len(data) != 1 or len(data[0].shape) < 3:
        raise too_many(file, tensors)
    return data[0], [tensor for tensor in tensors if tensor is not data[0]]


def _mask_shapes(
    file: str, use: NetworkInputs, masks: Sequence[TensorForm]
) -> dict[str, tuple[int, ...]]:
    """What masks of a window hold, with a batch of 1."""
    axis = 1 if use.kind == FEATURES else use.time_axis if use.kind == WINDOW else 0
    for mask in masks:
        if not axis or mask.shape[1] not in (None, use.shape[axis]):
            raise ModelError(
                f"{file} takes '{use.name}' {list(use.shape)} and '{mask.name}' {mask.words}, which is "
                f"no mask of its frames: if it always takes the same numbers, say them with --constant "
                f"{mask.name}=NUMBER,NUMBER,..., and if they are given while it runs --given {mask.name}"
            )
    return {mask.name: (1, use.shape[axis], *(1 for _ in mask.shape[2:])) for mask in masks}


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
