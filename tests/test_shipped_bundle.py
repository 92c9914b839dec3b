"""The bundles inside of the package: small enough, honest about themselves, and free to ship."""

import numpy as np
import pytest

from edge.bundle import Bundle, open_bundle
from edge.check.self_test import self_test
from edge.people.recogniser import acceptance_of
from edge.shipped import DEFAULT_BUNDLE, find_bundle, shipped_bundles


def test_they_open_under_their_names() -> None:
    assert shipped_bundles() == ["face", "face-finder", "faces-in-motion", "person"]
    assert open_bundle().manifest.name == DEFAULT_BUNDLE == "face"
    assert open_bundle("face").manifest.name == "face"


@pytest.mark.parametrize("name", shipped_bundles())
def test_each_is_at_most_6_mb(name: str) -> None:
    assert find_bundle(name).stat().st_size <= 6_000_000


def test_it_says_where_it_comes_from() -> None:
    manifest = open_bundle("faces-in-motion").manifest
    assert "Apache-2.0" in manifest.licence
    assert manifest.weights_source
    assert manifest.frame_rate_hz == 25.0


def test_its_accuracy_was_measured_and_int8_loses_at_most_a_point() -> None:
    measured = {(a.task, a.graph): a for a in open_bundle("faces-in-motion").manifest.accuracy}
    for task in ("reid", "action"):
        floating, streamed = measured[task, "float"], measured[task, "streamed"]
        assert floating.n == streamed.n == 960
        assert floating.value >= 0.95
        assert streamed.value >= floating.value - 0.01


def test_every_part_ran_on_litert() -> None:
    trials = {(t.part, t.runtime): t.ok for t in open_bundle("faces-in-motion").manifest.trials}
    assert trials["encoder.tflite", "litert"]
    assert trials["head.tflite", "litert"]


def test_its_golden_frames_are_no_photos_of_the_data_set() -> None:
    """They show a public-domain photo; all is grey, as the network was trained."""
    frames = open_bundle("faces-in-motion").golden["frames"]
    assert frames.shape[1:] == (100, 100, 3)
    assert np.array_equal(frames[..., 0], frames[..., 1])


@pytest.fixture(scope="module")
def face() -> Bundle:
    return open_bundle("face")


def test_face_answers_age_gender_and_a_descriptor_in_int8(face: Bundle) -> None:
    tasks = {task.name: task for task in face.manifest.tasks}
    assert (tasks["age"].kind, tasks["age"].unit) == ("regression", "years")
    assert (tasks["gender"].kind, tasks["gender"].labels) == ("binary", ("female", "male"))
    assert tasks["descriptor"].kind == "embedding"
    assert face.manifest.part("encoder").precision == "int8"
    assert "MIT" in face.manifest.licence and "HSE_FaceRec_tf" in face.manifest.weights_source


def test_face_knows_people_again_and_says_from_when_on(face: Bundle) -> None:
    measured = {a.graph: a for a in face.manifest.accuracy if a.task == "descriptor"}
    assert measured["float"].n == measured["streamed"].n == 400
    assert measured["streamed"].value >= measured["float"].value - 0.005
    accepted = acceptance_of(face)
    assert accepted.task == "descriptor" and 0.5 < accepted.threshold < 0.8
    assert accepted.false_accept_rate == 0.001 and accepted.people == 10


def test_face_answers_its_golden_frames_as_when_it_was_made(face: Bundle) -> None:
    assert self_test(face).decisions == 4
    golden = face.golden
    assert golden["frames"].shape[1:] == (224, 224, 3)
    assert np.array_equal(golden["frames"][..., 0], golden["frames"][..., 1])  # the grey photo
    np.testing.assert_allclose(np.linalg.norm(golden["descriptor"], axis=1), 1.0, atol=0.01)
    years = 100.0 * golden["age"][:, 0]
    assert (years > 20).all() and (years < 60).all() and np.ptp(years) < 3
    assert (golden["gender"] < 0.5).all()


DETECTORS = {"person": "person", "face-finder": "face"}


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_its_golden_boxes(name: str) -> None:
    bundle = open_bundle(name)
    assert bundle.manifest.detection and bundle.manifest.detection.labels == (DETECTORS[name],)
    assert self_test(bundle).decisions >= 4  # the astronaut stands in each frame twice, or her face
    assert bundle.manifest.licence and bundle.manifest.weights_source
    assert bundle.manifest.parts[0].precision == "int8"


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_in_int8_loses_at_most_a_point(name: str) -> None:
    measured = {(a.metric, a.graph): a for a in open_bundle(name).manifest.accuracy}
    floating, streamed = (measured["average precision in %", g] for g in ("float", "streamed"))
    assert floating.n == streamed.n >= 100
    assert streamed.value >= floating.value - 1
    assert streamed.low <= streamed.value <= streamed.high


def test_the_detector_of_people_costs_less_than_half_of_the_network_it_is_made_of() -> None:
    """Which takes 1,295 million multiply-adds for 80 classes in 512 x 512 pixels."""
    manifest = open_bundle("person").manifest
    assert manifest.last_part.multiply_adds <= 0.5 * 1_295_000_000
    assert manifest.input.resize.kind == "letterbox"
