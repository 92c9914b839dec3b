import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.sources import open_source
from edge_common.errors import SourceError


def test_a_video_gives_all_frames_in_order(video_path: Path) -> None:
    with open_source(str(video_path)) as source:
        frames = list(source)
        assert (source.total, source.rate_hz, source.dropped, source.skipped) == (30, 10.0, 0, 0)
    assert [frame.number for frame in frames] == list(range(30))
    assert all(frame.pixels.shape == (48, 64, 3) for frame in frames)
    assert all(a.captured_at <= b.captured_at for a, b in zip(frames, frames[1:]))


def test_a_folder_is_read_in_the_order_of_its_numbers(image_folder: Path) -> None:
    (image_folder / "frame_9.png").rename(image_folder / "frame_11.png")
    with (
        open_source(str(image_folder)) as by_folder,
        open_source(f"{image_folder}/*.png") as by_glob,
    ):
        for a, b in zip(by_folder, by_glob, strict=True):
            assert np.array_equal(a.pixels, b.pixels)


def test_a_broken_image_is_skipped_and_counted(image_folder: Path) -> None:
    (image_folder / "frame_3.png").write_bytes(b"\x89PNG broken")
    (image_folder / "frame_4.png").write_bytes(b"")
    with open_source(str(image_folder)) as source:
        frames = list(source)
    assert [frame.number for frame in frames] == [0, 1, 2, 5, 6, 7, 8, 9]
    assert [frame.number for frame in frames if frame.restart] == [5]  # no window reaches over it
    assert source.skipped == 2


def test_only_broken_images_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    with open_source(str(tmp_path)) as source, pytest.raises(SourceError, match="none of the 1"):
        list(source)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "missing.mp4", "there is no source"),
        (lambda p: p / "*.png", "no file matches"),
        (lambda p: p, "holds no images"),
    ],
)
def test_what_is_not_there_is_an_error(tmp_path: Path, make, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(str(make(tmp_path)))


def test_a_video_without_a_readable_frame_is_an_error(tmp_path: Path, video_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video_path.read_bytes()[:500])
    with pytest.raises(SourceError, match="no readable frame"):
        open_source(str(cut))


def test_a_camera_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(SourceError, match="camera 77 gives no picture"):
        open_source(77)


def test_a_camera_is_found_by_index_or_device_file() -> None:
    for text in ("78", "/dev/video78"):
        with pytest.raises(SourceError, match=f"camera {text} gives no picture"):
            open_source(text)


def test_a_camera_that_may_not_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/null stands in for a camera of somebody else."""
    monkeypatch.setattr("os.access", lambda path, mode: path != "/dev/null")
    with pytest.raises(SourceError, match="/dev/null may not be read: sudo usermod -aG video"):
        open_source("camera:/dev/null")


@pytest.mark.parametrize("form", ["{}", "{}/*.mp4", "images:{}"])
def test_a_folder_of_videos_is_one_source(tmp_path: Path, video_path: Path, form: str) -> None:
    for number in (2, 10):
        shutil.copy(video_path, tmp_path / f"clip_{number}.mp4")
    (tmp_path / "clip_3.mp4").write_bytes(b"cut off")
    with open_source(str(video_path)) as source:
        expected = list(source)
    with open_source(form.format(tmp_path)) as source:
        frames = list(source)
    count = len(expected)
    assert [frame.number for frame in frames] == list(range(2 * count))
    assert [frame.number for frame in frames if frame.restart] == [count]
    times = [frame.time_s for frame in frames if frame.time_s is not None]
    assert len(times) == 2 * count and times == sorted(set(times))
    assert (frames[count].pixels == expected[0].pixels).all()
    assert "clip_3.mp4 holds no readable frame" in source.warning


def test_a_folder_of_broken_videos_is_an_error(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mkv"):
        (tmp_path / name).write_bytes(b"cut off")
    with pytest.raises(SourceError, match="of 2 videos none can be read: .*a.mp4 holds no"):
        open_source(str(tmp_path))


def test_one_picture_is_a_source(image_folder: Path) -> None:
    with open_source(str(image_folder / "frame_0.png")) as source:
        assert len(list(source)) == 1
