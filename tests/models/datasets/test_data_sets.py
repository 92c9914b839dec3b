"""The data sets' files, and what is skipped, counted and listed of them."""

import gzip
import resource
import subprocess
import sys

import cv2
import numpy as np
import pytest

from edge_common.errors import ClipError, ConfigError
from edge_models.datasets.dataset import Skipped, Subset, write_skipped
from edge_models.datasets.fashion_motion import FashionSection, map_idx
from edge_models.datasets.from_files import ClipRequest, FolderSection
from edge_models.datasets.kinds import KINDS, kind_of, load_data
from edge_models.datasets.labelled_clips import ClipsSection
from edge_models.datasets.swimmers import SwimmersSection, labels_in as swimmer_labels, samplings
from edge_models.datasets.utkface import UTKFaceSection, labels_in as face_labels
from edge_models.sections import DataSection
from tests.models import data_files


@pytest.fixture
def request_of(tmp_path):
    def request_of(window=3, size=32, seed=1):
        return ClipRequest(window, size, seed, tmp_path / "cache")

    return request_of


def reasons(data):
    return {item.name: item.reason for item in data.skipped}


# UTKFace


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("26_1_3_20170116174525125.jpg", (26, 3, 1)),
        ("1_0_0_20161219140623097.jpg.chip.jpg", (1, 0, 0)),
        ("116_1_4_20170120134639399.jpg", (116, 4, 1)),
        ("24_0_1_20170116220224657 .jpg.chip.jpg", (24, 1, 0)),
        ("55_0_0_20170116232725357jpg.chip.jpg", (55, 0, 0)),
    ],
)
def test_a_face_tells_age_race_and_gender(tmp_path, name, labels):
    assert face_labels(tmp_path / name) == labels


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("61_1_20170109142408075.jpg", "the name is not AGE_GENDER_RACE_DATE.jpg"),
        ("holiday.jpg", "the name is not"),
        ("26_1_3_2017.txt", "the name is not"),
        ("-3_1_3_2017.jpg", "the name is not"),
        ("117_1_3_2017.jpg", "age 117 is not 0 to 116"),
        ("26_3_3_2017.jpg", "gender 3 is not 0 or 1"),
        ("26_1_5_2017.jpg", "race 5 is not 0 to 4"),
    ],
)
def test_a_face_that_tells_something_else_is_refused_with_the_reason(tmp_path, name, reason):
    with pytest.raises(ValueError, match=reason):
        face_labels(tmp_path / name)


@pytest.fixture
def faces(tmp_path, request_of):
    """24 good faces, one of them alone in its race, and three that give nothing."""
    folder = data_files.utkface(tmp_path / "utk")
    first = sorted(folder.glob("*.jpg"))[0]
    (folder / "part2").mkdir()
    first.rename(folder / "part2" / "30_0_4_20170116174525999.jpg.chip.jpg")
    (folder / "7_0_1_20170116174525000.jpg").write_bytes(b"\xff\xd8\xffbroken")
    (folder / "8_0_1_20170116174525000.jpg").write_bytes(b"")
    (folder / "61_1_20170109142408075.jpg").write_bytes(b"")
    return load_data(UTKFaceSection(path=str(folder)), request_of(1, 48))


def test_unparsable_and_broken_faces_are_listed(faces, tmp_path):
    assert sum(len(part) for part in (faces.train, faces.validation, faces.test)) == 24
    assert reasons(faces) == {
        "7_0_1_20170116174525000.jpg": "the picture cannot be read",
        "8_0_1_20170116174525000.jpg": "the picture cannot be read",
        "61_1_20170109142408075.jpg": "the name is not AGE_GENDER_RACE_DATE.jpg",
    }
    assert any(line.startswith("skipped 3: ") for line in faces.summary())
    write_skipped(tmp_path / "skipped.csv", faces.skipped)
    assert (tmp_path / "skipped.csv").read_text().count("\n") == 4


def test_a_class_with_one_sample_is_trained_on_and_said(faces):
    assert 4 in faces.train.labels["race"]
    assert 4 not in faces.test.labels["race"]
    assert "race: one file of others, trained on but not tested" in faces.notes
    assert "race: no file of indian" in faces.notes


def test_a_face_is_rgb_of_the_size_asked_for(faces):
    clip = faces.train.clip(0)
    assert clip.shape == (1, 48, 48, 3) and clip.dtype == np.uint8
    assert faces.train.labels["age"].dtype == np.float64


