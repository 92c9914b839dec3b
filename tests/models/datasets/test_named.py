import numpy as np

from edge_convert.request import NAMES
from edge_models.datasets.named import named_clips


def test_every_name_gives_labelled_clips_of_the_wanted_form() -> None:
    for name in NAMES:
        clips = named_clips(name, window=2, size=(24, 20))
        assert clips.windows.shape[1:] == (2, 20, 24, 3) and clips.windows.dtype == np.uint8
        assert set(clips.labels) == {"reid", "action"} and len(clips.labels["reid"]) == len(clips)


def test_no_photo_is_in_both_parts() -> None:
    train, test = (named_clips(name, 1, (20, 20)) for name in NAMES)
    assert (len(train), len(test)) == (320, 960)
    assert sorted(set(test.labels["reid"])) == list(range(40))
