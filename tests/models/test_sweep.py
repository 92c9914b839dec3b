"""Sweeps: their files, what is compared, and one small sweep from training to picture."""

import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from models import backbones
from models.evaluation.answers_file import ANSWERS, read_answers
from models.evaluation.intervals import Estimate
from models.evaluation.results import TaskResult
from models.sweep.__main__ import main
from models.sweep.figures import MemberFigures, behind
from models.sweep.pareto import front
from models.sweep.plan import read_sweep
from models.sweep.table import as_markdown
from models.sweep.training import fingerprint

from . import data_files
from .test_end_to_end import tiny_backbone

SHIPPED = Path(backbones.__file__).parent / "configs" / "sweeps"
SWEEP = """
name = "tiny ones"
reference = "one"
seed = 1
[data]
kind = "fashion-motion"
train_items = 20
validation_items = 4
test_items = 8
[network]
backbone = "tiny"
backbone_weights = "random"
grey = false
window = 3
size = 32
spatial_width = 4
temporal_width = 4
attention_width = 4
head_width = 8
[few_frames]
max_epochs = 1
batch_size = 10
[frozen]
keep_maps = true
max_epochs = 1
batch_size = 6
clips = 12
[whole]
max_epochs = 0
[[member]]
name = "one"
about = "the first"
[[member]]
name = "two"
about = "narrower heads"
backbone_of = "one"
network.head_width = 4
"""


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "tiny", tiny_backbone)


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_members_share_a_backbone_and_are_trained_once(tmp_path, tiny):
    (tmp_path / "sweep.toml").write_text(SWEEP)
    data_files.fashion(tmp_path / "data")
    out = tmp_path / "out"
    asked = (tmp_path / "sweep.toml", "-o", out, "--data", tmp_path / "data", "--train-only")
    result = invoke(*asked)
    assert result.exit_code == 0, result.output
    one, two = (keras.saving.load_model(out / name / "model.keras") for name in ("one", "two"))
    for a, b in zip(*(m.get_layer("backbone").layer.get_weights() for m in (one, two))):
        assert np.array_equal(a, b)
    for name in ("one", "two"):
        found = read_answers(out / name / "model_report" / ANSWERS)
        assert sorted(found) == ["item", "motion"] and len(found["item"].answer) == 8
    before = (out / "two" / "model.keras").stat().st_mtime_ns
    assert invoke(*asked).exit_code == 0
    assert (out / "two" / "model.keras").stat().st_mtime_ns == before
    (tmp_path / "sweep.toml").write_text(SWEEP.replace("max_epochs = 1", "max_epochs = 2"))
    result = invoke(*asked, "--members", "two")
    assert result.exit_code == 2 and "two takes the backbone of one, which is not" in result.stderr
    assert (out / "two" / "model.keras").stat().st_mtime_ns == before


