"""Everybody in the image: boxes, numbers, zones and answers, inside it and beside each other."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge.input_spec import Box
from edge.scene import Presence, SceneView
from edge.sinks import labels, lettering
from edge.sinks.draw import Annotator
from edge.sinks.video import VideoFileSink
from edge.stream import Decision, Frame, TrackInfo
from edge.tasks import Prediction

SCORES = np.zeros(2, np.float32)
TASKS = ("action", "age", "descriptor")
ANSWERS = {
    "action": Prediction(SCORES, label="waves", p=0.93, index=1),
    "age": Prediction(SCORES, value=34.2, unit="years"),
    "descriptor": Prediction(SCORES, vector=(0.6, 0.8)),
}
SINCE = datetime(2026, 11, 26, 14, 3, 7, tzinfo=timezone.utc)
GREY = 90


def _frame(number: int = 0, time_s: float = 0.0, height: int = 480, width: int = 640) -> Frame:
    return Frame(np.full((height, width, 3), GREY, np.uint8), number, time_s=time_s)


def _track(number: int = 1, box: Box = (200, 200, 60, 150), **fields: Any) -> TrackInfo:
    return TrackInfo(number, box, **fields)


def _decided(track: TrackInfo, **answers: Prediction) -> Decision:
    return Decision(0, 0.0, 1.0, {}, {**ANSWERS, **answers}, track=track)


def _view(*tracks: TrackInfo, decided: bool = True, **fields: Any) -> SceneView:
    decisions = [_decided(track) for track in tracks] if decided else []
    return SceneView(0, tracks, decisions, Presence(len(tracks), SINCE), **fields)


def _drawn(view: SceneView, frame: Frame | None = None) -> np.ndarray:
    annotator = Annotator(TASKS)
    annotator.show_people(view)
    return annotator(frame or _frame(), view.decisions)


def _changed(image: np.ndarray) -> Box:
    """What of a grey frame's image is something else now."""
    rows, columns = np.nonzero((image[:480] != GREY).any(-1))
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written into images."""
    written: list[str] = []
    write = lettering.write

    def remember(image: np.ndarray, text: str, *arguments: Any) -> None:
        written.append(text)
        write(image, text, *arguments)

    monkeypatch.setattr(lettering, "write", remember)
    return written


def test_a_person_has_a_box_a_number_and_answers(texts: list[str]) -> None:
    image = _drawn(_view(_track(7)))
    assert texts == [
        "1 person since 14:03:07 UTC   frame 0", "#7", "action waves 0.93", "age 34.2 years",
    ]  # fmt: skip
    left, top, width, height = _changed(image)
    assert left == pytest.approx(200, abs=2)
    assert top + height == pytest.approx(350, abs=2)
    assert width > 60 and top < 200 - 3 * 18


def test_nobody_there_is_said(texts: list[str]) -> None:
    image = _drawn(_view(), _frame(12))
    assert texts == ["nobody since 14:03:07 UTC   frame 12"]
    assert (image[:480] == GREY).all()


def test_a_known_person_is_called_by_name_and_one_without_an_answer_waits(texts: list[str]) -> None:
    _drawn(_view(_track(1, name="Jürgen"), decided=False))
    assert texts[1:] == ["#1 Jürgen ..."]


def test_the_time_in_a_zone_is_said(texts: list[str]) -> None:
    _drawn(_view(_track(zones={"door": 12.4})))
    assert texts[-1] == "in door for 12 s"


def test_a_name_of_a_gallery_stands_with_how_sure_it_is(texts: list[str]) -> None:
    anna = replace(ANSWERS["descriptor"], label="anna", similarity=0.71)
    view = _view(_track())
    _drawn(replace(view, decisions=[_decided(view.tracks[0], descriptor=anna)]))
    assert texts[-1] == "descriptor anna 0.71"


def test_an_answer_stays_and_its_age_is_said_once_it_is_old(texts: list[str]) -> None:
    annotator, track = Annotator(TASKS), _track()
    heads = []
    for time_s in (0.0, 0.9, 1.0, 2.6):
        annotator.show_people(_view(track, decided=not time_s))
        annotator(_frame(time_s=time_s), ())
        heads += [text for text in texts if text.startswith("#")]
        texts.clear()
    assert heads == ["#1", "#1", "#1  1 s ago", "#1  3 s ago"]


def test_a_frame_that_nothing_looked_at_makes_no_answer_newer(texts: list[str]) -> None:
    annotator = Annotator(TASKS)
    annotator.show_people(_view(_track()))
    for time_s in (0.0, 2.0):
        annotator(_frame(time_s=time_s), ())
    assert [text for text in texts if text.startswith("#")] == ["#1", "#1  2 s ago"]


def test_whoever_left_takes_the_answers_along(texts: list[str]) -> None:
    annotator = Annotator(TASKS)
    for view in (_view(_track()), _view(), _view(_track(), decided=False)):
        annotator.show_people(view)
        annotator(_frame(), ())
    assert texts[-1] == "#1 ..."


def test_people_have_colours_and_hidden_ones_dashes() -> None:
    def box_pixels(track: TrackInfo) -> tuple[int, list[int]]:
        image = _drawn(_view(track, decided=False))
        column = image[240:310, 200]  # of the left side
        inked = (column != GREY).any(-1)
        return int(inked.sum()), column[inked].max(0).tolist()

    count, colour = box_pixels(_track(1))
    other_count, other_colour = box_pixels(_track(2))
    dashes, same_colour = box_pixels(_track(1, is_hidden=True))
    assert count == other_count == 70
    assert colour == same_colour != other_colour
    assert 0.3 * count < dashes < 0.8 * count


def test_a_zone_has_an_outline_and_a_name_inside_the_image(texts: list[str]) -> None:
    corners = np.array([[-40.0, 300.0], [200.0, 330.0], [100.0, 700.0]])
    image = _drawn(_view(zones={"door": corners}))
    assert texts[-1] == "door"
    left, top, width, height = _changed(image)
    assert (left, top + height) == (0, 480) and top > 290 and left + width < 210


SQUARE = np.array([[200.0, 100.0], [400.0, 100.0], [400.0, 300.0], [200.0, 300.0]])
LOW = SQUARE * (1, 0.02) + (0, 468)  # all names would stand in the last line


@pytest.mark.parametrize("corners", [SQUARE, LOW, SQUARE * 0, SQUARE + 239])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_no_zone_hides_the_name_of_another(
    monkeypatch: pytest.MonkeyPatch, texts: list[str], corners: np.ndarray, count: int
) -> None:
    places: list[Box] = []
    place = labels.place_at_corner
    monkeypatch.setattr(
        labels, "place_at_corner", lambda *a: places.append(place(*a)) or places[-1]
    )
    _drawn(_view(zones={f"zone {n}": corners for n in range(count)}))
    assert texts[-count:] == [f"zone {n}" for n in range(count)]
    assert all(left >= 0 and top >= 0 for left, top, *_ in places)
    assert all(left + wide <= 640 and top + high <= 480 for left, top, wide, high in places)
    for one, other in itertools.combinations(places, 2):
        assert labels._common([one], array([other])).tolist() == [[0]]


def test_zones_with_one_top_corner_have_names_at_corners_of_their_own() -> None:
    first = labels.place_at_corner(SQUARE, (50, 20), array(), (640, 480))
    second = labels.place_at_corner(SQUARE, (50, 20), array([first]), (640, 480))
    assert (first, second) == ((200, 100, 50, 20), (400, 100, 50, 20))


@pytest.mark.parametrize(("height", "width"), [(240, 320), (480, 640), (2160, 3840), (16, 8)])
def test_images_of_all_sizes_have_lines_that_can_be_read(height: int, width: int) -> None:
    frame = _frame(height=height, width=width)
    box = (width // 4, height // 4, width // 4, height // 2)
    image = _drawn(
        _view(_track(box=box), zones={"yard": np.array([[0, 0], [9, 0], [9, 9]])}), frame
    )
    assert image.shape[1] == max(640, width)
    assert image.shape[0] % 2 == image.shape[1] % 2 == 0
    picture_height = round(height * image.shape[1] / width)
    line = (image.shape[0] - picture_height) / 2
    assert line == pytest.approx(max(18, picture_height / 36), abs=1)


def test_frames_stay_as_high_however_many_people_there_are() -> None:
    tracks = [_track(n, (n * 3, n * 4, 20, 60)) for n in range(1, 60)]
    assert _drawn(_view()).shape == _drawn(_view(*tracks)).shape


def test_labels_of_people_beside_each_other_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[Box] = []
    place = labels.place
    monkeypatch.setattr(labels, "place", lambda *a: places.append(place(*a)) or places[-1])
    boxes = [(n * 70, 220 + 10 * (n % 3), 40, 110) for n in range(9)]
    _drawn(_view(*(_track(n, box) for n, box in enumerate(boxes))))
    assert len(places) == 9
    for one, other in itertools.combinations(places, 2):
        assert labels._common([one], array([other])).tolist() == [[0]]


def array(boxes: Sequence[Box] = ()) -> np.ndarray:
    return np.reshape(boxes, (-1, 4))


def test_a_thousand_people_are_drawn() -> None:
    tracks = [_track(n, (n % 40 * 15, n // 40 * 18, 12, 16)) for n in range(1, 1001)]
    assert _drawn(_view(*tracks)).any()


BOXES = st.tuples(
    st.integers(-50, 700), st.integers(-50, 700), st.integers(0, 700), st.integers(0, 700)
)
SIZES = st.tuples(st.integers(1, 640), st.integers(1, 480))


@settings(max_examples=200, deadline=None)
@given(BOXES, st.lists(SIZES, min_size=1, max_size=3), st.lists(BOXES, max_size=4))
def test_a_label_is_inside_the_image(
    box: Box, sizes: Sequence[tuple[int, int]], others: list[Box]
) -> None:
    left, top, width, height = labels.place(
        box, sizes, array(others), array([box, *others]), (640, 480)
    )
    assert (width, height) in sizes
    assert 0 <= left <= 640 - width and 0 <= top <= 480 - height


def test_a_label_without_room_has_fewer_lines() -> None:
    box, sizes = (50, 100, 40, 80), ((150, 80), (150, 40), (40, 20))

    def size_beside(*used: Box) -> tuple[int, int]:
        return labels.place(box, sizes, array(used), array(), (200, 200))[2:]

    assert size_beside() == (150, 80)
    assert size_beside((0, 0, 200, 55), (0, 120, 200, 80)) == (150, 40)
    assert size_beside((0, 0, 200, 200)) == (40, 20)


def test_long_texts_are_cut() -> None:
    assert lettering.shortened("short", 18, 300) == "short"
    cut = lettering.shortened("a label of many words that goes on and on", 18, 120)
    assert cut.endswith("...") and lettering.width_of(cut, 18) <= 120
    assert lettering.shortened("x" * 9, 18, 1) == "..."


def test_a_video_shows_who_is_there(tmp_path: Path) -> None:
    path = tmp_path / "out.avi"
    with VideoFileSink(str(path), 10.0, TASKS) as sink:
        for view in (_view(), _view(_track())):
            sink.show_people(view)
            sink.take(_frame(), view.decisions)
    capture = cv2.VideoCapture(str(path))
    before, after = capture.read()[1][:480], capture.read()[1][:480]
    assert np.abs(before.astype(int) - GREY).max() < 12
    assert (np.abs(after.astype(int) - GREY) > 40).any()
