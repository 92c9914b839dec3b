"""A PyTorch network as torch.export saves it, a `.pt2`."""

import os
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile

import litert_torch
import numpy as np
import torch

from edge.stream import given_beside
from edge_common import ModelError
from edge_convert import inputs, layouts
from edge_convert.sources import libraries, reference, torch_pooling

_OBJECT = re.compile(r"data/constants/(custom|opaque)_obj_")


class _OfFrames(torch.nn.Module):
    """The network behind a move of the axes to where it wants them, and with all its other inputs.

    arguments: how `order` is passed: by keyword, in lists, in dicts.
    """

    def __init__(
        self,
        network: Any,
        arguments: Any,
        order: Sequence[inputs.TensorForm],
        use: inputs.NetworkInputs,
    ):
        super().__init__()
        self.network, self.use, self.names = network, use, [tensor.name for tensor in order]
        self.arguments = arguments
        beside = use.values_beside(order)
        self.beside = {name: torch.from_numpy(values) for name, values in beside.items()}
        self.samples = {
            name: torch.from_numpy(i.astype("int64")) for name, i in use.samples.items()
        }

    def forward(self, frames: torch.Tensor, *more: torch.Tensor) -> Any:
        layout, tensors = (
            self.use.layout,
            {**self.beside, **dict(zip(self.use.given_shapes, more))},
        )
        moved = frames.permute(layouts.axes_of(layout)) if layout else frames
        if layout and "C" not in layout:
            moved = moved.squeeze(-1)
        for name, positions in self.samples.items():
            tensors[name] = moved.index_select(self.use.time_axis, positions)
        tensors[self.use.name] = moved
        positional, by_name = self.arguments.unflatten([tensors[name] for name in self.names])
        return self.network(*positional, **by_name)


def convert(job: libraries.ConverterJob) -> libraries.ConverterOutput:
    """Convert, with a batch of 1 if it is open. Raises ModelError if its input is nothing that is known."""
    path, folder = job.path, job.folder
    program = _load(path)
    tensors = _inputs(program)
    use = inputs.network_inputs(path.name, tensors, job.request, last_first=False)
    inputs.refuse_shrinkage(path.name, use)
    frames = reference.examples_of(use)
    in_2d = torch_pooling.in_2d(_with_numbers_copied(program.module()))
    network = _OfFrames(in_2d, program.call_spec.in_spec, tensors, use)
    example = np.repeat(np.asarray(frames[:1]), use.batch, axis=0).astype(use.dtype)
    side_values = [torch.from_numpy(values[:1]) for values in given_beside(frames).values()]
    converted = litert_torch.convert(network, (torch.from_numpy(example), *side_values))
    exported = folder / "exported.tflite"
    converted.export(str(exported))
    original = reference.Reference.of(
        lambda x: _answers(network, x, use.dtype), frames, batch=use.batch
    )
    origin = f"PyTorch through litert-torch {version('litert-torch')}"
    return libraries.ConverterOutput(
        exported.read_bytes(),
        origin,
        original,
        use.kind,
        {},
        "",
        use.batch,
        use.notes,
        [*use.given_shapes],
    )


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


def _with_numbers_copied(network: Any) -> Any:
    """A graph module whose `torch.tensor(...)` are not detached in place, which cannot be exported again."""
    for node in network.graph.nodes:
        if node.target == torch.ops.aten.detach_.default:
            node.target = torch.ops.aten.detach.default
    network.recompile()
    return network


def _inputs(program: Any) -> list[inputs.TensorForm]:
    """In the order of the network's arguments; a size that is no number is open."""
    nodes = {node.name: node.meta["val"] for node in program.graph.nodes if "val" in node.meta}
    values = [(name, nodes[name]) for name in program.graph_signature.user_inputs]
    return [
        inputs.TensorForm(
            name,
            tuple(size if isinstance(size, int) else None for size in value.shape),
            str(value.dtype).removeprefix("torch."),
        )
        for name, value in values
    ]


def _answers(
    network: torch.nn.Module, frames: np.ndarray, dtype: str = "float32"
) -> dict[str, np.ndarray]:
    """Named as litert-torch does: by key, else `output_0`, ..."""
    with torch.no_grad():
        side_values = [torch.from_numpy(values) for values in given_beside(frames).values()]
        outputs = network(torch.from_numpy(np.array(frames).astype(dtype)), *side_values)
    by_name = outputs if isinstance(outputs, dict) else dict(_numbered(outputs))
    return {name: value.numpy() for name, value in by_name.items()}


def _numbered(outputs: Any) -> Any:
    values = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    return ((f"output_{i}", value) for i, value in enumerate(values))