def test_what_was_decoded_is_kept_until_a_file_changes(faces, tmp_path, request_of):
    section = UTKFaceSection(path=str(tmp_path / "utk"))
    written = tmp_path / "cache"
    before = {p: p.stat().st_mtime_ns for p in written.rglob("*")}
    again = load_data(section, request_of(1, 48))
    assert {p: p.stat().st_mtime_ns for p in written.rglob("*")} == before
    assert np.array_equal(again.train.clip(3), faces.train.clip(3))
    (tmp_path / "utk/7_0_1_20170116174525000.jpg").unlink()
    assert len(load_data(section, request_of(1, 48)).skipped) == 2


def test_a_picture_that_is_there_aligned_too_is_taken_once(tmp_path, request_of):
    folder = data_files.utkface(tmp_path / "utk")
    first = sorted(folder.glob("*.jpg"))[0]
    (folder / f"{first.name}.chip.jpg").write_bytes(first.read_bytes())
    data = load_data(UTKFaceSection(path=str(folder)), request_of(1, 48))
    assert reasons(data) == {f"{first.name}.chip.jpg": f"the same picture as {first.name}"}


def test_windows_are_mapped_and_not_loaded(faces):
    (frames,) = (cell.cell_contents for cell in faces.train.clip.__closure__
                 if hasattr(cell.cell_contents, "windows"))  # fmt: skip
    assert isinstance(frames.windows, np.memmap)


# swimmers


@pytest.mark.parametrize(
    ("name", "labels"), [("2_0 (42).avi", (0, 2)), ("0_3 (1).avi", (3, 0)), ("1_2(7).AVI", (2, 1))]
)
def test_a_swimmer_clip_tells_person_and_action(tmp_path, name, labels):
    assert swimmer_labels(tmp_path / name) == labels


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("4_0 (1).avi", "action 4 is not 0 to 3"),
        ("0_4 (1).avi", "person 4 is not 0 to 3"),
        ("2_0.avi", "the name is not"),
        ("2_0 (42).mp4", "the name is not"),
    ],
)
def test_another_name_is_refused(tmp_path, name, reason):
    with pytest.raises(ValueError, match=reason):
        swimmer_labels(tmp_path / name)


def test_both_samplings_are_those_of_the_thesis(tmp_path):
    """Frame n has the grey level n at its lower right corner, give or take compression."""
    path = data_files.video(tmp_path / "0_0 (1).avi", 40, 0)
    first, spread = samplings(path, 15, 40)
    numbers = [clip.pixels[:, -1, -1].mean(axis=-1) for clip in (first, spread)]
    assert numbers[0] == pytest.approx(np.arange(0, 30, 2), abs=3)
    assert numbers[1] == pytest.approx(np.linspace(0, 39, 15).round(), abs=3)


def test_a_clip_below_a_window_is_skipped_and_one_below_two_gives_one(tmp_path, request_of):
    folder = data_files.swimmers(tmp_path / "swim", clips=4)
    data_files.video(folder / "0_0 (91).avi", 14, 0)
    data_files.video(folder / "0_1 (92).avi", 20, 0)
    (folder / "1_0 (93).avi").write_bytes(b"RIFF no video")
    data = load_data(SwimmersSection(path=str(folder), people=2), request_of(15))
    found = reasons(data)
    assert found["0_0 (91).avi"] == "14 frames, a window has 15"
    assert found["0_1 (92).avi, first frames"] == "20 frames are too few for 15 at stride 2"
    assert "it is no video" in found["1_0 (93).avi"]
    assert sum(len(p) for p in (data.train, data.validation, data.test)) == 16 * 2 + 1


def test_both_samplings_of_a_clip_are_in_the_same_part(tmp_path, request_of):
    folder = data_files.swimmers(tmp_path / "swim", clips=4)
    data = load_data(SwimmersSection(path=str(folder), people=2), request_of())
    for part in (data.train, data.validation, data.test):
        assert len(part) % 2 == 0
        assert np.array_equal(part.labels["reid"][::2], part.labels["reid"][1::2])


def test_clips_of_one_file_have_one_number(tmp_path, request_of):
    data_files.swimmers(tmp_path / "data")
    data = load_data(SwimmersSection(path=str(tmp_path / "data"), people=2), request_of())
    parts = (data.train, data.validation, data.test)
    files = [set(part.source_of_each.tolist()) for part in parts]
    assert [2 * len(own) for own in files] == [len(part) for part in parts]
    assert len(set.union(*files)) == sum(map(len, files))
    assert Subset(data.test.clip, data.test.labels).source_of_each.tolist() == list(
        range(len(data.test))
    )


# clips


def test_folders_are_labels(tmp_path, request_of):
    folder = data_files.labelled_clips(tmp_path / "clips")
    (folder / "run/notes.txt").write_text("")
    data_files.video(folder / "run/short.mp4", 2, 0)
    data = load_data(ClipsSection(path=str(folder), task="gait"), request_of())
    (task,) = data.tasks
    assert (task.name, task.labels) == ("gait", ("run", "walk"))
    assert len(data.train) + len(data.validation) + len(data.test) == 10 * 2
    assert reasons(data) == {
        "run/notes.txt": "neither video nor folder",
        "short.mp4": "shorter than a window of 3 frames",
    }


