"""Sweeps: their files, what is compared, and one small sweep from training to picture."""

import dataclasses
import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

import examples.sweep as sweep
from edge_common.data import toml_parser
from edge_common.errors import ConfigError
from edge_models.datasets.fashion_motion import TASKS
from edge_models.evaluation.intervals import Estimate
from edge_models.evaluation.network import ANSWERS, read_answers, write_answers
from edge_models.evaluation.results import RegressionResult, TaskResult
from edge_models.networks import backbones
from edge_models.networks.mtdnn import answers_to, build_mtdnn, network_of
from examples.sweep.__main__ import main
from examples.sweep.figures import MemberFigures, as_markdown, behind
from examples.sweep.pareto import front
from examples.sweep.plan import read_sweep
from examples.sweep.training import fingerprint
from tests.models import data_files
from tests.models.eager import train_eagerly
from tests.models.training.test_end_to_end import tiny_backbone
from tests.models.training.test_multi_label import clips_with_tags

B3_PARAMETERS = 7_932_623  # of its backbone, as test_mtdnn counts them
SHIPPED = Path(sweep.__file__).parent
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
    with train_eagerly():
        result = invoke(*asked)
    assert result.exit_code == 0, result.output
    one, two = (keras.saving.load_model(out / name / "model.keras") for name in ("one", "two"))
    for a, b in zip(*(m.get_layer("backbone").layer.get_weights() for m in (one, two))):
        assert np.array_equal(a, b)
    for name in ("one", "two"):
        found = read_answers(out / name / "model_report" / ANSWERS)
        assert sorted(found) == ["item", "motion"] and len(found["item"].answer) == 8
        left = {path.name for path in (out / name).glob("*.h5")}
        assert left == {"backbone.weights.h5"}
    before = (out / "two" / "model.keras").stat().st_mtime_ns
    assert invoke(*asked).exit_code == 0
    assert (out / "two" / "model.keras").stat().st_mtime_ns == before
    (tmp_path / "sweep.toml").write_text(SWEEP.replace("max_epochs = 1", "max_epochs = 2"))
    result = invoke(*asked, "--members", "two")
    assert result.exit_code == 2 and "two takes the backbone of one, which is not" in result.stderr
    assert (out / "two" / "model.keras").stat().st_mtime_ns == before


@pytest.mark.slow  # two conversions and five benchmarks
def test_a_sweep_trains_converts_measures_and_compares(tmp_path, tiny):
    learning = SWEEP  # until int8 tells clips apart
    for old, new in (
        ("max_epochs = 1", "learning_rate = 0.003\nmax_epochs = 12"),
        ("width = 4\nt", "width = 16\nhead_dropout = 0.0\nblock_dropout = 0.0\nt"),
        ("train_items = 20\nvalidation_items = 4", "train_items = 300\nvalidation_items = 30"),
        ("clips = 12", "clips = 0"),
    ):
        learning = learning.replace(old, new)
    (tmp_path / "sweep.toml").write_text(learning)
    data_files.fashion(tmp_path / "data", train=300)
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
    assert "* two: narrower heads\n" in (out / "sweep.md").read_text()
    assert cv2.imread(str(out / "sweep.png")).std() > 5


def test_members_may_learn_a_number_otherwise():
    sweep = read_sweep(SHIPPED / "utkface_losses.toml")
    methods = {m.name: m.training.targets["age"].method for m in sweep.members}
    assert methods["distribution"] == methods["fixed"] == "label-distribution"
    assert methods["ordinal"] == "ordinal" and methods["mse"] == "mse"
    assert sweep.member("fixed").training.balance.method == "fixed"


