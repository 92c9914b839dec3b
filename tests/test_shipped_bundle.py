"""The bundle inside of the package: small enough, honest about itself, and free to ship."""

import numpy as np

from edge.bundle import open_bundle
from edge.shipped import find_bundle, shipped_bundles


def test_it_opens_under_its_name() -> None:
    assert shipped_bundles() == ["faces-in-motion"]
    assert open_bundle().manifest.name == "faces-in-motion"


def test_it_is_at_most_6_mb() -> None:
    assert find_bundle("faces-in-motion").stat().st_size <= 6_000_000


def test_it_says_where_it_comes_from() -> None:
    manifest = open_bundle().manifest
    assert "Apache-2.0" in manifest.licence
    assert manifest.weights_source
    assert manifest.frame_rate_hz == 25.0


def test_its_accuracy_was_measured_and_int8_loses_at_most_a_point() -> None:
    measured = {(a.task, a.graph): a for a in open_bundle().manifest.accuracy}
    for task in ("reid", "action"):
        floating, streamed = measured[task, "float"], measured[task, "streamed"]
        assert floating.n == streamed.n == 960
        assert floating.value >= 0.95
        assert streamed.value >= floating.value - 0.01


def test_every_part_ran_on_litert() -> None:
    trials = {(t.part, t.runtime): t.ok for t in open_bundle().manifest.trials}
    assert trials["encoder.tflite", "litert"]
    assert trials["head.tflite", "litert"]


def test_its_golden_frames_are_no_photos_of_the_data_set() -> None:
    """They show a public-domain photo; all is grey, as the network was trained."""
    frames = open_bundle().golden["frames"]
    assert frames.shape[1:] == (100, 100, 3)
    assert np.array_equal(frames[..., 0], frames[..., 1])