def test_a_folder_of_frames_is_a_clip_too(tmp_path, request_of):
    folder = data_files.labelled_clips(tmp_path / "clips")
    (folder / "walk/frames").mkdir()
    for number in range(3):
        picture = np.full((40, 40, 3), 50 * number, np.uint8)
        cv2.imwrite(str(folder / f"walk/frames/f{number}.png"), picture)
    data = load_data(ClipsSection(path=str(folder)), request_of())
    assert len(data.train) + len(data.validation) + len(data.test) == 10 * 2 + 1


def test_a_table_has_a_column_a_task(tmp_path, request_of):
    folder = data_files.labelled_clips(tmp_path / "clips")
    table = data_files.table_of(folder)
    extra = (
        "\nlost.mp4,run,front,3\nrun/clip0.mp4,run,,3\nrun/clip0.mp4,run,side,old\nrun/clip0.mp4\n"
        f"run/clip0.mp4,run,front,3\n{'x' * 300}.mp4,run,front,3\n"
    )
    table.write_text(table.read_text() + extra.lstrip("\n"))
    data = load_data(ClipsSection(path=str(folder), table="labels.csv"), request_of())
    assert [(t.name, t.kind) for t in data.tasks] == [
        ("action", "classification"), ("view", "classification"), ("age", "regression"),
    ]  # fmt: skip
    assert (data.tasks[2].unit, data.tasks[2].scale) == ("years", 29.0)
    assert sorted(item.reason for item in data.skipped) == [
        "1 cells, the first line has 4", "age[years] is old, which is no number",
        "listed twice; the first line counts", "no such file", "no such file", "view is empty",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a first line"),
        ("clip\n", "needs a first line"),
        ("clip,a,a\n", "needs a first line of different names"),
        ("clip,action\nrun/clip0.mp4,run\n", "every clip's action is run"),
        ("clip,action\nlost.mp4,run\n", "no file that can be used; of 1 files, lost.mp4"),
        (b"\xff\xfe\x00", "cannot be read as CSV"),
    ],
)
def test_a_wrong_table_is_named(tmp_path, request_of, text, message):
    folder = data_files.labelled_clips(tmp_path / "clips", 1)
    (folder / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ClipError, match=message):
        load_data(ClipsSection(path=str(folder), table="t.csv"), request_of())


# Fashion-MNIST in motion


@pytest.fixture
def fashion(tmp_path):
    return FashionSection(
        path=str(data_files.fashion(tmp_path / "fashion")),
        train_items=20, validation_items=4, test_items=8, motions=3,
    )  # fmt: skip


def test_items_move(fashion, request_of):
    data = load_data(fashion, request_of(5, 40))
    assert [len(p) for p in (data.train, data.validation, data.test)] == [48, 12, 24]
    assert data.split_by == "item" and data.groups == {"train": 16, "validation": 4, "test": 8}
    assert data.test.labels["item"].tolist() == [i for i in range(8) for _ in range(3)]
    motions = data.test.labels["motion"].reshape(8, 3)
    assert all(len(set(row)) == 3 for row in motions.tolist())
    clip = data.train.clip(0)
    assert clip.shape == (5, 40, 40, 3) and clip.std() > 10


def test_a_clip_is_the_same_whenever_it_is_asked_for(fashion, request_of):
    one, other = load_data(fashion, request_of()), load_data(fashion, request_of())
    assert np.array_equal(one.train.clip(7), one.train.clip(7))
    assert np.array_equal(one.train.clip(7), other.train.clip(7))
    another = load_data(fashion, request_of(seed=2))
    assert not np.array_equal(one.test.clip(7), another.test.clip(7))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-labels-idx1-ubyte.gz", None, "neither .*train-labels-idx1-ubyte nor"),
        ("train-labels-idx1-ubyte.gz", b"no gzip", "cannot be unpacked"),
        ("train-labels-idx1-ubyte.gz", gzip.compress(b"hello", mtime=0), "is no idx file"),
        ("train-labels-idx1-ubyte.gz", gzip.compress(b"\0\0\x08\x01\0\0\0\x14ab", mtime=0), "cut short"),
        ("train-labels-idx1-ubyte.gz", gzip.compress(b"\0\0\x0d\x01\0\0\0\x01abcd", mtime=0), "only bytes"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(b"\0\0\x08\x01\0\0\0\x01a", mtime=0), "labels for pic"),
        ("t10k-labels-idx1-ubyte.gz",
         gzip.compress(b"\0\0\x08\x01\0\0\0\x08" + b"\x0a" * 8, mtime=0), "has a label 10, beyond 9"),
    ],
)  # fmt: skip
def test_damaged_idx_files_are_named(fashion, request_of, tmp_path, name, content, message):
    path = tmp_path / "fashion" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ClipError, match=message):
        load_data(fashion, request_of())


