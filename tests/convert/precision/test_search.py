"""The search over real parts of the tiny network, and its choice over made-up figures."""

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from edge.bundle import InputSpec
from edge.tasks import Task
from edge.tflite import flatbuffer
from edge_common.console import Progress
from edge_common.errors import ModelError
from edge_convert.precision import float_layers, quantiser
from edge_convert.precision.activations import LayerCost
from edge_convert.precision.calibration import NetworkInput
from edge_convert.precision.candidates import (
    AccuracyDrop,
    Combination,
    PartCandidate,
    Scoring,
    SearchResult,
)
from edge_convert.precision.export import tflite_of
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.precision.parts import FloatPart
from edge_convert.precision.recipes import FLOAT32, INT8, Recipe
from edge_convert.precision.search import PrecisionSearch
from edge_convert.verification.conversion_report import ConversionReport
from edge_convert.verification.summary import search_table
from tests import tiny

TASKS = (Task("kind", "classification", ("0", "1", "2")), Task("size", "regression"))
CLIPS = tiny.labelled_clips(16)


@pytest.fixture
def searching(tmp_path: Path, tiny_float_parts: dict[str, bytes]):
    """A function that searches over the tiny network with a budget and forced precisions."""
    with ConversionJobs(tmp_path) as jobs:
        parts = [FloatPart(role, model, 1) for role, model in tiny_float_parts.items()]
        pictures = CLIPS["clips"].reshape(-1, 32, 32, 3).astype(np.float32)
        jobs.prepare("encoder", parts[0].model, {"frame": pictures}, {"frame": (0.0, 255.0)})
        draw = np.random.default_rng(0)
        features = {
            "f0_maps": draw.uniform(0, 2, (8, 4, 8, 8, 16)).astype(np.float32),
            "f1_pooled": draw.uniform(0, 2, (8, 4, 16)).astype(np.float32),
        }
        jobs.prepare("head", parts[1].model, features, {})
        windows = NetworkInput(CLIPS["clips"], InputSpec(32, 32))

        def search(max_drop: float = 0.5, forced: dict[str, str] | None = None) -> PrecisionSearch:
            scale = Scoring(TASKS, windows, {}, max_drop)
            return PrecisionSearch(jobs, parts, scale, forced or {}, Progress(quiet=True))

        yield search


def test_every_precision_of_both_parts_is_tried_and_told(searching) -> None:
    found = searching(max_drop=100.0).run()
    tried = {(a.role, a.recipe.precision) for a in found.candidates}
    precisions = ("int8", "int16x8", "dynamic_range", "float16", "float32")
    assert tried == {(role, p) for role in ("encoder", "head") for p in precisions}
    assert all(a.failure or a.latency_ms > 0 for a in found.candidates)
    exact = next(c for c in found.combinations if all(a.recipe == FLOAT32 for a in c.candidates))
    assert exact.worst == pytest.approx(0.0, abs=1e-9)


@pytest.mark.usefixtures("idle_machine")
def test_with_no_budget_for_loss_nothing_is_lost(searching) -> None:
    search = searching(max_drop=0.0)
    found = search.run()
    assert found.chosen.worst <= 0.0
    assert {a.recipe.ranges for a in found.candidates} == {"min-max", "percentile", "mse"}
    assert any(a.recipe.float_layers for a in found.candidates) and found.layer_costs["encoder"]


