"""What a .tflite asks of a core, by hand for a small one, against counts for the shipped one."""

import pytest

from edge.bundle import Bundle, open_bundle
from edge.tflite.flatbuffer import cost
from edge.tflite.operators import (
    Operator,
    _work,
    counted_work,
    estimated_work,
    read_operators,
    units,
)
from edge_common.errors import EngineError

# millions of instructions of one inference, counted under qemu with LiteRT 2.3.0
COUNTED = {
    ("encoder", "cortex-a53"): 40.25,
    ("encoder", "cortex-a72"): 33.02,
    ("encoder", "cortex-a76"): 14.81,
    ("head", "cortex-a53"): 2.90,
    ("head", "cortex-a72"): 2.34,
    ("head", "cortex-a76"): 1.48,
}


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return open_bundle("faces-in-motion")


def test_multiply_adds_are_all_accounted_for(tiny_float_parts: dict[str, bytes]) -> None:
    for model in tiny_float_parts.values():
        found = units(read_operators(model))
        multiplied = sum(n for (kind, _), n in found.items() if kind in ("matrix", "depthwise"))
        assert multiplied == cost(model).multiply_adds
        assert found["operator", ""] == sum(cost(model).ops.values())
        assert {precision for _, precision in found} <= {"float", "int8", ""}


def test_weights_are_read_once_for_four_rows(tiny_float_parts: dict[str, bytes]) -> None:
    work = counted_work(tiny_float_parts["encoder"], 123)
    # 16 x 16 x 8 x 27 and 8 x 8 x 16 x 72 multiply-adds of 4 bytes, a tile of 4 rows each
    assert work.weight_bytes == 16 * 16 * 8 * 27 + 8 * 8 * 16 * 72
    assert (work.instructions, work.counted) == (123, True)


@pytest.mark.parametrize(("role", "kernels"), COUNTED)
def test_estimates_come_near_the_counts(shipped: Bundle, role: str, kernels: str) -> None:
    model = shipped.members[shipped.manifest.part(role).file]
    estimated = estimated_work(model, kernels)
    assert not estimated.counted
    assert estimated.instructions / 1e6 == pytest.approx(COUNTED[role, kernels], rel=0.15)


def test_networks_with_loops_are_refused() -> None:
    loop = Operator(0, "WHILE", (0,), (1,), (1, 8))
    with pytest.raises(EngineError, match="nothing can be predicted of a network with WHILE"):
        _work((loop,), 1e6, by_emulator=True)
