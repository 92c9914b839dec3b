"""Points and maps: what is read of an output, and where it stands in the frame and the picture."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.events.alert import Alert, AlertError
from edge.input_spec import InputSpec, Resize
from edge.sinks.draw import annotate, draw_figures
from edge.stream import Decision, Frame, Region
from edge.stream.preprocess import Resizer, input_box
from edge.tasks import Map, PointForm, Prediction, Task, kind_of
from edge.web.picture import PictureEncoder
from edge.web.watch import Shot

POSE = Task("pose", "keypoints", ("nose", "hand"))
HEAT = Task("pose", "heat-map", ("nose", "hand"), grid=(4, 8))
ROAD = Task("road", "map", ("road",), grid=(2, 3))
SCENE = Task("scene", "map", ("background", "car", "person"), grid=(2, 2))
BOX = (10.0, 20.0, 200.0, 100.0)


def numbers(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("points", "values", "expected"),
    [
        (None, (0.5, 0.25, 1.0, 0.0), {"nose": [110, 45], "hand": [210, 20]}),
        (None, (0.5, 0.25, 0.9, 1, 0, 0.2), {"nose": [110, 45, 0.9], "hand": [210, 20, 0.2]}),
        (PointForm("yx"), (0.25, 0.5, 0.9, 0, 1, 0.2),
         {"nose": [110, 45, 0.9], "hand": [210, 20, 0.2]}),
        (PointForm(coordinates="centred"), (0, -0.5, 1, -1), {"nose": [110, 45], "hand": [210, 20]}),
        (PointForm(coordinates="pixels"), (16, 4, 32, 0), {"nose": [110, 45], "hand": [210, 20]}),
    ],
)  # fmt: skip
def test_points_stand_in_pixels_of_the_frame(points, values, expected) -> None:
    kind = kind_of(Task("pose", "keypoints", POSE.labels, points=points))
    answer = kind.placed(kind.predict(numbers(*values)), BOX, (32, 16))
    points = json.loads(json.dumps(answer.to_json()))["points"]
    assert points == {name: pytest.approx(point) for name, point in expected.items()}
    assert str(answer) == "2 points" and not kind.problem(len(values))


@pytest.mark.parametrize(
    ("points", "values"),
    [
        (None, (0.25, 0.5, 0.75, 1.0)),
        (PointForm("yxyx"), (0.5, 0.25, 1.0, 0.75)),
        (PointForm("xywh"), (0.25, 0.5, 0.5, 0.5)),
        (PointForm("cxcywh"), (0.5, 0.75, 0.5, 0.5)),
        (PointForm("xyxy", "pixels"), (8, 8, 24, 16)),
        (PointForm("cxcywh", "pixels"), (16, 12, 16, 8)),
        (PointForm("xyxy", "centred"), (-0.5, 0, 0.5, 1)),
    ],
)
def test_boxes_stand_in_pixels_of_the_frame(points, values) -> None:
    kind = kind_of(Task("hand", "box", ("hand",), points=points))
    for score in ((), (0.5,)):
        output = numbers(*values, *score)
        answer = kind.placed(kind.predict(output), BOX, (32, 16))
        assert answer.to_json() == {"boxes": {"hand": pytest.approx([60, 70, 100, 50, *score])}}
        assert str(answer) == "1 box" and not kind.problem(len(output))
        assert kind.figures(output[None], numbers(*values)[None, None]).tolist() == [0.0]


def test_boxes_are_scored_by_what_they_do_not_share() -> None:
    kind = kind_of(Task("pair", "box", ("left", "right")))
    outputs = numbers(0, 0, 1, 1, 0, 0, 1, 1)[None]
    labels = np.array([[[0, 0, 0.5, 1], [2, 2, 3, 3]]])
    assert kind.figures(outputs, labels).tolist() == [pytest.approx(0.75)]
    assert kind.similarity(outputs, outputs).tolist() == [1.0]
    assert kind.label_problem(labels) == ""
    assert "four numbers of 2 boxes a clip are needed, (N, 2, 4)" in kind.label_problem(
        labels[:, :1]
    )


def test_boxes_are_drawn_where_they_are_sure_enough() -> None:
    frame = Frame(np.zeros((120, 160, 3), np.uint8), 0, 0.0)
    boxes = {"a": (20.0, 30.0, 60.0, 50.0, 0.9), "b": (100.0, 30.0, 40.0, 50.0, 0.1)}
    decision = Decision(0, 0.0, 1.0, {}, {"hand": Prediction(numbers(0), boxes=boxes)})
    drawn = draw_figures(frame.pixels, [decision], 2.0 / 2)
    assert drawn[30, 50].any() and drawn[80, 50].any() and not drawn[30:80, 95:].any()
    assert not frame.pixels.any()


def test_points_are_scored_by_their_mean_distance() -> None:
    kind = kind_of(POSE)
    outputs = numbers(0, 0, 1, 1)[None]
    labels = np.array([[[0.3, 0.4], [1, 1]]])
    assert kind.figures(outputs, labels).tolist() == pytest.approx([0.25])
    assert kind.label_problem(labels) == ""
    assert "x and y of 2 points a clip are needed, (N, 2, 2)" in kind.label_problem(labels[:, :1])
    assert kind.similarity(outputs, outputs).tolist() == [1.0]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task("p", "keypoints", ("a", "a")), "has a point twice"),
        (
            Task("p", "keypoints", ("a", "b"), points=PointForm("zx")),
            "in the order 'zx'; there are xy, yx",
        ),
        (
            Task("p", "keypoints", ("a", "b"), points=PointForm(coordinates="cm")),
            "has cm coordinates",
        ),
        (Task("p", "keypoints", ("a", "b"), points=PointForm(skeleton=(("a", "c"),))), "names 'c'"),
        (Task("p", "keypoints", ("a", "b", "c")), "4 values for 'p'"),
        (Task("p", "map", ("a",), grid=(2, 3)), "4 values for 'p'"),
        (Task("p", "box", ("a", "b")), "4 values for 'p'"),
        (Task("p", "box", ("a",), points=PointForm("xy")), "there are xyxy, yxyx, xywh, cxcywh"),
        (Task("p", "map", ("a",), thresholds=(2.0,), grid=(2, 2)), "thresholds beyond 0 to 1"),
        (Task("p", "map", ("a",), thresholds=(0.5, 0.4), grid=(2, 2)), "2 thresholds for 1 labels"),
        (Task("p", "map", ("a",), grid=(-2, -2)), "4 values for 'p'"),
        (
            Task("p", "heat-map", ("a",), points=PointForm("yx"), grid=(2, 2)),
            "only the skeleton can",
        ),
        (Task("p", "classification", ("a",) * 4, grid=(2, 2)), "which has no grid"),
    ],
)
def test_a_task_that_cannot_be_is_refused(task: Task, message: str) -> None:
    assert message in kind_of(task).problem(4)


def test_a_heat_map_is_a_point_each() -> None:
    maps = np.zeros((4, 8, 2), np.float32)
    maps[1, 6, 0], maps[3, 0, 1] = 0.8, 0.3
    kind = kind_of(HEAT)
    answer = kind.placed(kind.predict(maps.ravel()), BOX, (32, 16))
    assert answer.points["nose"] == pytest.approx((10 + 200 * 6.5 / 8, 20 + 100 * 1.5 / 4, 0.8))
    assert answer.points["hand"] == pytest.approx((10 + 200 * 0.5 / 8, 20 + 100 * 3.5 / 4, 0.3))


def test_a_map_says_how_much_of_the_picture_a_label_has_and_where_it_peaks() -> None:
    kind = kind_of(ROAD)
    answer = kind.placed(kind.predict(numbers(0.1, 0.6, 0.2, 0.4, 0.5, 0.9)), BOX, (3, 2))
    assert answer.to_json() == {"areas": {"road": {"share": 0.5, "peak": [176.67, 95.0, 0.9]}}}
    assert answer.mask.tolist() == [[0, 1, 0], [0, 1, 1]] and str(answer) == "road 50 %"


def test_of_several_labels_one_holds_at_each_place_or_each_by_its_threshold() -> None:
    values = numbers(0.7, 0.2, 0.1, 0.1, 0.5, 0.4, 0.1, 0.2, 0.7, 0.4, 0.3, 0.3)
    one = kind_of(SCENE).predict(values)
    assert {x: a.share for x, a in one.areas.items()} == {
        "background": 0.5,
        "car": 0.25,
        "person": 0.25,
    }
    assert one.mask.tolist() == [[0, 2], [3, 0]]  # the background is not drawn
    each = Map(Task("s", "map", SCENE.labels, thresholds=(0.9, 0.3, 0.4), grid=(2, 2)))
    assert [a.share for a in each.predict(values).areas.values()] == [0.0, 0.5, 0.5]
    assert (kind_of(SCENE).ending, each.ending, kind_of(ROAD).ending) == (
        "softmax",
        "sigmoid",
        "sigmoid",
    )


def test_a_map_is_scored_by_pixels_that_are_wrong() -> None:
    kind = kind_of(ROAD)
    outputs = numbers(0.1, 0.6, 0.2, 0.4, 0.5, 0.9)[None]
    labels = np.array([[[0, 1, 0], [0, 0, 1]]])
    assert kind.figures(outputs, labels).tolist() == pytest.approx([1 / 6])
    assert not kind.label_problem(labels)
    assert "whole numbers (N, 2, 3) are needed" in kind.label_problem(labels[:, 0])
    assert "they go from 0 to 1" in kind.label_problem(labels * 3)


@given(
    st.sampled_from(["stretch", "letterbox", "crop"]),
    st.integers(60, 200), st.integers(60, 200), st.booleans(), st.floats(0.3, 0.7),
    st.floats(0.3, 0.7),
)  # fmt: skip
def test_what_is_seen_in_the_input_stands_there_in_the_frame(
    way: str, height: int, width: int, is_part: bool, across: float, down: float
) -> None:
    region = Region("box", (10, 5, width - 20, height - 15)) if is_part else Region("full")
    left, top, wide, high = region.locate(height, width)
    side = min(wide, high)
    x = round(left + wide / 2 + (across - 0.5) * side / 2)
    y = round(top + high / 2 + (down - 0.5) * side / 2)
    frame = np.zeros((height, width, 3), np.uint8)
    cv2.rectangle(frame, (x - 4, y - 4), (x + 4, y + 4), (255, 255, 255), cv2.FILLED)
    spec = InputSpec(48, 64, resize=Resize(way))
    seen = Resizer(spec.size, spec.resize)(frame, region)[..., 0].astype(float)
    rows, columns = np.mgrid[:48, :64] + 0.5
    centre = (columns * seen).sum() / seen.sum() / 64, (rows * seen).sum() / seen.sum() / 48
    answer = Prediction(numbers(0), points={"dot": centre}).placed(
        input_box(spec, region, height, width)
    )
    assert answer.points["dot"] == pytest.approx((x + 0.5, y + 0.5), abs=1.5)


def drawn(answer: Prediction) -> np.ndarray:
    decision = Decision(0, 0.0, 1.0, {}, {"task": answer})
    return annotate(np.full((240, 480, 3), 40, np.uint8), [decision], ["task"])[:240]


def test_points_and_the_lines_between_them_are_drawn() -> None:
    task = Task(
        "p", "keypoints", ("a", "b", "c"), points=PointForm(skeleton=(("a", "b"), ("a", "c")))
    )
    answer = kind_of(task).predict(numbers(0.25, 0.5, 0.9, 0.75, 0.5, 0.9, 0.5, 0.9, 0.1))
    picture = drawn(answer.placed((0, 0, 480, 240)))
    is_drawn = (picture != 40).any(axis=2)
    assert is_drawn[120, 120] and is_drawn[120, 360] and is_drawn[120, 240]  # points, and the line
    assert not is_drawn[216, 240] and not is_drawn[:100].any()  # a point that is unsure


def test_the_page_shows_them_in_the_frame_that_it_sends() -> None:
    answer = kind_of(POSE).predict(numbers(0.25, 0.5, 0.75, 0.5)).placed((0, 0, 960, 480))
    frame = Frame(np.full((480, 960, 3), 40, np.uint8), 0)
    shot = Shot(frame, newest=Decision(0, 0.0, 1.0, {}, {"pose": answer}))
    jpeg = PictureEncoder(["pose"], None).encode(shot)
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
    is_drawn = (abs(picture - 40) > 30).any(axis=2)
    assert is_drawn[240, 240] and is_drawn[240, 720] and not is_drawn[:200].any()
    assert (frame.pixels == 40).all()


def test_a_map_is_a_veil_where_it_holds() -> None:
    answer = kind_of(ROAD).predict(numbers(0, 1, 0, 0, 0, 0)).placed((0.0, 0.0, 480.0, 240.0))
    is_drawn = (drawn(answer) != 40).any(axis=2)
    assert is_drawn[:120, 160:320].all()
    is_drawn[:120, 160:320] = False
    assert not is_drawn.any()


def test_no_alert_waits_for_what_no_answer_says() -> None:
    alert = Alert(name="x", task="pose", labels=("nose",))
    with pytest.raises(AlertError, match="task 'pose' is keypoints, which no alert can be about"):
        alert.fit([POSE])
