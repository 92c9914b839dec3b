from pathlib import Path

import keras
import pytest
from click.testing import CliRunner
from keras import layers, ops

from edge.engine.engine import Engine
from edge_common.errors import ModelError
from edge_convert.cli import main
from edge_convert.cut.tflite.candidates import CutCandidate, choose, table
from tests import tiny
from tests.convert.keras_networks import assert_parts_equal_keras, cuttable

SHAPE = (tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3)


def _model() -> keras.Model:
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(layers.Conv2D(8, 3, 2, "same"), name="maps")(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pooled")(x)
    x = layers.Dense(64, name="wide")(x)
    x = layers.LSTM(5, name="over_time")(x)
    return keras.Model(window, layers.Dense(2, name="answer")(x))


def test_every_cut_on_the_way_with_its_cost() -> None:
    candidates = cuttable(_model()).candidates
    assert [c.behind for c in candidates] == ["maps", "pooled", "wide", "over_time"]
    maps, pooled, wide, projected = candidates
    convolution, projection, answer = 16 * 16 * 8 * 27, 4 * 5 * 64, 2 * 5
    states = 4 * 5 * 3 * 5
    assert maps.encoder_multiply_adds == pooled.encoder_multiply_adds == convolution
    assert wide.encoder_multiply_adds == convolution + 8 * 64
    assert projected.encoder_multiply_adds == convolution + 8 * 64 + projection
    assert projected.head_multiply_adds == states + answer
    assert wide.head_multiply_adds == 4 * projection + states + answer
    assert pooled.head_multiply_adds == 4 * 8 * 64 + 4 * projection + states + answer
    assert [c.ring_values for c in candidates] == [4 * 16 * 16 * 8, 4 * 8, 4 * 64, 4 * 20]


def test_the_cut_with_the_least_work_is_taken() -> None:
    assert cuttable(_model()).choose().behind == "over_time"


@pytest.mark.parametrize(("layer", "width"), [("pooled", 8), ("wide", 64), ("over_time", 20)])
def test_a_cut_can_be_asked_for_by_the_layers_of_keras(layer: str, width: int) -> None:
    keras.utils.set_random_seed(0)
    model = _model()
    file = cuttable(model)
    parts = file.split(file.choose(layer))
    assert [t.shape for t in Engine(parts.encoder).outputs] == [(1, width)]
    assert_parts_equal_keras(model, parts)


def test_a_layer_without_work_goes_by_the_one_before_it() -> None:
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(layers.Conv2D(4, 3, 4), name="maps")(window)
    x = layers.TimeDistributed(layers.Flatten(), name="flat")(x)
    x = layers.Dropout(0.5, name="dropped")(x)
    file = cuttable(keras.Model(window, layers.Dense(2)(layers.GRU(3)(x))))
    assert [file.choose(name).behind for name in ("maps", "flat", "dropped")] == ["maps"] * 3


def test_a_nested_model_goes_by_its_name_and_by_its_layers() -> None:
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(tiny.frame_model(), name="backbone")(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pooled")(x)
    file = cuttable(keras.Model(window, layers.Dense(2)(layers.GRU(3)(x))))
    assert file.choose("backbone").ring_values == tiny.WINDOW * 8 * 8 * 16
    assert list(dict.fromkeys(c.behind for c in file.candidates))[-3:-1] == ["backbone", "pooled"]
    (first,) = {c.behind for c in file.candidates if c.behind.startswith("conv2d")}
    assert file.choose(first).ring_values == tiny.WINDOW * 16 * 16 * 8


def test_a_cut_that_is_none_names_those_that_are() -> None:
    with pytest.raises(ModelError, match="'answer': choose one of maps, pooled, wide, over_time"):
        cuttable(_model()).choose("answer")


def test_a_cut_that_leaves_raw_frames_behind_is_no_candidate() -> None:
    window = keras.Input(SHAPE)
    bright = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="bright")(window)
    maps = layers.TimeDistributed(layers.Conv2D(4, 3), name="maps")(window)
    pooled = layers.TimeDistributed(layers.GlobalMaxPooling2D(), name="pooled")(maps)
    both = layers.Concatenate(name="both")([bright, pooled])
    model = keras.Model(window, layers.Dense(2)(ops.mean(both, axis=1)))
    names = [candidate.behind for candidate in cuttable(model).candidates]
    assert names[-1] == "both"
    assert names[0] in ("bright", "maps") and len(names) == 3


def _cut(behind: str, place: int, work: tuple[int, int], ring: int, numbers: int = 0):
    return CutCandidate(behind, place, ("f",), *work, ring, written_values=numbers)


def test_among_equals_the_fewest_numbers_then_the_smallest_ring_then_the_last() -> None:
    cuts = [_cut("a", 0, (5, 5), 9, 4), _cut("b", 1, (6, 4), 9, 3), _cut("c", 2, (7, 3), 8, 3)]
    assert choose(cuts).behind == "c"
    assert choose([*cuts, _cut("d", 3, (8, 2), 8, 3)]).behind == "d"
    assert choose([*cuts, _cut("e", 3, (8, 3), 1, 0)]).behind == "c"


def test_the_table_marks_the_choice() -> None:
    candidates = [
        CutCandidate("a", 0, ("f",), 1_000_000, 500_000, 1000),
        CutCandidate("b", 1, ("f", "g"), 1_200_000, 100_000, 250),
    ]
    lines = table(candidates, candidates[1], window=10).splitlines()
    assert lines[2].split() == ["a", "1.00", "0.50", "1.50", "7.0", "x", "4.0", "1"]
    assert lines[3].split() == [">", "b", "1.20", "0.10", "1.30", "9.3", "x", "1.0", "2"]


def test_a_long_table_leaves_out_what_is_beaten_in_work_and_memory() -> None:
    candidates = [_cut(f"c{i}", i, (100 * i, 1000), 10 * i) for i in range(1, 20)]
    candidates.append(_cut("small", 20, (5000, 0), 5))
    lines = table(candidates, candidates[7], window=4).splitlines()
    assert [line.split()[0] for line in lines[2:-1]] == ["c1", ">", "small"]
    assert lines[-1].endswith("17 cuts that need more work and memory are not shown")


def test_a_loop_over_frames_counts_its_network_once_a_frame() -> None:
    window = keras.Input(SHAPE)
    convolution = layers.Conv2D(8, 3, 2, "same", name="convolution")
    seen = [layers.GlobalAveragePooling2D()(convolution(window[:, t])) for t in range(tiny.WINDOW)]
    x = layers.LSTM(5)(ops.stack(seen, axis=1))
    file = cuttable(keras.Model(window, layers.Dense(2)(x)))
    assert file.candidates[0].behind == "convolution"
    work = [c.encoder_multiply_adds for c in file.candidates]
    assert work == [16 * 16 * 8 * 27, 16 * 16 * 8 * 27, 16 * 16 * 8 * 27 + 8 * 20]
    assert file.choose().ring_values == tiny.WINDOW * 20


def test_work_for_one_frame_stays_in_the_head_if_that_costs_no_memory() -> None:
    window = keras.Input(SHAPE)
    seen = layers.TimeDistributed(layers.Conv2D(8, 3, 4), name="maps")(window)
    seen = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="seen")(seen)
    who = layers.Dense(9, name="who")(seen[:, -1])
    file = cuttable(keras.Model(window, {"who": who, "what": layers.Dense(2)(ops.max(seen, 1))}))
    assert file.choose().behind == file.candidates[-1].behind == "seen"


