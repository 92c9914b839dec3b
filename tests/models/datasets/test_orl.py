"""The photos and how they are dealt."""

import numpy as np
import pytest

from edge_common.errors import ClipError
from edge_models.datasets import orl


def test_there_are_400_photos_of_112_by_92(photos):
    assert len(photos) == 400
    assert {photo.pixels.shape for photo in photos} == {(112, 92)}


def test_labels_are_two_digits():
    assert orl.LABELS[0] == "s01" and orl.LABELS[39] == "s40"


def test_split_is_6_1_3_of_each_person(photos):
    split = orl.split_by_photo(photos, seed=7)
    for part, share in ((split.train, 6), (split.validation, 1), (split.test, 3)):
        assert np.bincount([photo.person for photo in part]).tolist() == [share] * 40


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_no_photo_is_in_two_parts(photos, seed):
    split = orl.split_by_photo(photos, seed)
    keys = [photo.key for part in (split.train, split.validation, split.test) for photo in part]
    assert len(keys) == len(set(keys)) == 400


def test_no_picture_is_in_two_parts_under_two_names(photos):
    assert len({photo.pixels.tobytes() for photo in photos}) == 400


def test_the_seed_decides(photos):
    one, same, other = (orl.split_by_photo(photos, seed).test for seed in (7, 7, 8))
    assert [p.key for p in one] == [p.key for p in same] != [p.key for p in other]


def test_a_split_that_leaves_nothing_is_refused(photos):
    with pytest.raises(ClipError, match="leaves none to train on"):
        orl.split_by_photo(photos, 0, test=9, validation=1)


def test_a_damaged_folder_is_named(tmp_path):
    with pytest.raises(ClipError, match="s1/1.pgm is not a 92 x 112 PGM"):
        orl.read_photos(tmp_path)