@pytest.mark.slow  # two conversions and five benchmarks
def test_a_sweep_trains_converts_measures_and_compares(tmp_path, tiny):
    longer = SWEEP.replace("max_epochs = 1", "max_epochs = 6").replace(
        "batch_size = 6", "batch_size = 1"
    )
    (tmp_path / "sweep.toml").write_text(longer)
    data_files.fashion(tmp_path / "data")
    out = tmp_path / "out"
    asked = (tmp_path / "sweep.toml", "-o", out, "--data", tmp_path / "data")
    result = invoke(*asked, "--processes", 2)
    assert result.exit_code == 0, result.output
    one, two = (keras.saving.load_model(out / name / "model.keras") for name in ("one", "two"))
    rows = json.loads((out / "sweep.json").read_text())["members"]
    assert [row["name"] for row in rows] == ["one", "two"]
    assert [row["parameters"] for row in rows] == [one.count_params(), two.count_params()]
    for row in rows:
        assert row["shortest_ms"] > 0 and row["predicted_ms"]["pi-4"] > 0
        for task in ("item", "motion"):
            assert row["accuracy"][task]["n"] == row["int8_accuracy"][task]["n"] == 8
    assert rows[0]["behind"]["item"]["value"] == 0
    assert "| two: narrower heads |" in (out / "sweep.md").read_text()
    assert cv2.imread(str(out / "sweep.png")).std() > 5


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_sweeps_hold_the_reference_and_a_member_of_a_tenth_of_it(path):
    sweep = read_sweep(path)
    assert sweep.member(sweep.reference).training.network.backbone == "efficientnet-b3"
    assert len({fingerprint(member) for member in sweep.members}) == len(sweep.members)
    assert [m for m in sweep.members if m.training.network.backbone_end == "b10_add"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('reference = "one"', 'reference = "oen"', "reference is 'oen', did you mean `one`?"),
        ('reference = "one"', "", "needs `reference` (a name)"),
        ('name = "two"', 'name = "one"', "each member needs a name of its own"),
        ('name = "two"', 'name = "../two"', "of letters, digits, dots and dashes"),
        ('backbone_of = "one"', 'backbone_of = "two"', "two must come after two"),
        ('backbone_of = "one"', 'backbone_of = "tow"', "backbone_of is 'tow', did you mean `two`?"),
        ("network.head_width = 4", "network.size = 48", "cannot take the backbone of one: size dif"),
        ("keep_maps = true", "", "two cannot take the backbone of one: both need frozen.keep_maps"),
        ("network.head_width = 4", "whole.max_epochs = 2", "set whole.max_epochs = 0 for both"),
        ("network.head_width = 4", "network.head_with = 4", "two: network: unknown key `head_with`"),
        ("network.head_width = 4", "netwrok.size = 4", "member 2: unknown key `netwrok`"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_told_what_is_wrong(tmp_path, old, new, message):
    assert old in SWEEP
    head, tail = SWEEP.rsplit(old, 1)
    (tmp_path / "sweep.toml").write_text(f"{head}{new}{tail}")
    result = invoke(tmp_path / "sweep.toml", "-o", tmp_path / "out")
    assert result.exit_code == 2 and message in result.stderr, result.stderr
    assert result.stderr.count("\n") == 1


def test_a_member_that_is_none_is_named(tmp_path):
    (tmp_path / "sweep.toml").write_text(SWEEP)
    result = invoke(tmp_path / "sweep.toml", "-o", tmp_path / "out", "--members", "on")
    assert result.exit_code == 2 and "no member is called on, did you mean `one`?" in result.stderr


def answers(*right):
    return TaskResult(np.zeros(len(right), np.int64), 1 - np.array(right), ("a", "b"))


def test_differences_are_of_pairs():
    found = behind(answers(1, 1, 1, 0), answers(1, 0, 1, 0))
    assert found.value == 0.25 and found.n == 4
    assert found.low <= 0.25 <= found.high
    assert behind(answers(1, 0), answers(1, 0)) == Estimate(0.0, 0.0, 0.0, 2)
    with pytest.raises(ConfigError, match="measured on different clips"):
        behind(answers(1, 0), answers(1, 0, 1))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_the_front_holds_what_nothing_beats(points):
    kept = [points[i] for i in front(points)]
    assert kept == sorted(set(kept))
    for cost, right in points:
        beaten = any(c <= cost and r >= right and (c, r) != (cost, right) for c, r in points)
        assert ((cost, right) in kept) != beaten


def test_the_table_counts_from_the_reference():
    def row(name, ms, value):
        share = Estimate(value, value - 0.01, value + 0.01, 1000)
        less = Estimate(0.97 - value, 0.001, 0.009, 1000)
        return MemberFigures(name, "x", 64, 860_431, 12_100_000, 1_220_000, {"item": share},
                       {"item": less}, {"item": share}, ms, {"pi-4": 2.2})  # fmt: skip

    lines = as_markdown("t", "big", [row("big", 2.0, 0.97), row("small", 0.25, 0.965)]).split("\n")
    assert "| item, points behind big |" in lines[2]
    assert lines[5] == (
        "| small: x | 0.86 M | 12.1 M | 1.22 MB | 0.250 | 1/8.0 | 2.2 ms "
        "| 96.50% [95.5, 97.5] | +0.50 [+0.10, +0.90] | 96.50% [95.5, 97.5] |"
    )