def test_better_heads_that_are_all_too_slow_are_passed_over(
    searching, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(parts) -> list[float]:
        ladder = len(parts) >= 4
        return [(0.01 if p.part.precision == "int8" else 1.0) if ladder else 99.0 for p in parts]

    monkeypatch.setattr("edge_convert.precision.search.latencies_ms", slow)
    result = searching(max_drop=-1.0).run()  # int8 always loses more than is allowed
    retried = [a for a in result.candidates if a.recipe.ranges == "mse" and a.role == "head"]
    assert {a.failure for a in retried} == {"99 times as slow as float32"}
    scored = [cost.points for cost in result.layer_costs["head"]]
    assert not np.isnan(scored[:3]).any() and np.isnan(scored[3:]).all()


def test_what_is_forced_is_taken_and_not_searched(searching) -> None:
    found = searching(forced={"encoder": "int8", "head": "float16"}).run()
    assert [a.recipe for a in found.chosen.candidates] == [INT8, Recipe("float16")]
    assert {a.recipe for a in found.candidates} == {FLOAT32, INT8, Recipe("float16")}


def test_a_forced_precision_that_does_not_work_is_said(searching) -> None:
    search = searching(forced={"encoder": "int16x8"})
    with pytest.raises(ModelError, match="the wanted precision does not work: .*ADD"):
        search.run()


def places_network() -> bytes:
    """Where a convolution's two maps are largest, as a mean over their rows: (8, 8, 3) -> (2,)."""
    frame = keras.Input((8, 8, 3), batch_size=1, name="frame")
    score = ops.sigmoid(keras.layers.Conv2D(2, 3, padding="same", name="maps")(frame) / 50)
    power = ops.square(ops.square(ops.square(score)))
    share = power / ops.sum(power, axis=(1, 2), keepdims=True)
    rows = np.arange(8, dtype=np.float32)[None, :, None, None]
    row = ops.sum(share * rows, axis=(1, 2)) / 8 - 0.5
    model = keras.Model(frame, {"place": ops.square(row) + row})
    return tflite_of(model)


@pytest.mark.usefixtures("idle_machine")
def test_arithmetic_behind_all_weights_can_stay_in_float(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = places_network()
    tail = float_layers.tail(model)
    kinds = {layer.name: layer.operator for layer in quantiser.layers(model)}
    assert len(tail) > 8 and "CONV_2D" not in {kinds[name] for name in tail}
    frames = np.random.default_rng(0).integers(0, 256, (24, 1, 8, 8, 3), dtype=np.uint8)
    tasks = (Task("place", "embedding"),)
    scoring = Scoring(tasks, NetworkInput(frames, InputSpec(8, 8)), {}, 0.5)
    with ConversionJobs(tmp_path) as jobs:
        jobs.prepare("model", model, {"frame": frames[:, 0].astype(np.float32)}, {})
        part = FloatPart("model", model, 1)
        found = PrecisionSearch(jobs, [part], scoring, {}, Progress(quiet=True)).run()
    candidates = {a.recipe: a for a in found.candidates}
    mixed = candidates[Recipe("int8", float_layers=tail)]
    assert mixed.part and {"QUANTIZE", "DEQUANTIZE"} & flatbuffer.cost(mixed.part.model).ops.keys()
    drops = {c.candidates[0].recipe: c.worst for c in found.combinations}
    assert drops[mixed.recipe] < 0.5
    assert candidates[INT8].failure or drops[INT8] > drops[mixed.recipe]


def test_layers_of_places_are_those_of_large_maps_and_all_behind_an_enlarged_one() -> None:
    """Maps are 32, 16, 4 and 2 wide, and 4 again: a quarter of 32 is 8."""
    frame = x = keras.Input((32, 32, 3), batch_size=1, name="frame")
    for name, stride in (("whole", 1), ("half", 2), ("eighth", 4), ("sixteenth", 2)):
        x = keras.layers.Conv2D(4, 3, strides=stride, padding="same", name=name)(x)
    x = keras.layers.UpSampling2D(2, interpolation="bilinear", name="enlarged")(x)
    last = keras.layers.Conv2D(2, 3, padding="same", name="last")(x)
    model = tflite_of(keras.Model(frame, {"map": last}))
    names = [layer.name for layer in quantiser.layers(model)]
    assert len(names) == 6
    assert float_layers.places(model) == (*names[:2], *names[4:])
    without = tflite_of(keras.Model(frame, {"map": keras.layers.Flatten()(frame)}))
    assert float_layers.places(without) == ()


@dataclass(frozen=True)
class Sized:
    """Stands where a converted part would, for its size only."""

    model: bytes


def _combination(recipe: Recipe, ms: float, loss: float, size: int = 1000) -> Combination:
    attempt = PartCandidate("model", recipe, Sized(bytes(size)), ms)
    return Combination((attempt,), (AccuracyDrop("kind", loss, loss, loss, 100, "labels"),))


def _chosen(*combinations: Combination, max_drop: float = 0.5) -> Recipe:
    scale = Scoring(TASKS, NetworkInput(CLIPS["clips"], InputSpec(32, 32)), {}, max_drop)
    search = PrecisionSearch(None, [FloatPart("model", b"", 1)], scale, {}, Progress(quiet=True))
    search._combinations = list(combinations)
    return search._choose().candidates[0].recipe


def test_the_fastest_within_the_budget_is_chosen() -> None:
    slow, fast = _combination(FLOAT32, 3.0, 0.0), _combination(INT8, 1.0, 0.4)
    too_bad = _combination(Recipe("int8", "mse"), 0.5, 0.6)
    assert _chosen(slow, fast, too_bad) == INT8


@pytest.mark.parametrize(
    ("high", "by_margins", "is_taken"),
    [(2.0, True, True), (2.1, True, False), (3.9, False, True), (np.nan, True, False)],
)
def test_what_margins_leave_unsure_is_taken_up_to_four_times_the_budget(
    high: float, by_margins: bool, is_taken: bool
) -> None:
    unsure = _combination(INT8, 1.0, 0.2)
    drops = (replace(unsure.drops[0], high=high, by_margins=by_margins),)
    chosen = _chosen(_combination(FLOAT32, 3.0, 0.0), replace(unsure, drops=drops))
    assert chosen == (INT8 if is_taken else FLOAT32)


def test_nan_is_never_within_a_budget() -> None:
    assert not AccuracyDrop("kind", np.nan, np.nan, np.nan, 100, "labels").is_within(100.0)


def test_of_those_equally_fast_the_one_that_loses_least_then_the_smallest() -> None:
    mse, selective = Recipe("int8", "mse"), Recipe("int8", "mse", ("a",))
    equals = (
        _combination(INT8, 1.00, 0.4),
        _combination(mse, 1.05, 0.1, size=900),
        _combination(selective, 1.09, 0.1, size=1100),
    )
    assert _chosen(_combination(FLOAT32, 3.0, 0.0), *equals) == mse


@pytest.mark.parametrize(
    ("ms", "size", "is_enough"),
    [(3.0, 900, True), (0.0, 900, False), (3.0, 100, False), (8.0, 2000, True)],
)
def test_int8_that_would_save_less_than_counts_as_equal_is_not_searched_for(
    ms: float, size: int, is_enough: bool
) -> None:
    head = PartCandidate("head", FLOAT32, Sized(bytes(1500)), 4.0)
    both = Combination((PartCandidate("encoder", INT8, Sized(bytes(8000)), 30.0), head), ())
    int8 = PartCandidate("head", INT8, Sized(bytes(size)), ms)
    assert both.is_as_good_as_with(int8) == is_enough


def test_float_stays_where_nothing_else_is_good_enough() -> None:
    assert _chosen(_combination(FLOAT32, 3.0, 0.0), _combination(INT8, 1.0, 2.0)) == FLOAT32


def _result(chosen: Recipe, *costs: LayerCost) -> SearchResult:
    best = _combination(chosen, 1.0, 0.0)
    return SearchResult(best, (best,), best.candidates, (), {"model": costs}, {})


def test_the_layer_that_forbids_int8_is_named() -> None:
    costs = LayerCost("gate", "MUL", 3.0, 7.25), LayerCost("stem", "CONV_2D", 9.0, 0.25)
    (line,) = _result(FLOAT32, *costs).obstacles("model", 0.5)
    assert line.startswith("The layer gate (MUL) forbids int8 of the model: alone it loses 7.25")
    (line,) = _result(FLOAT32, *costs).obstacles("model", 10.0)
    assert line.startswith("No layer of the model forbids int8 alone: gate (MUL)")
    assert not _result(INT8, *costs).obstacles("model", 0.5)
    assert not _result(FLOAT32, LayerCost("gate", "MUL", 3.0)).obstacles("model", 0.5)


@pytest.mark.parametrize(("loss", "is_said"), [(0.25, True), (0.75, False)])
def test_int8_that_only_this_machine_is_slower_with_is_said(loss: float, is_said: bool) -> None:
    best, int8 = _combination(FLOAT32, 1.0, 0.0), _combination(INT8, 1.5, loss, size=300)
    result = SearchResult(best, (best, int8), best.candidates, (), {}, {})
    text = search_table(result, ConversionReport(0.5))
    line = "int8 of the model keeps the budget as well (0.00 MB, loses 0.25 points), but takes 1.50"
    assert (line in text) == is_said


def test_what_no_way_quantises_is_called_float32(tmp_path: Path) -> None:
    window = keras.Input((6, 12, 12, 3), batch_size=1, name="window")
    x = keras.layers.Conv3D(16, 3)(window)
    model = tflite_of(keras.Model(window, {"kind": keras.layers.GlobalAveragePooling3D()(x)}))
    assert quantiser.left_in_float(model) == (pytest.approx(1.0, abs=0.02), "CONV_3D")
    part = FloatPart("model", model, 1)
    draw = np.random.default_rng(0)
    clips = draw.integers(0, 256, (20, 6, 12, 12, 3), dtype=np.uint8)
    windows = NetworkInput(clips, InputSpec(12, 12))
    scoring = Scoring((Task("kind", "embedding"),), windows, {}, 0.5)
    quiet = Progress(quiet=True)
    with ConversionJobs(tmp_path) as jobs:
        jobs.prepare("model", model, {"window": clips.astype(np.float32)}, {"window": (0.0, 255.0)})
        with pytest.raises(ModelError, match="CONV_3D holds .* and there is no way to quantise it"):
            PrecisionSearch(jobs, [part], scoring, {"model": "int8"}, quiet).run()
        result = PrecisionSearch(jobs, [part], scoring, {}, quiet).run()
    assert [a.recipe for a in result.candidates] == [FLOAT32]