@pytest.mark.parametrize(
    "path", [SHIPPED / "fashion.toml", SHIPPED / "orl.toml"], ids=lambda path: path.stem
)
def test_shipped_sweeps_hold_the_reference_and_a_member_of_a_tenth_of_it(path):
    sweep = read_sweep(path)
    thesis, light = (sweep.member(name).training for name in (sweep.reference, "lite0-b10"))
    assert thesis.network.backbone == "efficientnet-b3"
    network = dataclasses.replace(light.network, backbone_weights="random")
    small = build_mtdnn(network_of(network, TASKS, "light")).count_params()
    large = network_of(dataclasses.replace(thesis.network, backbone_weights="random"), TASKS, "b3")
    maps = keras.Input((large.window, 2, 2, 384))  # of 48 and of 64 pixels
    head = keras.Model(maps, answers_to(maps, large)).count_params()
    assert small <= (B3_PARAMETERS + head) / 10


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_members_are_told_apart(path, tmp_path, monkeypatch):
    sweep = read_sweep(path)
    monkeypatch.chdir(tmp_path)
    for member in sweep.members:
        weights = Path(member.training.network.backbone_weights)
        if weights.suffix:
            weights.parent.mkdir(parents=True, exist_ok=True)
            weights.write_bytes(b"of another sweep")
    assert len({fingerprint(member) for member in sweep.members}) == len(sweep.members)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('reference = "one"', 'reference = "oen"', "reference is 'oen'; did you mean 'one'?"),
        ('reference = "one"', "", "needs `reference` (a name)"),
        ('name = "two"', 'name = "one"', "each member needs a name of its own"),
        ('name = "two"', 'name = "../two"', "of letters, digits, dots and dashes"),
        ('backbone_of = "one"', 'backbone_of = "two"', "two must come after two"),
        ('backbone_of = "one"', 'backbone_of = "tow"', "backbone_of is 'tow'; did you mean 'two'?"),
        ("network.head_width = 4", "network.size = 48", "cannot take the backbone of one: size dif"),
        ("keep_maps = true", "", "two cannot take the backbone of one: both need frozen.keep_maps"),
        ("network.head_width = 4", "whole.max_epochs = 2", "set whole.max_epochs = 0 for both"),
        ("network.head_width = 4", "network.head_with = 4", "two: unknown key 'network.head_with'"),
        ("network.head_width = 4", "netwrok.size = 4", "member 2: unknown key 'netwrok'"),
        ("network.head_width = 4", "network = 3", "member 2: key 'network' should be a table"),
        ('kind = "fashion-motion"', "kind = []", "data.kind is []; there are"),
        ('kind = "fashion-motion"', "items = 3", "unknown key 'items'"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_told_what_is_wrong(tmp_path, old, new, message):
    assert old in SWEEP
    head, tail = SWEEP.rsplit(old, 1)
    (tmp_path / "sweep.toml").write_text(f"{head}{new}{tail}")
    result = invoke(tmp_path / "sweep.toml", "-o", tmp_path / "out")
    assert result.exit_code == 2 and message in result.stderr, result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('data = "x"', "key 'data' should be a table, {...}"),
        ("data = []", "key 'data' should be a table, {...}"),
        ("network = 3", "key 'network' should be a table, {...}"),
        ("few_frames = []", "key 'few_frames' should be a table, {...}"),
        ("member = [1]", "needs `member` ([[member]])"),
        ("member = 1", "needs `member` ([[member]])"),
        ("reference = 1", "needs `reference` (a name)"),
    ],
)
@pytest.mark.parametrize("data", [(), ("--data", SHIPPED)])
def test_a_value_of_another_type_is_one_line(tmp_path, line, message, data):
    key = line.split()[0]
    content = toml_parser().loads(SWEEP)
    kept = "".join(
        f"{name} = {json.dumps(content[name])}\n" for name in ("name", "reference") if name != key
    )
    members = "" if key == "member" else SWEEP[SWEEP.index("[[member]]") :]
    (tmp_path / "sweep.toml").write_text(f"{kept}{line}\n{members}")
    result = invoke(tmp_path / "sweep.toml", "-o", tmp_path / "out", *data)
    assert result.exit_code == 2 and message in result.stderr, result.stderr
    assert result.stderr.count("\n") == 1


def test_data_that_come_with_a_package_lie_in_no_folder(tmp_path):
    own = SWEEP[SWEEP.index("[data]") : SWEEP.index("[network]")]
    (tmp_path / "sweep.toml").write_text(SWEEP.replace(own, ""))
    result = invoke(tmp_path / "sweep.toml", "-o", tmp_path / "out", "--data", tmp_path)
    assert result.exit_code == 2 and "orl-motion comes with an installed package" in result.stderr


def test_lists_of_labels_are_refused_before_anything_is_trained(tmp_path, tiny):
    own = SWEEP[SWEEP.index("[data]") : SWEEP.index("[network]")]
    section = '[data]\nkind = "clips"\ntable = "t.csv"\nkinds = { tags = "multi-label" }\n'
    (tmp_path / "sweep.toml").write_text(SWEEP.replace(own, section))
    clips_with_tags(tmp_path / "data")
    out = tmp_path / "out"
    result = invoke(tmp_path / "sweep.toml", "-o", out, "--data", tmp_path / "data")
    assert result.exit_code == 2
    assert "tags is a task of kind multi-label, and a sweep compares classes and" in result.stderr
    assert not (out / "one").exists()


