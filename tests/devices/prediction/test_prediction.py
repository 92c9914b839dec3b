"""Latency on boards that are not here: the terms by hand, the fit by its laws, the errors by figures."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge_common.data import toml_parser
from edge_common.errors import DeviceError
from edge_devices.prediction.cores import (
    Microarchitecture,
    Processor,
    Work,
    instructions_per_unit,
    least_ms,
    microarchitectures,
    processor_of,
    rows,
)
from edge_devices.prediction.fitted import by_board, by_figure, errors, predicted
from edge_devices.prediction.measured import Anchor, published
from edge_devices.prediction.model import LatencyModel, Observation, fit
from edge_devices.profiles.catalogue import profile_named

SHARED = Microarchitecture(2, l2_shared=True, l2_bytes_a_cycle=16, kernels="k", sources=())
PRIVATE = dataclasses.replace(SHARED, l2_shared=False)
BOARD = Processor("b", SHARED, cores=4, clock_ghz=1.0, bandwidth_gb_s=2.0)
WORK = Work(instructions=8e6, weight_bytes=16e6, tensor_bytes=4e6, operators=50, counted=True)

sizes = st.floats(1e3, 1e9)
works = st.builds(Work, sizes, sizes, sizes, st.integers(1, 500), st.just(True))


@pytest.fixture(scope="module")
def model() -> LatencyModel:
    return fit([anchor.observation for anchor in published()])


def _times(work: Work, factor: float) -> Work:
    amounts = dataclasses.astuple(work)[:-1]
    return Work(*(factor * amount for amount in amounts), counted=work.counted)


def test_terms_by_hand() -> None:
    # 8 M / 2 a cycle / 1 GHz = 4 ms; 16 MB / 16 bytes a cycle = 1 ms; 4 MB / 2 GB/s = 2 ms
    assert least_ms(WORK, BOARD, 1) == pytest.approx([4.0, 1.0, 2.0, 0.0])
    # four threads share issue but not the cache; 50 barriers of 10,000 cycles are 0.5 ms
    assert least_ms(WORK, BOARD, 4) == pytest.approx([1.0, 1.0, 2.0, 0.5])


def test_private_caches_serve_threads_side_by_side() -> None:
    private = dataclasses.replace(BOARD, core=PRIVATE)
    assert least_ms(WORK, private, 4)[1] == pytest.approx(0.25)


def test_without_observations_the_prior_stands() -> None:
    latency = fit([]).predict(WORK, BOARD, 1)
    assert latency.ms == pytest.approx(1.5 * 4 + 2 * 1 + 1 * 2)
    assert latency.low_ms < latency.ms < latency.high_ms
    assert math.sqrt(latency.low_ms * latency.high_ms) == pytest.approx(latency.ms)


@settings(max_examples=50, deadline=None)
@given(work=works, factor=st.floats(1.1, 10), threads=st.integers(1, 4))
def test_more_work_takes_longer_and_a_faster_clock_less(
    model: LatencyModel, work: Work, factor: float, threads: int
) -> None:
    once = model.predict(work, BOARD, threads).ms
    assert model.predict(_times(work, factor), BOARD, threads).ms == pytest.approx(factor * once)
    faster = dataclasses.replace(BOARD, clock_ghz=factor, bandwidth_gb_s=factor * 2)
    assert model.predict(work, faster, threads).ms == pytest.approx(once / factor)


@settings(max_examples=50, deadline=None)
@given(work=works, factor=st.floats(0.5, 2))
def test_a_measurement_draws_its_board_near_and_narrows_it(work: Work, factor: float) -> None:
    known = [anchor.observation for anchor in published()]
    before = fit(known).predict(work, BOARD, 1)
    real_ms = factor * before.ms
    seen = Observation(work, BOARD, 1, real_ms, BOARD.board)
    after = fit([*known, seen]).predict(work, BOARD, 1)
    assert abs(math.log(after.ms / real_ms)) <= abs(math.log(before.ms / real_ms)) + 1e-9
    assert after.high_ms / after.low_ms < before.high_ms / before.low_ms


def test_estimated_instructions_widen_the_interval(model: LatencyModel) -> None:
    counted = model.predict(WORK, BOARD, 1)
    estimated = model.predict(dataclasses.replace(WORK, counted=False), BOARD, 1)
    assert estimated.ms == counted.ms
    assert estimated.high_ms > counted.high_ms and estimated.low_ms < counted.low_ms


def test_terms_add_up_to_the_whole(model: LatencyModel) -> None:
    latency = model.predict(WORK, processor_of(profile_named("pi-4")), 2)
    assert sum(latency.by_term) == pytest.approx(latency.ms)


def _mobilenets() -> list[Anchor]:
    return [
        anchor
        for anchor in published()
        if anchor.network in ("mobilenet_v1_224", "mobilenet_v2_224")
        and anchor.observation.processor.board in ("pi-3b-plus", "pi-4", "pi-5")
    ]


def test_published_figures_left_out_are_predicted_within_the_promise() -> None:
    wanted = _mobilenets()
    assert len(wanted) == 10
    found = errors([each for each in by_figure(published()) if each.anchor in wanted])
    assert found.count == 10
    assert found.median <= 0.15 and found.worst <= 0.35
    assert found.covered >= 0.9 * found.count


def test_boards_left_out_are_covered_as_often_as_claimed() -> None:
    found = errors(by_board(published()))
    assert found.count == 25
    assert found.worst <= 0.35 and found.covered >= 0.9 * found.count


def test_a_left_out_board_takes_its_32_bit_twin_along() -> None:
    """Else Pi 4's figures in another user land would give its own away."""
    pi_4 = next(a for a in published() if a.observation.processor.board == "pi-4")
    twins = [a for a in published() if a.observation.processor.board == "pi-4-32bit"]
    assert twins
    key = (pi_4.observation.processor.core, pi_4.observation.processor.clock_ghz)
    assert all(
        (a.observation.processor.core, a.observation.processor.clock_ghz) == key for a in twins
    )


