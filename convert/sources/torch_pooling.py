"""3D pooling of PyTorch's exported graphs by 2D: over space, then over time.

LiteRT has no kernels for windows of three axes. Maxima and means over a box are those over its
faces, one axis after another; padding and what a last window lacks are the same for each of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

Sizes = Sequence[int]


def in_2d(network: Any) -> Any:
    """A graph module with what stands for its 3D pooling, changed in place."""
    for node in network.graph.nodes:
        if node.target in _POOLS and not _divides_by_its_own(node):
            node.target = _POOLS[node.target]
    network.recompile()
    return network


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


_POOLS = {
    torch.ops.aten.max_pool3d.default: _max_pool,
    torch.ops.aten.avg_pool3d.default: _avg_pool,
}