def test_a_member_that_is_none_is_named(tmp_path):
    (tmp_path / "sweep.toml").write_text(SWEEP)
    result = invoke(tmp_path / "sweep.toml", "-o", tmp_path / "out", "--members", "on")
    assert result.exit_code == 2 and "no member is called on; did you mean 'one'?" in result.stderr


def answers(*right, sources=None):
    return TaskResult(np.zeros(len(right), np.int64), 1 - np.array(right), ("a", "b"), sources)


def test_differences_are_of_pairs():
    found = behind(answers(1, 1, 1, 0), answers(1, 0, 1, 0))
    assert found.value == 0.25 and found.n == 4
    assert found.low <= 0.25 <= found.high
    assert behind(answers(1, 0), answers(1, 0)) == Estimate(0.0, 0.0, 0.0, 2)
    files = np.repeat([0, 1], 8)  # the second of two files is lost: none, one or both are drawn
    lost = answers(*[1] * 8, *[0] * 8, sources=files)
    assert behind(answers(*[1] * 16, sources=files), lost) == Estimate(0.5, 0.0, 1.0, 16)
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
        return MemberFigures(name, "x", 860_431, 12_100_000, 1_220_000, {"item": share},
                       {"item": less}, {"item": share}, {"item": less}, {}, ms, "here",
                       {"pi-4": 2.2, "pi-5": 0.9})  # fmt: skip

    lines = as_markdown("t", "big", [row("big", 2.0, 0.97), row("small", 0.25, 0.965)]).split("\n")
    assert lines[3] == "* small: x"
    assert lines[5] == (
        "| network | parameters | ms a frame, int8, here | of big's | item, float (n = 1,000) "
        "| item, points behind big |"
    )
    assert lines[8] == (
        "| small | 0.86 M | 0.250 | 1/8.0 | 96.50% [95.50, 97.50] | +0.50 [+0.10, +0.90] |"
    )
    assert lines[13] == (
        "| small | 12.1 M | 1.22 MB | 2.2 | 0.9 | 96.50% [95.50, 97.50] | +0.50 [+0.10, +0.90] |"
    )


def test_numbers_are_compared_by_their_error():
    truth = np.array([20.0, 30.0, 40.0, 50.0])
    near = RegressionResult(truth, truth + [1, -1, 1, -1], "years")
    far = RegressionResult(truth, truth + [3, -3, 3, -3], "years")
    assert behind(near, far).value == 2.0 and behind(far, near).value == -2.0
    small = Estimate(0.98, 0.9, 1.0, 4)
    row = MemberFigures("a", "x", 1_000_000, 1, 1, {"age": Estimate(4.6, 4.5, 4.7, 4), "race": small},
                        {"age": behind(near, far), "race": small},
                        {"age": Estimate(4.62, 4.5, 4.7, 4)}, {"age": Estimate(0.02, -0.01, 0.05, 4)},
                        {"age": "years"}, 1.0, "here", {})  # fmt: skip
    text = as_markdown("t", "a", [row])
    assert "| age, float (n = 4) | race, float (n = 4) | age, years behind a | race, points" in text
    assert "| 4.60 (4.50 to 4.70) years | 98.00% [90.00, 100.00] | +2.00 [+2.00, +2.00] |" in text
    assert "| age, years lost to float |" in text and "| +0.02 [-0.01, +0.05] |" in text


def test_answers_are_read_as_they_were_kept(tmp_path):
    age = RegressionResult(np.array([1.5, 2.5]), np.array([1.0, 3.0]), "years", np.array([7, 7]))
    race = TaskResult(np.array([0, 1]), np.array([1, 1]), ("a", "b"))
    write_answers(tmp_path / ANSWERS, {"age": age, "race": race})
    kept = read_answers(tmp_path / ANSWERS)
    assert isinstance(kept["age"], RegressionResult) and kept["age"].unit == "years"
    assert kept["age"].mean_absolute_error == 0.5 and list(kept["age"].sources) == [7, 7]
    assert isinstance(kept["race"], TaskResult) and kept["race"].accuracy == 0.5