def test_work_for_one_frame_is_the_encoder_s_if_the_head_would_need_raw_frames() -> None:
    window = keras.Input(SHAPE)
    bright = ops.mean(window, axis=(2, 3))
    x = layers.GlobalAveragePooling2D(name="newest")(layers.Conv2D(8, 3, 4)(window[:, -1]))
    model = keras.Model(window, layers.Dense(2)(layers.Concatenate()([x, ops.max(bright, 1)])))
    file = cuttable(model)
    assert file.choose().behind == "newest" and not file.choose().reads_frames
    assert_parts_equal_keras(model, file.split(file.choose()))


def test_raw_frames_that_the_head_needs_anyway_are_a_feature() -> None:
    window = keras.Input(SHAPE, name="window")
    x = layers.TimeDistributed(layers.Conv2D(8, 3, 2, "same"))(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pooled")(x)
    change = ops.mean(ops.abs(window[:, 1:] - window[:, :-1]), axis=(2, 3, 4))
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(x), change])
    file = cuttable(keras.Model(window, layers.Dense(2)(x)))
    assert all(c.reads_frames for c in file.candidates)
    assert file.choose().features == ("f0_window", "f1_pooled")


def test_what_mixes_frames_in_the_backbone_is_told() -> None:
    window = keras.Input(SHAPE)
    x = layers.Conv3D(8, (1, 3, 3), (1, 2, 2), name="space")(window)
    x = layers.Conv3D(8, (3, 1, 1), padding="same", name="time")(x)
    x = layers.Conv3D(8, (1, 3, 3), name="later")(x)
    file = cuttable(keras.Model(window, layers.Dense(2)(layers.GlobalAveragePooling3D()(x))))
    assert file.choose().behind == "space"
    (note,) = file.notes(file.choose())
    assert "'time' read several frames at once" in note


def test_explain_needs_nothing_but_the_model(cli: CliRunner, tiny_model_path: Path) -> None:
    done = cli.invoke(main, [str(tiny_model_path), "--explain"])
    assert done.exit_code == 0, done.output
    assert "> over_time" in done.stdout


def test_without_explain_output_and_calibration_are_needed(
    cli: CliRunner, tiny_model_path: Path
) -> None:
    done = cli.invoke(main, [str(tiny_model_path)])
    assert done.exit_code == 2
    assert "give -o NAME.edge and --calibration CLIPS" in done.stderr