def test_anchors_and_profiles_say_the_same_of_a_board() -> None:
    for processor in {a.observation.processor for a in published()}:
        if processor.board in ("pi-3b-plus", "pi-4", "pi-5"):
            assert processor == processor_of(profile_named(processor.board))


def test_figures_as_they_were_published() -> None:
    figures = {(a.observation.group, a.network, a.precision): a.observation.ms for a in published()}
    assert figures["pi-3b-plus", "mobilenet_v1_224", "fp32"] == 114
    assert figures["pi-4", "mobilenet_v2_224", "int8"] == 17
    assert figures["pi-5", "mobilenet_v2_224", "fp32"] == 10.89


def test_every_figure_has_a_source_that_says_what_is_unsaid() -> None:
    from importlib import resources

    text = resources.files("edge_devices").joinpath("data/anchor_sources.toml").read_text("utf-8")
    sources = toml_parser().loads(text)
    assert {row["source"] for row in rows("anchors.csv")} == set(sources)
    assert all({"title", "where", "unsaid"} == set(source) for source in sources.values())


@pytest.mark.parametrize("name", sorted(microarchitectures()))
def test_every_core_has_counts_of_its_kernels(name: str) -> None:
    table = instructions_per_unit(microarchitectures()[name].kernels)
    assert 0.01 < table["matrix", "int8"] < table["matrix", "float"] < 1


def test_boards_of_unknown_cores_say_so() -> None:
    with pytest.raises(DeviceError, match="nothing can be predicted for generic-x86-64"):
        predicted(WORK, profile_named("generic-x86-64"))
    with pytest.raises(DeviceError, match="no instruction counts are known of 'z80'"):
        instructions_per_unit("z80")


def test_threads_beyond_the_cores_do_not_help() -> None:
    pi_4 = profile_named("pi-4")
    assert predicted(WORK, pi_4, 64) == predicted(WORK, pi_4, 4)


def test_an_anchor_of_another_network_only_tells_of_threads(model: LatencyModel) -> None:
    """Doubling all its figures changes nothing else."""
    doubled = [
        dataclasses.replace(o, ms=2 * o.ms) if o.own_scale else o
        for o in (anchor.observation for anchor in published())
    ]
    pi_5 = processor_of(profile_named("pi-5"))
    again = fit(doubled).predict(WORK, pi_5, 1).ms
    assert again == pytest.approx(model.predict(WORK, pi_5, 1).ms, rel=0.001)
    assert np.isfinite(again)
