from pathlib import Path

import numpy as np
import pytest

from edge.bundle import open_bundle
from edge.engine.engine import Engine
from edge.stream import StreamOptions
from edge.tflite import flatbuffer
from edge.tflite.operators import read_operators
from edge_benchmarks.inside import roofline
from edge_benchmarks.inside.peak import Peak, Product, fastest_ns, measure_peak, product_model
from edge_benchmarks.inside.roofline import (
    Bandwidth,
    PartWork,
    Roof,
    RooflinePoint,
    last_cache_bytes,
    measure_bandwidth,
    measure_roof,
    place,
    steps,
    thread_counts,
    work_of,
)
from edge_benchmarks.measure.timing import fill_randomly
from edge_common.data import decode, encode
from tests.benchmarks.fakes import FakeClock, FakeEngine

ROOF = Roof(
    (
        Peak("int8", 1, 400.0, "256 x 512 x 512"),
        Peak("float32", 1, 100.0, "256 x 512 x 512"),
        Peak("int8", 2, 800.0, "256 x 512 x 512"),
    ),
    (
        Bandwidth(1, 8.0, 10.0, 1 << 27, True),
        Bandwidth(2, 20.0, 16.0, 1 << 27, True),
    ),
)


# the matrix product


def test_an_int8_product_is_computed_as_written() -> None:
    """All weights by all inputs, summed in integers: exact up to the rounding of the output."""
    product = Product(4, 16, 8)
    model = product_model(product)
    engine = Engine(model)
    values = fill_randomly(engine)[0].astype(np.int64).reshape(4, 16)
    engine.invoke()
    weights = flatbuffer.read(model).buffers[1].data.view(np.int8).astype(np.int64).reshape(8, 16)
    expected = np.clip(np.rint(values @ weights.T * 0.02 * 0.02), -128, 127)
    assert (engine.inputs[0].dtype, engine.outputs[0].shape) == ("int8", (1, 4, 1, 8))
    np.testing.assert_array_equal(engine.output().reshape(4, 8), expected)


def test_a_float_product_is_computed_as_written() -> None:
    model = product_model(Product(4, 16, 8, "float32"))
    engine = Engine(model)
    values = fill_randomly(engine)[0].reshape(4, 16)
    engine.invoke()
    weights = flatbuffer.read(model).buffers[1].data.view(np.float32).reshape(8, 16)
    np.testing.assert_allclose(engine.output().reshape(4, 8), values @ weights.T, rtol=1e-4)


def test_a_product_counts_its_operations() -> None:
    product = Product(64, 256, 128)
    assert (product.operations, product.shape) == (4_194_304, "64 x 256 x 128")
    assert flatbuffer.cost(product_model(product)).multiply_adds == 64 * 256 * 128


# peak


def test_the_fastest_invocation_counts() -> None:
    clock = FakeClock()

    class Uneven(FakeEngine):
        def invoke(self) -> None:
            self._ms = 3.0 if self.invocations == 7 else 5.0
            super().invoke()

    engine = Uneven(clock, 5.0)
    assert fastest_ns(engine, 0.2, clock) == 3_000_000
    assert engine.invocations == 3 + 41


def test_ten_invocations_are_timed_at_least() -> None:
    clock = FakeClock()
    engine = FakeEngine(clock, 100.0)
    fastest_ns(engine, 0.2, clock)
    assert engine.invocations == 3 + 10


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_a_real_peak_is_of_one_of_the_shapes(precision: str) -> None:
    shapes = ((16, 32, 32), (32, 64, 64))
    found = measure_peak(precision, StreamOptions(), seconds=0.001, shapes=shapes)
    assert (found.precision, found.threads) == (precision, 1)
    assert found.shape in ("16 x 32 x 32", "32 x 64 x 64")
    assert found.gops > 0


# bandwidth


