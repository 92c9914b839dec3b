from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.clips import Clips, read_clips
from edge.errors import ClipError
from tests import tiny


def test_an_npz_keeps_its_labels(tiny_clips_path: Path) -> None:
    clips = read_clips(tiny_clips_path, tiny.WINDOW)
    assert len(clips) == 24
    assert set(clips.labels) == {"kind", "size"}
    assert clips.windows[0].shape == (4, 32, 32, 3)


def test_a_folder_of_frame_folders(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        for number, frame in enumerate(tiny.frames(9, seed=len(name))):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), frame)
    clips = read_clips(tmp_path, 4)
    assert len(clips) == 4
    assert np.array_equal(clips.windows[1][0], tiny.frames(9, seed=1)[4][..., ::-1])


def test_a_folder_of_videos_counts_what_it_skips(tmp_path: Path, video_path: Path) -> None:
    (tmp_path / "good.mp4").write_bytes(video_path.read_bytes())
    (tmp_path / "bad.mp4").write_bytes(b"broken")
    clips = read_clips(tmp_path, 4)
    assert (len(clips), clips.skipped) == (7, 1)


def test_a_sample_is_drawn_over_all_clips_and_keeps_labels_in_step() -> None:
    clips = Clips("c", tuple(np.full((1, 1, 1, 3), i) for i in range(100)), {"x": np.arange(100)})
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
        read_clips(tmp_path / name, 4)


def test_a_folder_without_long_enough_clips_is_refused(tmp_path: Path, video_path: Path) -> None:
    (tmp_path / "short.mp4").write_bytes(video_path.read_bytes())
    with pytest.raises(ClipError, match="no clip that is long enough"):
        read_clips(tmp_path, 31)
