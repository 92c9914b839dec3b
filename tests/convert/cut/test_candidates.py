from pathlib import Path

import keras
import pytest
from click.testing import CliRunner
from keras import layers, ops

from edge_common.errors import ModelError
from edge_convert.cli import main
from edge_convert.cut.keras.candidates import CutCandidate, candidates, choose, table
from edge_convert.cut.keras.split import split
from tests import tiny

SHAPE = (tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3)


def _model() -> keras.Model:
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(layers.Conv2D(8, 3, 2, "same"), name="maps")(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pooled")(x)
    x = layers.Dense(64, name="wide")(x)
    x = layers.LSTM(5, name="over_time")(x)
    return keras.Model(window, layers.Dense(2, name="answer")(x))


def test_every_cut_on_the_way_with_its_cost() -> None:
    found = candidates(_model())
    assert [c.behind for c in found] == ["maps", "pooled", "wide"]
    maps, pooled, wide = found
    convolution, lstm, answer = 16 * 16 * 8 * 27, 4 * 5 * (4 * 64 + 3 * 5), 2 * 5
    assert maps.encoder_multiply_adds == pooled.encoder_multiply_adds == convolution
    assert wide.encoder_multiply_adds == convolution + 8 * 64
    assert wide.head_multiply_adds == lstm + answer
    assert pooled.head_multiply_adds == 4 * 8 * 64 + lstm + answer
    assert [c.ring_values for c in found] == [4 * 16 * 16 * 8, 4 * 8, 4 * 64]


def test_the_cut_with_the_least_work_is_taken() -> None:
    assert choose(candidates(_model())).behind == "wide"


def test_a_cut_can_be_asked_for() -> None:
    model = _model()
    chosen = choose(candidates(model), "pooled")
    parts = split(model, chosen.keep)
    assert [tuple(t.shape) for t in parts.encoder.outputs] == [(1, 8)]
    assert any(layer.name == "wide" for layer in parts.head.layers)


def test_a_cut_that_is_none_names_those_that_are() -> None:
    with pytest.raises(ModelError, match="'answer': choose one of maps, pooled, wide"):
        choose(candidates(_model()), "answer")


def test_a_cut_that_leaves_raw_frames_behind_is_no_candidate() -> None:
    window = keras.Input(SHAPE)
    bright = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="bright")(window)
    maps = layers.TimeDistributed(layers.Conv2D(4, 3), name="maps")(window)
    pooled = layers.TimeDistributed(layers.GlobalMaxPooling2D(), name="pooled")(maps)
    both = layers.Concatenate(name="both")([bright, pooled])
    model = keras.Model(window, layers.Dense(2)(ops.mean(both, axis=1)))
    names = [candidate.behind for candidate in candidates(model)]
    assert names[-1] == "both"
    assert names[0] in ("bright", "maps") and len(names) == 3


def test_the_table_marks_the_choice() -> None:
    found = [
        CutCandidate("a", (), ("f",), 1_000_000, 500_000, 1000),
        CutCandidate("b", (), ("f", "g"), 1_200_000, 100_000, 250),
    ]
    lines = table(found, found[1], window=10).splitlines()
    assert lines[2].split() == ["a", "1.00", "0.50", "1.50", "7.0", "x", "4.0", "1"]
    assert lines[3].split() == [">", "b", "1.20", "0.10", "1.30", "9.3", "x", "1.0", "2"]


def test_a_long_table_leaves_out_what_is_beaten_in_work_and_memory() -> None:
    found = [CutCandidate(f"c{i}", (), ("f",), 100 * i, 1000, 10 * i) for i in range(1, 20)]
    found.append(CutCandidate("small", (), ("f",), 5000, 0, 5))
    lines = table(found, found[7], window=4).splitlines()
    assert [line.split()[0] for line in lines[2:-1]] == ["c1", ">", "small"]
    assert lines[-1].endswith("17 cuts that need more work and memory are not shown")


def test_a_loop_over_frames_counts_its_network_once_a_frame() -> None:
    window = keras.Input(SHAPE)
    convolution = layers.Conv2D(8, 3, 2, "same", name="convolution")
    seen = [layers.GlobalAveragePooling2D()(convolution(window[:, t])) for t in range(tiny.WINDOW)]
    x = layers.LSTM(5)(ops.stack(seen, axis=1))
    found = candidates(keras.Model(window, layers.Dense(2)(x)))
    assert found[0].behind == "convolution"
    assert {c.encoder_multiply_adds for c in found} == {16 * 16 * 8 * 27}
    assert choose(found).ring_values == tiny.WINDOW * 8


def test_raw_frames_that_the_head_needs_anyway_are_a_feature() -> None:
    window = keras.Input(SHAPE, name="window")
    x = layers.TimeDistributed(layers.Conv2D(8, 3, 2, "same"))(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pooled")(x)
    change = ops.mean(ops.abs(window[:, 1:] - window[:, :-1]), axis=(2, 3, 4))
    x = layers.Concatenate()([layers.LSTM(5)(x), change])
    found = candidates(keras.Model(window, layers.Dense(2)(x)))
    assert all(c.reads_frames for c in found)
    assert choose(found).features == ("f0_window", "f1_pooled")


def test_explain_needs_nothing_but_the_model(cli: CliRunner, tiny_model_path: Path) -> None:
    done = cli.invoke(main, [str(tiny_model_path), "--explain"])
    assert done.exit_code == 0, done.output
    assert "> pooled" in done.stdout


def test_without_explain_output_and_calibration_are_needed(
    cli: CliRunner, tiny_model_path: Path
) -> None:
    done = cli.invoke(main, [str(tiny_model_path)])
    assert done.exit_code == 2
    assert "give -o NAME.edge and --calibration CLIPS" in done.stderr
