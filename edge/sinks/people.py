"""Who is there, drawn into a frame: boxes, numbers, answers, zones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.input_spec import Box
from edge.sinks import labels, lettering

if TYPE_CHECKING:
    from edge.scene import SceneView
    from edge.stream import Decision, Frame, TrackInfo

# of M. Okabe and K. Ito (2008), which differ to people who see fewer colours, too; BGR
_COLOURS: tuple[lettering.Colour, ...] = (
    (0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (178, 114, 0), (0, 94, 213),
    (167, 121, 204),
)  # fmt: skip
_BLACK = (0, 0, 0)
_LIGHT = 110  # grey level from which black is read better than white
_LINES, _SMALLEST_LINE = 36, 18  # of labels: in the height of an image; pixels that can be read
_WIDEST = 0.45  # of the image, a label
_OLD_S = 1.0  # an answer from which on its age is shown
_DASH = 6  # strokes' widths


class NewestAnswers:
    """The newest decision of each who is there, and when its frame was captured, by their numbers."""

    def __init__(self) -> None:
        self.by_track: dict[int, tuple[Decision, float]] = {}
        self._newest: SceneView | None = None

    def take(self, view: "SceneView", frame: "Frame") -> None:
        """Who left is forgotten."""
        numbers = {track.number for track in view.tracks}
        self.by_track = {n: each for n, each in self.by_track.items() if n in numbers}
        if view is self._newest:  # nothing was looked at since
            return
        self._newest = view
        for decision in view.decisions:
            if decision.track:
                self.by_track[decision.track.number] = decision, frame.moment_s


class PeopleLayer:
    """Draws everybody of a view, with the newest decision of each.

    tasks: names, in the order of the lines of a label.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        self._tasks, self.answers = tasks, NewestAnswers()

    def draw(
        self, image: np.ndarray, view: "SceneView", frame: "Frame", gap_s: float = 0.0
    ) -> np.ndarray:
        """A copy of the frame's image (uint8 BGR), of any size, with a line of text below.

        gap_s: that no frame came for before, as long as it is to be said.
        """
        self.answers.take(view, frame)
        scale, line = image.shape[1] / frame.pixels.shape[1], line_of(image)
        annotated = np.vstack([image, _panel(view, frame, gap_s, image.shape[1], line)])
        image = annotated[: len(image)]  # nothing is drawn into the text
        zones = {name: corners * scale for name, corners in view.zones.items()}
        used = _draw_zones(image, zones, line)
        boxes = {track.number: _enlarged(track.box, scale) for track in view.tracks}
        for track in view.tracks:
            _draw_box(image, boxes[track.number], line, _colour_of(track), track.is_hidden)
        everybody = np.reshape([*boxes.values()], (-1, 4))
        # whoever is in front has the first choice
        for track in sorted(view.tracks, key=lambda each: -sum(boxes[each.number][1::2])):
            forms = self._forms(track, frame, line, int(image.shape[1] * _WIDEST))
            by_size = {_size_of(lines, line): lines for lines in forms}
            box, size = boxes[track.number], (image.shape[1], image.shape[0])
            place = labels.place(box, list(by_size), np.reshape(used, (-1, 4)), everybody, size)
            _draw_label(image, place, by_size[place[2:]], line, _colour_of(track))
            used.append(place)
        return annotated

    def _forms(
        self, track: "TrackInfo", frame: "Frame", line: int, room: int
    ) -> Sequence[Sequence[str]]:
        """Lines of a label, the fullest first: with all answers, with one, with none."""
        name = "" if track.name is None else f" {track.name}"
        head = f"#{track.number}{name}"
        if track.number not in self.answers.by_track:
            return [[lettering.shortened(f"{head} ...", line, room)]]
        decision, time_s = self.answers.by_track[track.number]
        if (age_s := frame.moment_s - time_s) >= _OLD_S:
            head += f"  {age_s:.0f} s ago"
        answers = [(task, decision.tasks[task]) for task in self._tasks]
        texts = [f"{task} {each}" for task, each in answers if each.vector is None or each.label]
        texts += [f"in {zone} for {seconds:.0f} s" for zone, seconds in track.zones.items()]
        lines = [lettering.shortened(text, line, room) for text in (head, *texts)]
        return [lines[:count] for count in dict.fromkeys((len(lines), 2, 1))]


