"""3D pooling and grouped 3D convolutions of PyTorch's exported graphs by 2D, or axis by axis.

LiteRT has no kernels for windows of three axes. Maxima and means over a box are those over its
faces, one axis after another; padding and what a last window lacks are the same for each of them.
Nor has it 3D convolutions of groups, such as X3D's: one is a sum of 2D ones, a frame of the kernel each.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

Sizes = Sequence[int]


def in_2d(network: Any) -> Any:
    """A graph module with what stands for both, changed in place."""
    for node in network.graph.nodes:
        if node.target == torch.ops.aten.conv3d.default and _groups(node) > 1:
            node.target = _grouped_convolution
        if node.target in _POOLS and not _divides_by_its_own(node):
            node.target = _POOLS[node.target]
    network.recompile()
    return network


def _groups(node: Any) -> int:
    return int(node.args[6] if len(node.args) > 6 else node.kwargs.get("groups", 1))


def _grouped_convolution(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Sizes = (1,),
    padding: Sizes = (0,),
    dilation: Sizes = (1,),
    groups: int = 1,
) -> torch.Tensor:
    """x: (N, C, T, H, W).  weight: (out, C / groups, frames, height, width)."""
    steps, pads, rates = (tuple(s) * (3 // len(s)) for s in (stride, padding, dilation))
    x = functional.pad(x, (0, 0, 0, 0, pads[0], pads[0])).transpose(1, 2)
    reach = rates[0] * (weight.shape[2] - 1)
    count = (x.shape[1] - reach - 1) // steps[0] + 1
    total = torch.zeros(())
    for frame in range(weight.shape[2]):
        begin = frame * rates[0]
        frames = x[:, begin : begin + (count - 1) * steps[0] + 1 : steps[0]].flatten(0, 1)
        maps = functional.conv2d(
            frames,
            weight[:, :, frame],
            None if frame else bias,
            steps[1:],
            pads[1:],
            rates[1:],
            groups,
        )
        total = total + maps if frame else maps
    return total.unflatten(0, (x.shape[0], count)).transpose(1, 2)


def _divides_by_its_own(node: Any) -> bool:
    return len(node.args) > 6 or node.kwargs.get("divisor_override") is not None


def _max_pool(
    x: torch.Tensor,
    kernel: Sizes,
    stride: Sizes = (),
    padding: Sizes = (0,),
    dilation: Sizes = (1,),
    ceil_mode: bool = False,
) -> torch.Tensor:
    def pool(maps: torch.Tensor, kernel: Sizes, stride: Sizes, *more: Sizes) -> torch.Tensor:
        return functional.max_pool2d(maps, kernel, stride, more[0], more[1], ceil_mode)

    return _by_2d(pool, x, kernel, stride or kernel, padding, dilation)


def _avg_pool(
    x: torch.Tensor,
    kernel: Sizes,
    stride: Sizes = (),
    padding: Sizes = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> torch.Tensor:
    def pool(maps: torch.Tensor, kernel: Sizes, stride: Sizes, padding: Sizes) -> torch.Tensor:
        return functional.avg_pool2d(maps, kernel, stride, padding, ceil_mode, count_include_pad)

    return _by_2d(pool, x, kernel, stride or kernel, padding)


_NOTHING = {0: 1, 1: 1, 2: 0, 3: 1}  # kernel, stride, padding and dilation that change nothing


def _by_2d(pool: Callable[..., torch.Tensor], x: torch.Tensor, *sizes: Sizes) -> torch.Tensor:
    """x: (N, C, T, H, W).  sizes: kernel, stride, ... of T, H and W, or of all three at once."""
    of_each = [tuple(size) * (3 // len(size)) for size in sizes]
    maps = pool(x.flatten(1, 2), *(size[1:] for size in of_each)).unflatten(1, x.shape[1:3])
    if of_each[0][0] == of_each[1][0] == 1:
        return maps
    over_time = [(size[0], _NOTHING[i]) for i, size in enumerate(of_each)]
    return pool(maps.flatten(3), *over_time).unflatten(3, maps.shape[3:])


def _adaptive_mean(x: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """The mean of as many stretches of each axis as it is to have; they overlap if they have to."""
    for axis, size in zip((2, 3, 4), tuple(sizes) * (3 // len(sizes))):
        length = x.shape[axis]
        if size != length:
            ends = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
            parts = [x.narrow(axis, a, b - a).mean(axis, keepdim=True) for a, b in ends]
            x = torch.cat(parts, axis)
    return x


_POOLS = {
    torch.ops.aten.max_pool3d.default: _max_pool,
    torch.ops.aten.avg_pool3d.default: _avg_pool,
    torch.ops.aten.adaptive_avg_pool3d.default: _adaptive_mean,
}