def test_idx_is_read_unpacked_too(tmp_path):
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    data_files.idx(tmp_path / "x.gz", values)
    (tmp_path / "y").write_bytes(gzip.decompress((tmp_path / "x.gz").read_bytes()))
    for name in "xy":
        assert np.array_equal(map_idx(tmp_path / name, tmp_path / "cache"), values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"motions": 9}, "an item has 1 to 8"),
        ({"validation_items": 60_000}, "must be below train_items"),
        ({"test_items": 0}, "must be 1 or more"),
    ],
)
def test_a_wrong_section_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        FashionSection(**changes)


def test_more_items_than_there_are_is_refused(fashion, request_of, tmp_path):
    section = FashionSection(path=fashion.path, test_items=9, train_items=20, validation_items=4)
    with pytest.raises(ConfigError, match="t10k holds 8 items, not 9"):
        load_data(section, request_of())


# all of them


def test_orl_is_behind_the_same_interface(photos, request_of):
    data = load_data(DataSection(people=3, train_variants=1), request_of(4, 32))
    assert [task.name for task in data.tasks] == ["reid", "action"]
    assert data.train.clip(5).shape == (4, 32, 32, 3)
    left, right = (data.tasks[1].labels.index(name) for name in ("left", "right"))
    assert data.mirrored["action"][left] == right
    assert len(data.test) == 3 * 3 * 8 and len(set(data.test.source_of_each.tolist())) == 3 * 3
    assert set(data.impostors.labels["reid"].tolist()) == set(range(3, 40))


@pytest.mark.parametrize("kind", ["utkface", "swimmers", "clips"])
def test_an_empty_folder_is_one_error(tmp_path, request_of, kind):
    with pytest.raises(ClipError, match="holds no file that can be used|holds 0 folders"):
        load_data(KINDS[kind].section(path=str(tmp_path)), request_of())


@pytest.mark.parametrize("kind", ["utkface", "swimmers", "clips", "fashion-motion"])
def test_a_missing_folder_is_one_error(tmp_path, request_of, kind):
    with pytest.raises(ClipError, match=r"is no folder|is not there"):
        load_data(KINDS[kind].section(path=str(tmp_path / "absent")), request_of())


def test_no_folder_at_all_says_how_to_give_one(request_of):
    with pytest.raises(ConfigError, match="give --data FOLDER"):
        load_data(UTKFaceSection(), request_of())


def test_files_none_of_which_can_be_read_are_one_error(tmp_path, request_of):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/7_0_1_20170116174525000.jpg").write_bytes(b"broken")
    with pytest.raises(ClipError, match=r"none of 1 files can be used, for example 7_0_1"):
        load_data(UTKFaceSection(path=str(tmp_path / "data")), request_of())


def test_too_few_files_for_three_parts_are_one_error(tmp_path, request_of):
    data_files.utkface(tmp_path / "data", 2)
    with pytest.raises(ClipError, match="too few to train, validate and test with"):
        load_data(UTKFaceSection(path=str(tmp_path / "data")), request_of())


def test_every_kind_knows_its_section():
    assert [kind_of(kind.section()) for kind in KINDS.values()] == list(KINDS)
    assert issubclass(UTKFaceSection, FolderSection)


def test_a_long_list_of_skipped_is_cut_on_the_screen(faces):
    import dataclasses

    many = tuple(Skipped(f"f{n}", "torn") for n in range(5))
    (line,) = [s for s in dataclasses.replace(faces, skipped=many).summary() if "skipped" in s]
    assert line == "skipped 5: f0 (torn), f1 (torn), f2 (torn) and 2 more"


def test_a_full_disk_is_one_line_and_leaves_nothing_half(tmp_path):
    """A limit on the size of files stands for it: the system says no in the same way."""
    data_files.utkface(tmp_path / "utk")
    (tmp_path / "run.toml").write_text(
        '[data]\nkind = "utkface"\ngroup = ""\n[network]\nsize = 64\nwindow = 1\n'
    )
    command = [
        sys.executable, "-m", "edge_models.cli", tmp_path / "run.toml", "--data", tmp_path / "utk",
        "-o", tmp_path / "m.keras", "--cache", tmp_path / "cache",
    ]  # fmt: skip
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # noqa: E731
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and "File too large; check the path" in done.stderr
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