def line_of(image: np.ndarray) -> int:
    """Pixels of a line of text in an image of this size, of which many stand in it."""
    return max(_SMALLEST_LINE, len(image) // _LINES)


def _panel(view: "SceneView", frame: "Frame", gap_s: float, width: int, line: int) -> np.ndarray:
    """How many people are there, and since when."""
    gap = f"   no frame for {gap_s:.1f} s before" if gap_s else ""
    text = f"{view.presence}   frame {frame.number}{gap}"
    panel = np.full((2 * line, width, 3), lettering.GROUND, np.uint8)
    lettering.write(panel, text, (line // 2, line + line // 2), line, lettering.INK)
    return panel


def _draw_zones(image: np.ndarray, zones: Mapping[str, np.ndarray], line: int) -> list[Box]:
    """Their outlines, and over these their names at a corner, none over another; gives their places."""
    outlines = {name: corners.round().astype(np.int32) for name, corners in zones.items()}
    for points in outlines.values():
        for ink, stroke in ((_BLACK, line // 12 + 2), (lettering.INK, line // 12)):
            cv2.polylines(image, [points], True, ink, stroke, cv2.LINE_AA)
    places: list[Box] = []
    for name, points in outlines.items():
        text = lettering.shortened(name, line, int(image.shape[1] * _WIDEST))
        size, used = _size_of([text], line), np.reshape(places, (-1, 4))
        place = labels.place_at_corner(points, size, used, (image.shape[1], image.shape[0]))
        _draw_label(image, place, [text], line, lettering.INK)
        places.append(place)
    return places


def _enlarged(box: Box, scale: float) -> Box:
    left, top, width, height = (round(side * scale) for side in box)
    return left, top, width, height


def _colour_of(track: "TrackInfo") -> lettering.Colour:
    return _COLOURS[track.number % len(_COLOURS)]


def _size_of(lines: Sequence[str], line: int) -> tuple[int, int]:
    """Of a label, in pixels."""
    width = max(lettering.width_of(text, line) for text in lines)
    return width + line // 2, len(lines) * line + line // 4


def _draw_box(
    image: np.ndarray, box: Box, line: int, colour: lettering.Colour, is_dashed: bool
) -> None:
    """Frame it, with a black edge that shows on grounds of the same colour."""
    left, top, width, height = box
    pen = max(2, line // 9)
    right, bottom = left + width - 1, top + height - 1
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for ink, stroke in ((_BLACK, pen + 2), (colour, pen)):
        for start, end in zip(corners, corners[1:]):
            for first, last in _dashes(start, end, pen * _DASH) if is_dashed else [(start, end)]:
                cv2.line(image, first, last, ink, stroke)


def _dashes(
    start: tuple[int, int], end: tuple[int, int], dash: int
) -> Sequence[tuple[tuple[int, int], tuple[int, int]]]:
    """Every second piece of a line, beginning and ending with one."""
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    pieces = max(1, length // dash // 2 * 2 + 1)
    points = np.linspace(start, end, pieces + 1).round().astype(int).tolist()
    return [(tuple(points[i]), tuple(points[i + 1])) for i in range(0, pieces, 2)]


def _draw_label(
    image: np.ndarray, place: Box, lines: Sequence[str], line: int, colour: lettering.Colour
) -> None:
    """The first line on the person's colour, the answers below on a dark ground."""
    left, top, width, height = place
    head = top + line + (line // 4 if not lines[1:] else 0)
    cv2.rectangle(
        image, (left, top), (left + width - 1, top + height - 1), lettering.GROUND, cv2.FILLED
    )
    cv2.rectangle(image, (left, top), (left + width - 1, head - 1), colour, cv2.FILLED)
    is_light = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2] >= _LIGHT
    for number, text in enumerate(lines):
        ink = lettering.INK if number or not is_light else _BLACK
        lettering.write(image, text, (left + line // 4, top + (number + 1) * line), line, ink)
