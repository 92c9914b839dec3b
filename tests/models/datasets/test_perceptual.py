"""Photos known again by what they show, and leakage that is found by it."""

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge_models.datasets import perceptual
from edge_models.datasets.from_files import ClipRequest
from edge_models.datasets.kinds import load_data
from edge_models.datasets.labelled_clips import ClipsSection
from edge_models.datasets.utkface import UTKFaceSection
from tests.models import data_files


def texture(seed, side=200):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def grey(pixels):
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)


def different(one, other):
    return int((perceptual.image_hash(grey(one)) != perceptual.image_hash(grey(other))).sum())


def test_a_photo_that_is_scaled_darker_and_encoded_again_differs_in_few_bits():
    photo = texture(1)
    again = cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 1)
    assert different(photo, cv2.resize(again // 2, (120, 120))) <= 24
    assert min(different(photo, texture(seed)) for seed in range(2, 12)) > 80


def test_a_hash_says_which_of_two_neighbours_is_brighter():
    ramp = np.tile(np.arange(0, 170, 10, np.uint8), (16, 1))
    assert perceptual.image_hash(ramp).all() and not perceptual.image_hash(ramp[:, ::-1]).any()


@given(st.integers(0, 99), st.integers(0, 60))
def test_pairs_are_those_within_24_bits(seed, flipped):
    random = np.random.default_rng(seed)
    hashes = random.random((6, perceptual.BITS)) < 0.5
    hashes[4] = hashes[1]
    hashes[4, random.permutation(perceptual.BITS)[:flipped]] ^= True
    pairs = set(map(tuple, perceptual.near_pairs(hashes, hashes).tolist()))
    expected = {(n, n) for n in range(6)} | ({(1, 4), (4, 1)} if flipped <= 24 else set())
    assert pairs == expected
    surely = perceptual.near_pairs(hashes, hashes, perceptual.SURELY_SAME)
    assert len(surely) == (8 if flipped <= 18 else 6)


def test_images_of_one_colour_are_like_nothing():
    blank = np.zeros((2, perceptual.BITS), bool)
    assert perceptual.near_pairs(blank, blank).tolist() == []


def test_what_pairs_join_has_one_number():
    assert perceptual.joined(6, [(4, 1), (5, 4), (2, 3), (3, 3)]) == [0, 1, 2, 2, 1, 1]


def test_a_clip_is_its_first_middle_and_last_frame():
    clip = np.stack([texture(seed, 40) for seed in range(5)])
    assert perceptual.clip_hash(clip).shape == (3 * perceptual.BITS,)
    assert perceptual.clip_hash(clip[:1]).shape == (perceptual.BITS,)
    assert np.array_equal(perceptual.clip_hash(clip), perceptual.clip_hash(clip[[0, 2, 4]]))


@pytest.fixture
def request_of(tmp_path):
    return ClipRequest(1, 48, 1, tmp_path / "cache")


@pytest.fixture
def twins(tmp_path):
    """24 faces, each a second time under another name, age and size."""
    folder = data_files.utkface(tmp_path / "utk")
    for number, path in enumerate(sorted(folder.glob("*.jpg"))):
        cv2.imwrite(str(path), texture(number, 96))
        pixels = cv2.resize(texture(number, 96), (80, 80), interpolation=cv2.INTER_AREA)
        _, gender, race, _ = path.name.split("_")
        again = f"{number + 1}_{gender}_{race}_{20180101000000000 + number}.jpg"
        cv2.imwrite(str(folder / again), pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return folder


def test_the_same_photo_under_other_names_stays_in_one_part(twins, request_of):
    data = load_data(UTKFaceSection(path=str(twins)), request_of)
    assert data.split_by == "photo" and sum(data.groups.values()) == 24
    assert len(data.train) + len(data.validation) + len(data.test) == 48
    assert data.leaks == () and not any("leakage" in note for note in data.notes)


def test_leakage_is_found_counted_and_named(twins, request_of):
    data = load_data(UTKFaceSection(path=str(twins), group=""), request_of)
    assert data.split_by == "file" and sum(data.groups.values()) == 48
    counts = data.split_facts()["leaks"]
    assert counts["test"] > 4 and sum(counts.values()) == len(data.leaks)
    assert len({leak.file for leak in data.leaks}) == len(data.leaks)
    for leak in data.leaks:
        assert different(*(cv2.imread(str(twins / name)) for name in (leak.file, leak.other))) <= 24
    (note,) = [line for line in data.summary() if "leakage" in line]
    assert f"{counts['test']} of test show what a file of another part shows" in note
    assert data.leaks[-1].file in note and "name a column as group in [data]" in note


def test_a_clip_that_is_there_twice_is_leakage(tmp_path):
    folder = tmp_path / "clips"
    for number, label in enumerate(("run", "walk")):
        for clip in range(10):
            (folder / label).mkdir(parents=True, exist_ok=True)
            path = folder / label / f"{clip}.avi"
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 64))
            for frame in range(6):  # of each second pair of clips the same
                writer.write(texture(100 * number + 10 * (clip // 2) + frame, 64))
            writer.release()
    request = ClipRequest(4, 48, 1, tmp_path / "cache")
    data = load_data(ClipsSection(path=str(folder)), request)
    pairs = {frozenset((leak.file, leak.other)) for leak in data.leaks}
    assert pairs and all(len(pair) == 2 for pair in pairs)
    assert all(len({int(name[0]) // 2 for name in pair}) == 1 for pair in pairs)
    kept = load_data(ClipsSection(path=str(folder)), request)
    assert kept.leaks == data.leaks
