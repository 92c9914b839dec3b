"""Enrolling who a detector finds, and names that tracks keep."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import Bundle, write_bundle
from edge.cli import main
from edge.people.gallery import Gallery, read_gallery
from edge.people.recogniser import Recogniser
from edge.people.track_names import TrackNames
from edge.tasks import UNKNOWN, Task, kind_of
from tests.detectors import ssd
from tests.edge.people.conftest import FRAMES, film_of

FACE = [0.25, 0.25, 0.75, 0.75]  # of the frame: 16, 12, 48, 36


def detector_at(folder: Path, boxes: list[list[float]], margin: float = 0.0) -> Path:
    path = folder / "faces.edge"
    bundle = ssd(boxes, [0.9] * len(boxes), margin=margin)
    write_bundle(path, bundle.manifest, bundle.members)
    return path


def photo(person: int, number: int = 0) -> np.ndarray:
    """A face of 32 x 32 in the middle of grey."""
    pixels = np.full((64, 64, 3), 128, np.uint8)
    pixels[16:48, 16:48] = film_of(person)[number]
    return pixels


def photos(folder: Path, person: int, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.png"), photo(person, number))
    return folder


def enroll(cli: CliRunner, who_path: Path, gallery: Path, *arguments: object):
    command = ["enroll", "anna", "--bundle", who_path, "--gallery", gallery, *arguments]
    return cli.invoke(main, list(map(str, command)))


@pytest.fixture
def cli() -> CliRunner:
    return CliRunner()


def test_each_photo_is_a_descriptor_of_the_face_in_it(
    cli: CliRunner, who_path: Path, tmp_path: Path
) -> None:
    """As if it alone had been enrolled, cut out by hand."""
    folder, gallery = photos(tmp_path / "photos", 0, 3), tmp_path / "a.npz"
    finder = detector_at(tmp_path, [FACE])
    result = enroll(cli, who_path, gallery, "--source", folder, "--detector", finder)
    assert result.exit_code == 0, result.output
    assert "anna by 3 descriptors of 3 frames" in result.output
    (tmp_path / "still").mkdir()
    for number in range(4):
        cv2.imwrite(str(tmp_path / "still" / f"{number}.png"), film_of(0)[1])
    by_hand = tmp_path / "b.npz"
    assert enroll(cli, who_path, by_hand, "--source", tmp_path / "still").exit_code == 0
    descriptors = read_gallery(gallery).people["anna"]
    assert np.array_equal(descriptors[1], read_gallery(by_hand).people["anna"][0])


def test_a_film_is_enrolled_by_windows_of_the_face(
    cli: CliRunner, who_path: Path, tmp_path: Path
) -> None:
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 64))
    for number in range(FRAMES):
        writer.write(photo(1, number))
    writer.release()
    finder = detector_at(tmp_path, [FACE])
    arguments = ("--source", film, "--detector", finder, "--descriptors", 4)
    result = enroll(cli, who_path, tmp_path / "a.npz", *arguments)
    assert result.exit_code == 0, result.output
    assert "anna by 4 descriptors of 19 frames" in result.output


BESIDE = [0.25, 0.0, 0.75, 0.2]


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([FACE, FACE[::-1]], ""),
        ([FACE, [0.0, 0.0, 0.5, 0.5]], "2 of 2 frames show several faces"),
        ([], "2 of 2 frames show no face"),
    ],
)
def test_who_is_not_alone_is_not_enrolled(
    cli: CliRunner, who_path: Path, tmp_path: Path, boxes: list, message: str
) -> None:
    folder, gallery = photos(tmp_path / "photos", 0, 2), tmp_path / "a.npz"
    finder = detector_at(tmp_path, boxes or [[0.5, 0.5, 0.5, 0.5]])
    result = enroll(cli, who_path, gallery, "--source", folder, "--detector", finder)
    assert (result.exit_code == 2) == bool(message)
    assert message in result.stderr and gallery.exists() != bool(message)


def test_a_small_face_behind_does_not_matter(
    cli: CliRunner, who_path: Path, tmp_path: Path
) -> None:
    folder, finder = photos(tmp_path / "photos", 0, 1), detector_at(tmp_path, [BESIDE, FACE])
    arguments = ("--source", folder, "--detector", finder)
    assert enroll(cli, who_path, tmp_path / "a.npz", *arguments).exit_code == 0


def test_a_region_and_a_detector_contradict_each_other(
    cli: CliRunner, who_path: Path, tmp_path: Path
) -> None:
    arguments = ("--source", tmp_path, "--detector", "x", "--region", "square")
    result = enroll(cli, who_path, tmp_path / "a.npz", *arguments)
    assert result.exit_code == 2
    assert "--region goes without --detector" in result.stderr


PEOPLE = {"anna": [1, 0, 0], "bert": [0, 1, 0]}
ANNA, ANNA_BLURRED, BERT, NOBODY = [1.0, 0, 0], [0.9, 0, 0.436], [0, 1.0, 0], [0, 0, 1.0]


@pytest.fixture
def names() -> TrackNames:
    gallery = Gallery("", "who", "who", 3)
    for name, vector in PEOPLE.items():
        gallery = gallery.with_person(name, np.array([vector], np.float32))
    return TrackNames(Recogniser(gallery, 0.8))


def say(names: TrackNames, number: int, vector: list[float]) -> tuple[str, float]:
    answer = kind_of(Task("who", "embedding")).predict(np.array(vector, np.float32))
    prediction = names(number, {"who": answer})["who"]
    return prediction.label, round(prediction.similarity, 2)


def test_a_known_person_keeps_the_name_while_the_track_lasts(names: TrackNames) -> None:
    assert say(names, 1, NOBODY) == (UNKNOWN, 0.0)
    assert [say(names, 1, v) for v in (ANNA, NOBODY, BERT, ANNA)] == [
        ("anna", 1.0), ("anna", 0.0), ("anna", 0.0), ("anna", 1.0),
    ]  # fmt: skip
    assert names.name_of(1) == "anna"
    names.forget(1)
    assert names.name_of(1) is None
    assert say(names, 2, ANNA_BLURRED) == ("anna", 0.9)


def test_a_first_mistake_is_outvoted(names: TrackNames) -> None:
    assert [say(names, 1, v)[0] for v in (BERT, ANNA, ANNA)] == ["bert", "bert", "anna"]
    assert say(names, 2, BERT)[0] == "bert"


def test_nobody_is_there_twice(names: TrackNames) -> None:
    assert say(names, 1, ANNA)[0] == "anna"
    assert say(names, 2, ANNA_BLURRED)[0] == UNKNOWN
    assert (names.name_of(1), names.name_of(2)) == ("anna", None)


def test_the_more_similar_one_gets_the_name(names: TrackNames) -> None:
    assert say(names, 1, ANNA_BLURRED)[0] == "anna"
    assert say(names, 2, ANNA)[0] == "anna"
    assert names.name_of(1) is None
    assert say(names, 1, ANNA_BLURRED)[0] == UNKNOWN


def test_what_is_no_number_names_nobody(names: TrackNames) -> None:
    assert say(names, 1, [np.nan, 0, 0]) == (UNKNOWN, -1.0)


def test_tracks_are_named_in_a_scene(who: Bundle, tmp_path: Path) -> None:
    from edge.scene import Scene
    from edge.stream import Stream

    known = Stream(who)
    *_, decision = [known.push(pixels) for pixels in film_of(0)]
    gallery = Gallery.of(who).with_person("anna", decision.tasks["who"].scores[None])
    scene = Scene(who, ssd([FACE], [0.9], margin=0.0), recogniser=Recogniser(gallery, 0.9))
    views = [scene.push(photo(0, number)) for number in range(FRAMES)]
    assert views[-1].tracks[0].name == "anna"
    last = views[-1].decisions[0]
    assert (last.track.name, last.tasks["who"].label) == ("anna", "anna")
    assert last.to_json()["track"]["name"] == "anna"
    assert SimpleNamespace(**last.to_json()["tasks"]["who"]).similarity > 0.9
