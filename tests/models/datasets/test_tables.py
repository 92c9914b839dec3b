"""What a table says of files: labels, what stays together, and the part that others chose."""

import csv

import pytest

from edge_common.errors import ClipError, ConfigError
from edge_models.datasets.from_files import ClipRequest
from edge_models.datasets.kinds import load_data
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
        assert load_data(UTKFaceSection(path=str(faces)), request_of).groups["validation"] == 1
        return
    with pytest.raises(ClipError, match=message):
        load_data(UTKFaceSection(path=str(faces)), request_of)


def test_a_column_that_there_is_not_is_named(faces, request_of):
    with pytest.raises(ClipError, match="has no column 'spilt'; did you mean 'split'"):
        load_data(UTKFaceSection(path=str(faces), split="spilt"), request_of)
    with pytest.raises(ConfigError, match=r"names columns, and .* holds no index.csv"):
        load_data(UTKFaceSection(path=str(faces / "images"), split="split"), request_of)
