"""Questions by folds of people: the file, what is asked, and the table of what is there."""

import csv
import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import examples.miracl as miracl
from edge_common.errors import ClipError, ConfigError
from edge_models.networks import backbones
from edge_models.training.config import read_training_file
from examples.miracl import figures
from examples.miracl.__main__ import main
from examples.miracl.answers import RunAnswers, read
from examples.miracl.plan import read_plan
from examples.miracl.table import MemberRow, as_markdown, member_row
from examples.sweep.training import fingerprint
from tests.models.training.test_end_to_end import tiny_backbone

SHIPPED = Path(miracl.__file__).parent / "miracl.toml"
CONFIGS = Path(__file__).parents[2] / "models/configs"
UTTERANCES = {"begin": "words", "web": "words", "hello": "phrases", "thanks": "phrases"}
HEADER = ("clip", "utterance", "kind", "person", "person_fold")


def write_clips(folder, takes=2):
    """Clips of the set's form: six people in three folds; where a bar moves to is what is said."""
    random, rows = np.random.default_rng(0), []
    for person in range(6):
        for number, (said, kind) in enumerate(UTTERANCES.items()):
            for take in range(takes):
                name = f"clips/{said}/P{person}_{take}.mkv"
                write_clip(folder / name, number, person, random)
                rows.append((name, said, kind, f"P{person}", person % 3))
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return folder


def write_clip(path, number, person, random):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (100, 80))
    for frame in range(6):
        pixels = random.integers(0, 30, (80, 100, 3), np.uint8) + np.uint8(20 * person)
        at = 10 + 20 * number + 2 * frame * (number % 2)
        pixels[at : at + 8] = 255
        writer.write(pixels)
    writer.release()


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("lips"))


# the file


def test_each_question_is_a_training_of_each_member_and_fold(clips):
    plan = read_plan(SHIPPED, str(clips))
    names = [run.training.name for run in plan.select(["grid"], ["utterance", "person"])]
    assert names == [*(f"grid-utterance-{fold}" for fold in range(5)), "grid-person"]
    folds = [run.training.training.data.fold for run in plan.select(["lite"], ["utterance"])]
    assert folds == list(range(5))
    assert [run.member for run in plan.select(questions=["person"])] == list(plan.members)
    assert [run.fold for run in plan.select(["grid"], ["both"], [3])] == [3]
    assert len({fingerprint(run.training) for run in plan.runs}) == len(plan.runs)
    for run in plan.runs:
        assert run.training.training.data.path == str(clips)
        assert run.training.training.network.window == 8


def test_members_see_place_in_two_ways_at_least(clips):
    plan = read_plan(SHIPPED, str(clips))
    networks = [run.training.training.network for run in plan.select(questions=["person"])]
    assert sum(network.temporal_pool == "grid" for network in networks) >= 2
    assert "efficientnet-lite0" in [network.backbone for network in networks]


