"""A PyTorch network as torch.export saves it, a `.pt2`."""

import os
import re
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile

import litert_torch
import numpy as np
import torch

from edge_common import ModelError
from edge_convert.cut.tflite.form import channels_axis
from edge_convert.sources import libraries, reference

_OBJECT = re.compile(r"data/constants/(custom|opaque)_obj_")


class _ChannelsLast(torch.nn.Module):
    """The network behind a move of the channels to where it wants them."""

    def __init__(self, network: Any, channels: int) -> None:
        super().__init__()
        self.network, self.channels = network, channels

    def forward(self, frames: torch.Tensor) -> Any:
        return self.network(frames.movedim(-1, self.channels))


def convert(path: Path, signature: str | None, folder: Path) -> libraries.ConverterOutput:
    """Convert with a batch of 1. Raises ModelError if its input is no image or window."""
    program = _load(path)
    shape = _input(program, path)
    channels = channels_axis(shape, last_first=False)
    frames = np.moveaxis(reference.examples(shape[1:], channels), channels, -1)
    network = _ChannelsLast(program.module(), channels)
    converted = litert_torch.convert(network, (torch.from_numpy(frames[:1].copy()),))
    exported = folder / "exported.tflite"
    converted.export(str(exported))
    original = reference.Reference.of(lambda x: _answers(network, x), frames, -1)
    origin = f"PyTorch through litert-torch {version('litert-torch')}"
    return libraries.ConverterOutput(exported.read_bytes(), origin, original, -1, {})


def _load(path: Path) -> Any:
    """Load without the pickles that torch.export.load falls back to, which may run any code."""
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)  # both at once are an error
    pickled = ModelError(
        f"{path.name} holds pickled objects, which may run any code: export a network that holds "
        "tensors alone"
    )
    try:
        with ZipFile(path) as archive:
            if any(_OBJECT.search(name.lower()) for name in archive.namelist()):
                raise pickled
        return torch.export.load(path)
    except UnpicklingError as error:
        raise pickled from error
    except (RuntimeError, BadZipFile) as error:
        reason = str(error).splitlines()[0].partition(" Please")[0]
        raise ModelError(
            f"{path.name} is not from torch.export.save, cut short, or from a torch too far from "
            f"{torch.__version__}: {reason}"
        ) from error


def _input(program: Any, path: Path) -> tuple[int, ...]:
    """The shape of the only input with a batch of 1."""
    nodes = [n for n in program.graph.nodes if n.name in program.graph_signature.user_inputs]
    values = [node.meta["val"] for node in nodes]
    shapes: list[Any] = [
        tuple(size if isinstance(size, int) else None for size in v.shape) for v in values
    ]
    if len(shapes) != 1:
        raise ModelError(f"{path.name} has {len(shapes)} inputs: only one can be the images")
    (shape,) = shapes
    fixed_size = len(shape) in (4, 5) and shape[0] in (None, 1) and None not in shape[1:]
    if not fixed_size or values[0].dtype != torch.float32:
        raise ModelError(
            f"{path.name} takes {values[0].dtype} {list(values[0].shape)}: only float32 images or "
            "windows of a fixed size with a batch of 1 (or a dynamic one) can be converted"
        )
    return (1, *shape[1:])


def _answers(network: torch.nn.Module, frames: np.ndarray) -> dict[str, np.ndarray]:
    """Named as litert-torch does: by key, else `output_0`, ..."""
    with torch.no_grad():
        outputs = network(torch.from_numpy(frames.copy()))
    by_name = outputs if isinstance(outputs, dict) else dict(_numbered(outputs))
    return {name: value.numpy() for name, value in by_name.items()}


def _numbered(outputs: Any) -> Any:
    values = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    return ((f"output_{i}", value) for i, value in enumerate(values))
