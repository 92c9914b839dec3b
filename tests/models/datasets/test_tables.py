"""What a table says of files: labels, what stays together, and the part that others chose."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner

from edge_common.errors import ClipError, ConfigError
from edge_models.cli import main
from edge_models.datasets.from_files import ClipRequest
from edge_models.datasets.kinds import at_fold, load_data
from edge_models.datasets.labelled_clips import ClipsSection
from edge_models.datasets.splits import PARTS
from edge_models.datasets.utkface import UTKFaceSection
from tests.models import data_files


@pytest.fixture
def request_of(tmp_path):
    return ClipRequest(3, 32, 1, tmp_path / "cache")


@pytest.fixture
def faces(tmp_path):
    return data_files.utkface_table(tmp_path / "utk")


def counts(data):
    return {part: len(getattr(data, part)) for part in PARTS}


def change(table, old, new):
    table.write_text(table.read_text().replace(old, new))


# UTKFace


def test_faces_are_split_as_their_table_says(faces, request_of):
    with (faces / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    data = load_data(UTKFaceSection(path=str(faces)), request_of)
    assert counts(data) == {"train": 12, "validation": 6, "test": 6}
    assert data.groups == {"train": 6, "validation": 3, "test": 3}
    assert data.split_by == "group, parts as in the column split"
    assert (
        "split by group, parts as in the column split: 6 train, 3 validation, 3 test"
        in data.summary()
    )
    ages = sorted(float(row["age"]) for row in rows if row["split"] == "test")
    assert sorted(data.test.labels["age"]) == ages


def test_the_table_may_be_used_for_its_groups_alone(faces, request_of):
    data = load_data(UTKFaceSection(path=str(faces), split=""), request_of)
    sides = [set(getattr(data, part).sources.tolist()) for part in PARTS]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 12
    assert data.split_by == "group" and sum(counts(data).values()) == 24


def test_a_row_that_is_of_no_use_is_listed(faces, request_of):
    first, second, third, fourth, fifth, *_ = (faces / "index.csv").read_text().splitlines()[1:]
    change(faces / "index.csv", f"{first}\n", first.replace(",train,", ",none,") + "\n")
    change(faces / "index.csv", f"{second}\n", second.replace("images/", "images/x") + "\n")
    change(faces / "index.csv", f"{third}\n", third.replace("male", "MALE") + "\n")
    change(
        faces / "index.csv",
        f"{fourth}\n",
        f"{fourth.split(',')[0]},old,{fourth.split(',', 2)[2]}\n",
    )
    change(faces / "index.csv", f"{fifth}\n", f"{fifth},more\n")
    data = load_data(UTKFaceSection(path=str(faces)), request_of)
    reasons = [item.reason for item in data.skipped]
    assert reasons[0] == "8 cells, the first line has 7"
    assert reasons[1:3] == ["the table puts it in no part", "no such file"]
    assert "are no labels of UTKFace" in reasons[3] and reasons[4] == "age 'old' is no number"
    assert sum(counts(data).values()) == 19


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",validation,", ",holdout,", r"split of images/.* is 'holdout': a part is train, "),
        ("file,age,", "file,years,", "has no column 'age'; there are"),
        (",g0,train,\n", ",g2,train,\n", "g2 is in .* and in .*: what belongs together"),
        (",validation,", ",test,", None),
        (",test,", ",train,", "nothing is left for test"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_right_is_one_error(faces, request_of, old, new, message):
    change(faces / "index.csv", old, new)
    if message is None:  # validation is drawn then
        section = UTKFaceSection(path=str(faces), validation_share=0.4)
        assert 1 <= load_data(section, request_of).groups["validation"] <= 3
        return
    with pytest.raises(ClipError, match=message):
        load_data(UTKFaceSection(path=str(faces)), request_of)


def test_a_column_that_there_is_not_is_named(faces, request_of):
    with pytest.raises(ClipError, match="has no column 'spilt'; did you mean 'split'"):
        load_data(UTKFaceSection(path=str(faces), split="spilt"), request_of)
    with pytest.raises(ConfigError, match=r"names columns, and .* holds no index.csv"):
        load_data(UTKFaceSection(path=str(faces / "images"), split="split"), request_of)


# clips


@pytest.fixture
def clips(tmp_path):
    """Ten clips of two labels by five people, one a fold; the first three of a label are words."""
    folder = data_files.labelled_clips(tmp_path / "clips")
    rows = ["clip,action,person,kind,fold,take"]
    for number, path in enumerate(sorted(folder.glob("*/*.mp4"))):
        person, kind = number % 5, "words" if number % 5 < 3 else "phrases"
        name = path.relative_to(folder)
        rows.append(f"{name},{path.parent.name},p{person},{kind},{person},{number}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


def section_of(folder, **options):
    return ClipsSection(
        **{"path": str(folder), "table": "index.csv", "sampling": ["spread"], **options}
    )


def test_a_fold_tests_the_next_decides_when_to_stop_and_the_others_are_trained_on(
    clips, request_of
):
    options = {"tasks": ["action"], "group": "person", "fold_column": "fold"}
    for fold in range(5):
        data = load_data(section_of(clips, **options, fold=fold), request_of)
        assert [task.name for task in data.tasks] == ["action"]
        assert counts(data) == {"train": 6, "validation": 2, "test": 2}
        assert data.split_by == f"person, fold {fold} of fold tests"
    takes = section_of(clips, tasks=["action", "person"], fold_column="fold", fold=4)
    data = load_data(takes, request_of)
    people = {part: set(getattr(data, part).labels["person"].tolist()) for part in PARTS}
    assert people == {"train": {1, 2, 3}, "validation": {0}, "test": {4}}


def test_all_other_folds_may_be_trained_on(clips, request_of):
    options = {"tasks": ["person"], "fold_column": "fold", "fold_validates": False}
    for fold in range(5):
        section = section_of(clips, **options, fold=fold, validation_share=0.25)
        data = load_data(section, request_of)
        assert counts(data) == {"train": 6, "validation": 2, "test": 2}
        assert set(data.test.labels["person"].tolist()) == {fold}
        others = np.concatenate([data.train.labels["person"], data.validation.labels["person"]])
        assert set(others.tolist()) == set(range(5)) - {fold}


def test_columns_that_decide_parts_are_no_tasks(clips, request_of):
    options = {"group": "person", "fold_column": "fold", "only": {"kind": ["words", "phrases"]}}
    data = load_data(section_of(clips, **options), request_of)
    assert [task.name for task in data.tasks] == ["action", "take"]


def test_what_is_learnt_on_words_is_asked_on_phrases(clips, request_of):
    options = {"tasks": ["action"], "train": {"kind": "words"}, "test": {"kind": "phrases"}}
    data = load_data(section_of(clips, **options, validation_share=0.2), request_of)
    assert counts(data) == {"train": 5, "validation": 1, "test": 4}
    assert data.split_by == "file, parts by the rows' cells"
    stop = {"validation": {"kind": "words", "person": ["p2", "p0"]}}
    assert counts(load_data(section_of(clips, **options, **stop), request_of)) == {
        "train": 2, "validation": 4, "test": 4,
    }  # fmt: skip


def test_rows_and_folds_choose_together(clips, request_of):
    options = {"tasks": ["action"], "fold_column": "fold", "test": {"kind": "words"}}
    assert counts(load_data(section_of(clips, **options), request_of))["test"] == 2
    with pytest.raises(ClipError, match="nothing is left for test"):
        load_data(section_of(clips, **options, fold=3), request_of)
    only = section_of(clips, tasks=["action"], fold_column="fold", only={"kind": "words"}, fold=2)
    assert counts(load_data(only, request_of)) == {"train": 2, "validation": 2, "test": 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fold_column": "fold", "fold": 5}, "data.fold is 5, and fold has 5 folds"),
        ({"fold_column": "kind", "fold": 1}, "three or more of them"),
        ({"fold": 1}, "data.fold needs data.fold_column"),
        ({"fold_validates": False}, "data.fold_validates needs data.fold_column"),
        ({"fold_column": "fold", "split": "kind"}, "both choose the parts: keep one"),
        ({"table": "", "group": "person"}, "names columns, and no table"),
        ({"tasks": ["actoin"]}, "names the column 'actoin'.*did you mean 'action'"),
        ({"group": "persn"}, "has no column 'persn'; did you mean 'person'"),
        ({"only": {"kind": "letters"}}, "holds no file that can be used"),
        ({"group": "action", "fold_column": "fold"}, "run is in .* what belongs together"),
    ],
)
def test_what_a_training_file_gets_wrong_of_a_table_is_one_line(
    clips, request_of, options, message
):
    with pytest.raises((ConfigError, ClipError), match=message):
        load_data(section_of(clips, **options), request_of)


def test_another_fold_is_tested_by_the_command_line(clips):
    assert at_fold(section_of(clips, fold_column="fold"), 3).fold == 3
    with pytest.raises(ConfigError, match="clips has no folds here: name fold_column"):
        at_fold(section_of(clips), 3)


@pytest.mark.parametrize(
    ("folds", "message"),
    [('fold_column = "fold"\n', "data.fold is 7, and fold has 5"), ("", "no folds here")],
)
def test_a_fold_that_there_is_not_ends_the_command_with_one_line(clips, tmp_path, folds, message):
    (tmp_path / "run.toml").write_text(
        f'[data]\nkind = "clips"\ntable = "index.csv"\n{folds}[network]\nwindow = 3\nsize = 32\n'
    )
    options = ["--data", str(clips), "--fold", "7", "--export-clips", str(tmp_path / "sets")]
    result = CliRunner().invoke(main, [str(tmp_path / "run.toml"), *options])
    assert result.exit_code == 2 and message in result.stderr
    assert result.stderr.count("\n") == 1 and not (tmp_path / "sets").exists()
