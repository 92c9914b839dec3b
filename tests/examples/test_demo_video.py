"""The demonstration film and its truth."""

import json

import cv2
import pytest
from click.testing import CliRunner

from edge_models.datasets import motion
from edge_models.datasets.named import training_file
from edge_models.datasets.orl import split_by_photo
from edge_models.training.config import read_config
from examples import demo_video


@pytest.fixture(scope="module")
def demo(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    result = CliRunner().invoke(demo_video.main, [str(folder), "--size", "96"])
    assert result.exit_code == 0, result.output
    lines = (folder / demo_video.TRUTH_NAME).read_text().splitlines()
    return folder / demo_video.VIDEO_NAME, [json.loads(line) for line in lines]


def test_the_film_has_24_frames_a_person_at_25_hz(demo):
    film = cv2.VideoCapture(str(demo[0]))
    assert film.get(cv2.CAP_PROP_FPS) == 25.0
    count = 0
    while film.read()[0]:
        count += 1
    assert count == 40 * 24


def test_the_truth_covers_the_film_without_gap(demo):
    firsts = [line["first_frame"] for line in demo[1]]
    lasts = [line["last_frame"] for line in demo[1]]
    assert firsts == list(range(0, 960, 24)) and lasts == list(range(23, 960, 24))


def test_each_person_comes_once_and_each_action_five_times(demo):
    people = [line["tasks"]["reid"] for line in demo[1]]
    actions = [line["tasks"]["action"] for line in demo[1]]
    assert sorted(people) == [f"s{i:02d}" for i in range(1, 41)]
    assert {actions.count(action) for action in motion.ACTIONS} == {5}


def test_only_test_photos_are_shown(photos):
    config = read_config(training_file())
    split = split_by_photo(photos, config.seed, test=3, validation=1)
    seen = {photo.key for photo in split.train + split.validation}
    shown = {segment.photo.key for segment in demo_video.plan_segments(split.test, seed=0)}
    assert len(shown) == 40 and not shown & seen


def test_the_recording_alone_takes_no_film(tmp_path):
    result = CliRunner().invoke(demo_video.main, [str(tmp_path / "demo"), "--recording-only"])
    assert result.exit_code == 0, result.output
    assert [each.name for each in (tmp_path / "demo").iterdir()] == [demo_video.RECORDING_NAME]