@pytest.mark.parametrize("task", ["utterance", "person"])
def test_the_training_file_is_that_of_the_first_member(clips, task):
    config = read_training_file(CONFIGS / f"miracl_{task}.toml")
    run = read_plan(SHIPPED, str(clips)).select(["grid"], [task])[0].training.training
    same = dataclasses.replace(config, name=run.name)
    assert same.fingerprint() == run.fingerprint()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[question]]", "[[quest]]", "needs `question` ([[question]])"),
        ('name = "both"', 'name = "person"', "each question needs a name of its own"),
        ('data.train = { kind = "words" }\n', "", "question both: in folds, people are asked by"),
        ("folds = 5", "fold = 5", "question 1: unknown key 'fold'"),
        ('data.tasks = ["person"]', 'data.task = ["person"]', "should be"),
    ],
)
def test_a_file_that_is_wrong_is_one_line(tmp_path, clips, old, new, message):
    text = SHIPPED.read_text()
    assert old in text
    (tmp_path / "plan.toml").write_text(text.replace(old, new))
    asked = [str(tmp_path / "plan.toml"), "--data", str(clips), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 2 and message in result.stderr, result.stderr
    assert result.stderr.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_name_that_is_none_is_named(clips):
    plan = read_plan(SHIPPED, str(clips))
    with pytest.raises(ConfigError, match="no member is called gird; did you mean 'grid'"):
        plan.select(["gird"])
    with pytest.raises(ConfigError, match="no question is called who"):
        plan.select(questions=["who"])


def test_a_folder_without_the_table_ends_before_training(tmp_path):
    result = CliRunner().invoke(
        main, [str(SHIPPED), "--data", str(tmp_path), "-o", str(tmp_path / "out")]
    )
    assert result.exit_code == 2 and "index.csv cannot be read" in result.stderr
    assert not (tmp_path / "out").exists()


# figures


def answers_of(said, scores, labels=("begin", "hello", "web"), people=("a", "a", "b", "b")):
    scores = np.array(scores, np.float32)
    truth = {"utterance": np.array(said), "person": np.array(people)}
    return RunAnswers(
        "utterance", np.array(labels), {"float": scores, "int8": scores[:, ::-1]}, truth
    )


SAID = ("begin", "web", "hello", "web")
SCORES = [[0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3], [0.6, 0.0, 0.4]]
INDEX = figures.ClipIndex(
    np.array(SAID), np.array(SAID), np.array(["words", "words", "phrases", "words"]),
    np.array(("a", "a", "b", "b")), np.array(("0", "0", "1", "1")),
)  # fmt: skip


def test_words_are_also_told_apart_among_words_alone():
    answers = answers_of(SAID, SCORES)
    assert answers.right("float").tolist() == [False, True, True, False]
    assert answers.right("float", np.array(["begin", "web"]))[[0, 1, 3]].tolist() == [
        False, True, False,
    ]  # fmt: skip
    shares = figures.of_utterances([answers], INDEX, "float")
    assert {name: (s.value, s.n) for name, s in shares.items()} == {
        "words": (pytest.approx(1 / 3), 3), "phrases": (1.0, 1), "all": (0.5, 4),
    }  # fmt: skip
    assert shares["all"].interval == pytest.approx((0.1500, 0.8500), abs=1e-3)  # Wilson, 2 of 4


def test_people_are_drawn_as_a_whole():
    right, people = np.array([True] * 8 + [False] * 8), np.repeat(["a", "b"], 8)
    assert figures.share(right, people).by_person == (0.0, 1.0)
    gain = figures.difference(right, ~right, people)
    assert gain.value == 0 and gain.interval is None and gain.by_person == (-1.0, 1.0)


def test_pixels_tell_what_is_said_by_people_of_other_folds(clips):
    index = figures.read_index(clips)
    shares = figures.pixel_baseline(clips, index, 4)
    assert shares["utterance"]["words"].n == shares["utterance"]["phrases"].n == 24
    assert shares["utterance"]["all"].value > 0.4  # chance: 0.25
    assert shares["person"]["person"].value > 0.4  # chance: 0.17


def test_a_clip_that_cannot_be_read_is_named(tmp_path):
    write_clips(tmp_path, takes=1)
    (tmp_path / "clips/web/P3_0.mkv").write_bytes(b"")
    with pytest.raises(ClipError, match="P3_0.mkv cannot be read: unpack the data set again"):
        figures.pixel_baseline(tmp_path, figures.read_index(tmp_path), 4)


# the table


def test_the_table_says_what_is_missing():
    shares = figures.of_utterances([answers_of(SAID, SCORES)], INDEX, "float")
    done = MemberRow(
        "grid", "sees place", 1_234_000, 400_000, 0.125, 0.5, {"float": shares, "int8": shares},
        missing=["grid-person"],
    )  # fmt: skip
    none = MemberRow("lite", "ImageNet", None, None, None, 0.0, {"float": {}, "int8": {}})
    text = as_markdown("lips", [done, none], {"utterance": shares, "person": {}}, INDEX)
    assert "| grid, int8 | 33.3% (6.1 to 79.2; by person 0.0 to 50.0), n = 3 | 100.0%" in text
    assert "| grid | 1.23 M | 0.40 MB | 0.125 | – | – | 0.50 |" in text
    assert "* grid: person\n" in text and "| lite |" not in text


def write_run(folder, run, right):
    """What a trained and converted run leaves, of four words by two people."""
    own = folder / run.training.name
    (own / "model_report").mkdir(parents=True)
    state = {"training": fingerprint(run.training), "done": True}
    (own / "state.json").write_text(json.dumps(state))
    (own / "model.keras").write_bytes(b"network")
    (own / "model.edge").write_bytes(b"bundle")
    (own / "timing.json").write_text(json.dumps({"process_floors_ms": [0.3, 0.1, 0.2]}))
    report = {"parameters": {"total": 5000}, "seconds": {"whole": 1800.0}}
    (own / "model_report/report.json").write_text(json.dumps(report))
    scores = np.eye(2, dtype=np.float32)[1 - np.array(right)]
    arrays = {"labels": ["begin", "web"], "float": scores, "int8": scores[:, ::-1]}
    arrays |= {"utterance": ["begin"] * 4, "person": ["P0", "P0", "P1", "P1"]}
    np.savez(own / "outputs.npz", **{f"utterance.{name}": a for name, a in arrays.items()})


def test_both_tasks_at_once_are_compared_on_the_folds_that_both_have(tmp_path, clips):
    plan = read_plan(SHIPPED, str(clips))
    for question, folds in (("both", (0, 1)), ("utterance-alone", (1, 2)), ("utterance", (4,))):
        for run in plan.select(["grid"], [question], folds):
            write_run(tmp_path, run, [1, 1, 1, 0] if question == "both" else [1, 0, 1, 0])
    row = member_row(plan, "grid", tmp_path, figures.read_index(clips), 2)
    assert (row.together["utterance"].value, row.together["utterance"].n) == (0.75, 4)
    assert row.gain["utterance"].value == 0.25 and "person" not in row.gain
    assert row.shares["float"]["words"].value == row.shares["int8"]["words"].value == 0.5
    assert row.changed["all"].value == 0 and row.changed["all"].by_person == (0.0, 0.0)
    assert (row.parameters, row.bundle_bytes, row.shortest_ms) == (5000, 6, 0.2)
    assert row.hours == 2.5 and "grid-both-0" not in row.missing
    assert "grid-person" in row.missing and "grid-utterance-0" in row.missing


@pytest.mark.slow  # a training and a conversion
def test_one_fold_is_trained_converted_and_asked(tmp_path, clips, monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "tiny", tiny_backbone)
    text = SHIPPED.read_text()[: SHIPPED.read_text().index('[[member]]\nname = "grid-small"')]
    for old, new in (
        ('backbone = "small-conv"', 'backbone = "tiny"'), ("backbone_width = 1.5\n", ""),
        ("grey = true", "grey = false"), ("max_epochs = 16", "max_epochs = 12"), ("folds = 5", "folds = 3"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "plan.toml").write_text(text)
    asked = [str(tmp_path / "plan.toml"), "--data", str(clips), "-o", str(tmp_path / "out")]
    asked += ["--fold", "0", "--questions", "person-alone", "--processes", "1"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    kept = read(
        read_plan(tmp_path / "plan.toml", str(clips)).select(["grid"], ["person-alone"])[0],
        tmp_path / "out",
    )
    assert kept["person"].scores["float"].shape == kept["person"].scores["int8"].shape == (16, 6)
    assert set(kept["person"].truth["utterance"].tolist()) == {"hello", "thanks"}
    assert set(kept["person"].truth["person"].tolist()) == {"P1", "P2", "P4", "P5"}
    (row,) = json.loads((tmp_path / "out/miracl.json").read_text())["members"]
    assert "grid-person-alone-1" in row["missing"] and "grid-person-alone-0" not in row["missing"]
    before = (tmp_path / "out/grid-person-alone-0/model.keras").stat().st_mtime_ns
    assert CliRunner().invoke(main, asked).exit_code == 0
    assert (tmp_path / "out/grid-person-alone-0/model.keras").stat().st_mtime_ns == before
