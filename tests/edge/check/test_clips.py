from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.check.clips import Clips, read_clips
from edge_common.errors import ClipError
from tests import tiny

SIZE = (tiny.SIZE, tiny.SIZE)


def test_an_npz_keeps_its_labels(tiny_clips_path: Path) -> None:
    clips = read_clips(tiny_clips_path, tiny.WINDOW, (32, 32))
    assert len(clips) == 24
    assert set(clips.labels) == {"kind", "size"}
    assert clips.windows[0].shape == (4, 32, 32, 3)


def test_a_folder_of_frame_folders(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        for number, frame in enumerate(tiny.frames(9, seed=len(name))):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), frame)
    clips = read_clips(tmp_path, 4, SIZE)
    assert len(clips) == 4
    assert np.array_equal(clips.windows[1][0], tiny.frames(9, seed=1)[4][..., ::-1])


def test_a_folder_of_videos_counts_what_it_skips(tmp_path: Path, video_path: Path) -> None:
    (tmp_path / "good.mp4").write_bytes(video_path.read_bytes())
    (tmp_path / "bad.mp4").write_bytes(b"broken")
    clips = read_clips(tmp_path, 4, SIZE)
    assert (len(clips), clips.skipped) == (7, 1)


def test_a_sample_is_drawn_over_all_clips_and_keeps_labels_in_step() -> None:
    clips = Clips("c", np.arange(100).reshape(100, 1, 1, 1, 1), {"x": np.arange(100)})
    sample = clips.sample(10, seed=3)
    drawn = [int(window[0, 0, 0, 0]) for window in sample.windows]
    assert drawn == sample.labels["x"].tolist() == sorted(set(drawn))
    assert max(drawn) > 60
    assert [int(w[0, 0, 0, 0]) for w in clips.sample(10, seed=3).windows] == drawn
    assert clips.sample(1000) is clips


@pytest.mark.parametrize("name", ["nothing", "file.txt"])
def test_what_holds_no_clips_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(ClipError, match="there are no clips"):
        read_clips(tmp_path / name, 4, SIZE)


def test_a_folder_without_long_enough_clips_is_refused(tmp_path: Path, video_path: Path) -> None:
    (tmp_path / "short.mp4").write_bytes(video_path.read_bytes())
    with pytest.raises(ClipError, match="no clip that is long enough"):
        read_clips(tmp_path, 31, SIZE)


def test_pictures_of_several_sizes_become_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number, (height, width) in enumerate([(20, 30), (64, 48), (32, 32), (50, 50)]):
        picture = tiny.frames(1, height, width)[0]
        cv2.imwrite(str(tmp_path / "a" / f"{number}.png"), picture)
    assert read_clips(tmp_path, 4, SIZE).windows.shape == (1, 4, 32, 32, 3)


def test_windows_are_spread_over_a_long_recording(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(
        str(tmp_path / "long.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (32, 32)
    )
    for number in range(160):
        writer.write(np.full((32, 32, 3), number, np.uint8))
    writer.release()
    windows = read_clips(tmp_path, 4, SIZE).windows
    assert len(windows) == 32  # 128 frames
    firsts = [int(window[0, 0, 0, 0]) for window in windows]
    assert firsts == pytest.approx(range(0, 160, 5), abs=3)


def test_a_folder_of_pictures_is_itself_a_recording(image_folder: Path) -> None:
    assert read_clips(image_folder, 4, SIZE).windows.shape == (2, 4, 32, 32, 3)
    assert len(read_clips(image_folder, 1, SIZE)) == 10


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"fps": np.float64(25)}, "'fps' has 1 labels for 24 clips"),
        ({"kind": np.zeros(3)}, "'kind' has 3 labels for 24 clips"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "c.npz", clips=tiny.labelled_clips(24)["clips"], **arrays)
    with pytest.raises(ClipError, match=message):
        read_clips(tmp_path / "c.npz", 4, SIZE)


def test_a_single_array_under_the_wrong_name_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "c.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(ClipError, match="single array"):
        read_clips(tmp_path / "c.npz", 4, SIZE)
