"""Which frames of a clip are a window, and at what rate."""

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.check.clips import windows_of
from edge.sources.video import VideoFile
from edge.stream import Resizer
from edge_common.errors import ClipError, ConfigError
from edge_models.datasets.from_files import ClipRequest
from edge_models.datasets.kinds import load_data
from edge_models.datasets.labelled_clips import ClipsSection
from edge_models.datasets.windows import SAMPLINGS, Sampling, positions, windows_in
from tests.models import data_files


def of(kind, frames, window, **options):
    found = positions(kind, frames, window, Sampling((kind,), **options))
    return [index.tolist() for index in found]


def test_consecutive_windows_come_one_behind_the_other():
    assert of("consecutive", 9, 4) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert of("consecutive", 3, 4) == []


def test_strided_windows_leave_frames_out():
    assert of("strided", 12, 3) == [[0, 2, 4], [5, 7, 9]]
    assert of("strided", 10, 3, stride=4) == [[0, 4, 8]]
    assert of("strided", 8, 3, stride=4) == []


def test_a_spread_window_has_the_first_and_the_last_frame():
    assert of("spread", 11, 3) == [[0, 5, 10]]
    assert of("spread", 3, 3) == [[0, 1, 2]]
    assert of("spread", 2, 3) == []


def test_so_many_windows_a_clip_reach_from_its_first_frame_to_its_last():
    assert of("consecutive", 10, 4, windows_a_clip=1) == [[3, 4, 5, 6]]
    assert [index[0] for index in of("consecutive", 10, 4, windows_a_clip=3)] == [0, 3, 6]
    assert [index[0] for index in of("consecutive", 5, 4, windows_a_clip=9)] == [0, 1]
    assert of("spread", 10, 4, windows_a_clip=3) == [[0, 3, 6, 9]]


def test_a_short_clip_repeats_its_last_frame_if_asked_to():
    assert of("consecutive", 2, 4, pad="last") == [[0, 1, 1, 1]]
    assert of("strided", 4, 3, pad="last") == [[0, 2, 3]]
    assert of("spread", 2, 4, pad="last") == [[0, 1, 1, 1]]
    assert of("spread", 2, 4, pad="spread") == [[0, 0, 1, 1]]
    assert of("consecutive", 4, 4, pad="last") == [[0, 1, 2, 3]]


@given(
    st.sampled_from(SAMPLINGS), st.integers(1, 300), st.integers(1, 20), st.integers(1, 4),
    st.integers(0, 5), st.sampled_from(["", "last", "spread"]),
)  # fmt: skip
def test_windows_are_of_frames_that_there_are_in_their_order(
    kind, frames, window, stride, count, pad
):
    sampling = Sampling((kind,), stride, count, pad)
    results = positions(kind, frames, window, sampling)
    for index in results:
        assert len(index) == window and index[0] >= 0 and index[-1] < frames
        assert (np.diff(index) >= (0 if pad or kind == "spread" else 1)).all()
    assert results or not pad
    assert len({index.tobytes() for index in results}) == len(results)


def test_windows_as_they_come_are_those_of_calibration(tmp_path):
    path = data_files.video(tmp_path / "a.avi", 40, 0)
    expected = list(windows_of(VideoFile(str(path)), 6, Resizer((32, 32))))
    every = Sampling(("consecutive",), pad="last")
    for sampling in (Sampling(), every):
        result = [window.pixels for window in windows_in(path, 6, 32, sampling)]
        assert np.array_equal(result, expected)


@pytest.mark.parametrize(
    ("options", "rate_hz"),
    [
        ({}, 30.0),
        ({"sampling": ["strided"], "stride": 3}, 10.0),
        ({"sampling": ["spread"]}, 30 * 2 / 7),  # 3 of 8 frames
        ({"sampling": ["consecutive", "strided"], "windows_a_clip": 1}, (30 + 15) / 2),
        ({"sampling": ["spread"], "frame_rate_hz": 12.0}, 12.0),
    ],
)
def test_the_rate_of_the_windows_is_what_the_network_will_be_run_at(tmp_path, options, rate_hz):
    folder = data_files.labelled_clips(tmp_path / "clips")
    request = ClipRequest(3, 32, 1, tmp_path / "cache")
    data = load_data(ClipsSection(path=str(folder), **options), request)
    assert data.frame_rate_hz == pytest.approx(rate_hz, abs=0.01)
    assert any("frames a second" in note for note in data.notes) == (rate_hz == 22.5)
    again = load_data(ClipsSection(path=str(folder), **options), request)
    assert again.frame_rate_hz == data.frame_rate_hz


def test_images_have_no_rate_of_their_own(tmp_path):
    for number, label in enumerate(("run", "walk")):
        for clip in range(5):
            folder = tmp_path / "clips" / label / f"clip{clip}"
            folder.mkdir(parents=True)
            for frame in range(4):
                pixels = np.full((40, 40, 3), 40 * frame + number, np.uint8)
                cv2.imwrite(str(folder / f"{frame}.png"), pixels)
    request = ClipRequest(3, 32, 1, tmp_path / "cache")
    assert load_data(ClipsSection(path=str(tmp_path / "clips")), request).frame_rate_hz == 25.0


def test_a_clip_that_is_padded_is_one_example_and_named(tmp_path):
    folder = data_files.labelled_clips(tmp_path / "clips")
    request = ClipRequest(10, 32, 1, tmp_path / "cache")
    with pytest.raises(ClipError, match="shorter than a window of 10 frames"):
        load_data(ClipsSection(path=str(folder)), request)
    section = ClipsSection(path=str(folder), sampling=["spread"], pad="last")
    data = load_data(section, request)
    assert len(data.train) + len(data.validation) + len(data.test) == 10
    assert data.source == "clips of clips, spread windows, short clips padded by their last frame"
    assert np.array_equal(data.train.clip(0)[7], data.train.clip(0)[9])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampling": ["spreed"]}, "data.sampling names 'spreed'; did you mean 'spread'"),
        ({"sampling": ["strided"], "stride": -2}, "data.stride is -2: it must be 1 or more"),
        ({"pad": "first"}, "data.pad is 'first'; there are last, spread"),
    ],
)
def test_a_sampling_that_there_is_not_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        ClipsSection(path="x", **options)