def test_bytes_are_counted_as_stream_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy touches two arrays, triad three; here each takes 1 ms a pass."""
    ticks = iter(range(0, 100_000_000, 1_000_000))
    found = measure_bandwidth(1, array_bytes=8000, clock=lambda: next(ticks))
    assert (found.copy_gb_s, found.triad_gb_s) == (0.016, 0.024)
    assert (found.best_gb_s, found.array_bytes) == (0.024, 8000)
    assert not found.larger_than_cache


def test_the_first_pass_does_not_count() -> None:
    lengths = iter([1, *[4] * 5, 1, *[4] * 5])
    now = [0]

    def clock() -> int:
        if now[0] % 2:
            passed.append(passed[-1] + next(lengths) * 1000)
        now[0] += 1
        return passed[-1]

    passed = [0]
    found = measure_bandwidth(1, array_bytes=8000, clock=clock)
    assert found.copy_gb_s == pytest.approx(4.0)


@pytest.mark.parametrize("threads", [1, 3])
def test_triad_is_b_plus_three_c(threads: int) -> None:
    b, c, a = np.arange(100_001.0), np.arange(100_001.0)[::-1].copy(), np.zeros(100_001)
    for share in roofline._shares(len(a), threads):
        roofline._triad(a[share], b[share], c[share])
    np.testing.assert_array_equal(a, b + 3 * c)


def test_the_largest_cache_is_found(tmp_path: Path) -> None:
    sizes = {"index0": "32K", "index2": "1024K", "index3": "32768K", "index9": "odd"}
    for name, size in sizes.items():
        folder = tmp_path / "sys/devices/system/cpu/cpu0/cache" / name
        folder.mkdir(parents=True)
        (folder / "size").write_text(size + "\n")
    assert last_cache_bytes(tmp_path) == 32 << 20


def test_a_board_that_does_not_tell_its_caches(tmp_path: Path) -> None:
    assert last_cache_bytes(tmp_path) is None


# under the roof


def test_a_part_that_the_arithmetic_bounds() -> None:
    work = PartWork(operations=200_000_000, bytes_moved=4_000_000, precision="int8")
    assert place(work, 1.0, ROOF, threads=1) == RooflinePoint(
        precision="int8",
        threads=1,
        operations=200_000_000,
        bytes_moved=4_000_000,
        intensity=50.0,
        gops=200.0,
        share_of_peak=0.5,
        attainable_gops=400.0,
        share_of_roof=0.5,
        bound="compute",
    )


def test_a_part_that_the_memory_bounds() -> None:
    found = place(PartWork(100_000_000, 10_000_000, "int8"), 2.0, ROOF, threads=1)
    assert (found.intensity, found.bound) == (10.0, "memory")
    assert (found.gops, found.attainable_gops) == (50.0, 100.0)
    assert (found.share_of_peak, found.share_of_roof) == (0.125, 0.5)


def test_a_float_part_is_measured_by_the_float_peak() -> None:
    assert place(PartWork(50_000_000, 100_000, "float32"), 1.0, ROOF, 1).share_of_peak == 0.5


def test_more_threads_have_another_roof() -> None:
    found = place(PartWork(200_000_000, 4_000_000, "int8"), 1.0, ROOF, threads=2)
    assert (found.share_of_peak, found.attainable_gops) == (0.25, 800.0)


def test_a_part_without_products_stands_at_the_foot() -> None:
    found = place(PartWork(0, 1000, "float32"), 1.0, ROOF, threads=1)
    assert (found.gops, found.share_of_peak, found.share_of_roof) == (0.0, 0.0, 0.0)
    assert found.bound == "memory"


def test_the_work_of_a_product() -> None:
    """Inputs, weights, biases and outputs, once each."""
    found = work_of(product_model(Product(4, 16, 8)))
    assert found == PartWork(1024, 4 * 16 + 16 * 8 + 8 * 4 + 4 * 8, "int8")
    assert found.intensity == 4.0
    floats = work_of(product_model(Product(4, 16, 8, "float32")))
    assert floats == PartWork(1024, 4 * (4 * 16 + 16 * 8 + 8 + 4 * 8), "float32")


def test_a_view_moves_nothing() -> None:
    model = open_bundle("faces-in-motion").members["head.tflite"]
    operators = read_operators(model)
    views = sum(o.bytes_moved for o in operators if o.name == "RESHAPE")
    found = work_of(model)
    assert views > 0
    assert found.bytes_moved == sum(o.bytes_moved for o in operators) - views
    assert found.operations == 2 * flatbuffer.cost(model).multiply_adds


@pytest.mark.parametrize(("threads", "counts"), [(1, [1]), (4, [1, 4])])
def test_the_roof_is_measured_for_one_thread_and_those_asked_for(
    threads: int, counts: list[int]
) -> None:
    options = StreamOptions(threads=threads)
    assert (thread_counts(options), steps(options)) == (counts, 3 * len(counts))


def test_a_real_roof(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Bandwidth(1, 8.0, 10.0, 8000, False)
    monkeypatch.setattr("edge_benchmarks.inside.roofline.measure_bandwidth", lambda threads: small)
    told = []
    roof = measure_roof(StreamOptions(), seconds=0.001, on_step=lambda: told.append(1))
    assert [peak.precision for peak in roof.peaks] == ["int8", "float32"]
    assert roof.bandwidths == (small,)
    assert len(told) == steps(StreamOptions())
    assert decode(Roof, encode(roof)) == roof
