import numpy as np
import pytest

from edge.bundle import Bundle
from edge.check.clips import Clips
from edge.sources import open_source
from edge_benchmarks.measure.conditions import MAX_FRAMES, BenchFrames, choose_frames
from edge_common.errors import BundleError
from tests import tiny


def test_golden_frames_unless_told_otherwise(tiny_bundle: Bundle) -> None:
    found = choose_frames(tiny_bundle, None, None)
    golden = tiny_bundle.golden["frames"]
    assert found.origin == "golden frames" and found.uri is None
    assert (np.stack(found.pixels) == golden[..., ::-1]).all()  # BGR, as cameras deliver


def test_a_source_comes_before_clips(tiny_bundle: Bundle, video_path) -> None:
    clips = Clips("x.npz", tiny.labelled_clips(2)["clips"])
    found = choose_frames(tiny_bundle, clips, str(video_path))
    assert (found.describe().count, found.describe().width) == (30, 64)
    assert found.uri == str(video_path)


def test_clips_come_before_golden_frames(tiny_bundle: Bundle) -> None:
    clips = Clips("some/x.npz", tiny.labelled_clips(100)["clips"])
    found = choose_frames(tiny_bundle, clips, None)
    assert (found.origin, len(found.pixels)) == ("x.npz", MAX_FRAMES)
    assert (found.pixels[5] == clips.windows[1][1][..., ::-1]).all()


def test_without_any_frames_the_options_are_named(tiny_bundle: Bundle) -> None:
    bare = Bundle(tiny_bundle.manifest, {})
    with pytest.raises(BundleError, match="give --source or --data"):
        choose_frames(bare, None, None)


def test_written_images_read_back_in_order(tmp_path) -> None:
    frames = BenchFrames("golden frames", tuple(tiny.frames(3)))
    frames.write_images(tmp_path, 5)
    with open_source(str(tmp_path)) as source:
        read = [frame.pixels for frame in source]
    assert [(a == b).all() for a, b in zip(read, [*frames.pixels, *frames.pixels])] == [True] * 5
