"""A decision drawn into its frame."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.sinks.lettering import FAINT, GROUND, INK, fitted, write
from edge.stream import FULL, Decision, Frame, Region
from edge.tasks import Prediction

if TYPE_CHECKING:
    from edge.privacy.faces import FaceCover
    from edge.scene import SceneView

# pixels: narrower images are enlarged, so that text can be read, and so can labels of people
_MIN_WIDTH, _MIN_WIDTH_OF_PEOPLE = 480, 640
_BAR, _BAR_GROUND = (96, 200, 112), (70, 70, 70)


class Annotator:
    """Draws each frame with the newest decision of its window, which begins again behind a gap.

    If people are followed, with all of them and the newest decision of each.
    cover: of faces; None: they stay.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        region: Region | None = None,
        cover: "FaceCover | None" = None,
    ) -> None:
        self._tasks, self._region, self._gap_s, self._cover = tasks, region, 0.0, cover
        self._latest: Sequence[Decision] = ()
        self._view: SceneView | None = None

    def show_people(self, view: "SceneView") -> None:
        """Take who is there in the frame that comes next."""
        if self._view is None:
            from edge.sinks.people import PeopleLayer  # few runs need it

            self._people = PeopleLayer(self._tasks)
        self._view = view

    def __call__(self, frame: Frame, decisions: Sequence[Decision]) -> np.ndarray:
        if frame.restart:
            self._latest, self._gap_s = (), frame.gap_s
        self._latest = decisions or self._latest
        if self._cover:
            frame = self._cover.frame(frame, self._view)
        if self._view is None:
            return annotate(frame.pixels, self._latest, self._tasks, self._region, self._gap_s)
        picture = _enlarge(frame.pixels, _MIN_WIDTH_OF_PEOPLE)
        picture = draw_figures(picture, self._latest, picture.shape[1] / frame.pixels.shape[1])
        gap_s = 0.0 if self._latest else self._gap_s
        return _even(self._people.draw(picture, self._view, frame, gap_s))


def annotate(
    pixels: np.ndarray,
    decisions: Sequence[Decision],
    tasks: Sequence[str],
    region: Region | None = None,
    gap_s: float = 0.0,
) -> np.ndarray:
    """A copy of the picture (uint8 BGR) with a panel under it: a line a task, then latency.

    The panel shows the first decision; it has the same height if there is none yet, as a video
    needs it, and says how long no frame came before. What the network looks at is framed, unless
    it is the whole picture.
    """
    decision = decisions[0] if decisions else None
    picture = _enlarge(pixels, _MIN_WIDTH)
    picture = draw_figures(picture, decisions, picture.shape[1] / pixels.shape[1])
    line = _line(picture)
    panel = np.full(((len(tasks) + 1) * line + line // 2, picture.shape[1], 3), GROUND, np.uint8)
    for row, name in enumerate(tasks):
        write(panel, name, (line // 2, (row + 1) * line), line, FAINT)
        if decision is not None:
            _draw_answer(panel, decision.tasks[name], row * line, line)
    gap = f"  no frame for {gap_s:.1f} s before" if gap_s else ""
    footer = _footer(decision) if decision else f"filling the window ...{gap}"
    write(panel, footer, (line // 2, (len(tasks) + 1) * line), line * 0.8, FAINT)
    annotated = np.vstack([picture, panel])
    draw_region(annotated, region or FULL, pixels)
    return _even(annotated)


def darkened(annotated: np.ndarray, gap_s: float) -> np.ndarray:
    """A copy of the last frame before a gap, which nobody takes for a new one."""
    image = annotated // 3
    line = _line(image)
    write(image, f"no frame for {gap_s:.0f} s", (line, image.shape[0] // 2), line * 1.5, INK)
    return image


def _enlarge(pixels: np.ndarray, min_width: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    if width >= min_width:
        return pixels
    size = min_width, round(height * min_width / width)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)


def _line(image: np.ndarray) -> int:
    """Pixels of a line of a panel under it."""
    return max(24, int(image.shape[1]) // 22)


def _even(annotated: np.ndarray) -> np.ndarray:
    """Codecs with subsampled colour want even sizes."""
    height, width = annotated.shape[:2]
    return annotated[: height // 2 * 2, : width // 2 * 2]


def draw_region(picture: np.ndarray, region: Region, pixels: np.ndarray) -> None:
    """Frame what the network looks at, unless it is all of the frame's pixels.

    picture: those, of any size, and what stands below them.
    """
    box = region.locate(*pixels.shape[:2])
    if box == FULL.locate(*pixels.shape[:2]):
        return
    scale, (left, top, width, height) = picture.shape[1] / pixels.shape[1], box
    first = (round(left * scale), round(top * scale))
    last = (round((left + width) * scale) - 1, round((top + height) * scale) - 1)
    cv2.rectangle(picture, first, last, _BAR, 2)


# of the first points, labels and so on, over and over
_COLOURS = np.array(
    [
        (96, 200, 112),
        (80, 140, 250),
        (230, 160, 60),
        (190, 90, 210),
        (70, 210, 230),
        (120, 120, 240),
    ],
    np.uint8,
)
_VEIL, _LEAST_SCORE = 0.45, 0.3  # of a map's colour over the picture; of a point that is drawn


def draw_figures(picture: np.ndarray, decisions: Sequence[Decision], scale: float) -> np.ndarray:
    """The picture, or a copy with the maps, boxes and key points of decisions in it.

    scale: its pixels a pixel of the frame.
    """
    answers = [answer for decision in decisions for answer in decision.tasks.values()]
    if not any(answer.points or answer.boxes or answer.mask is not None for answer in answers):
        return picture
    picture = picture.copy()
    for answer in answers:
        if answer.mask is not None:
            _draw_map(picture, answer.mask, answer, scale)
    for answer in answers:
        if answer.boxes:
            _draw_boxes(picture, answer.boxes, scale)
        if answer.points:
            _draw_points(picture, answer, scale)
    return picture


def _draw_map(picture: np.ndarray, mask: np.ndarray, answer: Prediction, scale: float) -> None:
    """Each label's colour as a veil over the places where it holds."""
    (height, width), (left, top, wide, high) = picture.shape[:2], answer.place
    across, down = mask.shape[1] / (wide * scale), mask.shape[0] / (high * scale)
    columns = np.floor((np.arange(width) + 0.5 - left * scale) * across).astype(np.int64)
    rows = np.floor((np.arange(height) + 0.5 - top * scale) * down).astype(np.int64)
    padded = np.pad(mask, 1)  # what is outside of it shows nothing
    columns, rows = (
        np.clip(each + 1, 0, n - 1)
        for each, n in ((columns, padded.shape[1]), (rows, padded.shape[0]))
    )
    numbers = padded[np.ix_(rows, columns)]
    shown = numbers > 0
    colours = _COLOURS[(numbers[shown] - 1) % len(_COLOURS)]
    picture[shown] = (picture[shown] * (1 - _VEIL) + colours * _VEIL).astype(np.uint8)


def _draw_points(picture: np.ndarray, answer: Prediction, scale: float) -> None:
    """Points that are sure enough, and lines between these."""
    points = {
        name: (round(point[0] * scale), round(point[1] * scale))
        for name, point in (answer.points or {}).items()
        if _is_drawn(point[:2], point[2:], scale)
    }
    stroke = _stroke(picture)
    for first, last in answer.lines:
        if first in points and last in points:
            cv2.line(picture, points[first], points[last], INK, stroke, cv2.LINE_AA)
    for number, point in enumerate(points.values()):
        cv2.circle(picture, point, 2 * stroke, _colour(number), cv2.FILLED, cv2.LINE_AA)


def _draw_boxes(picture: np.ndarray, boxes: Mapping[str, tuple[float, ...]], scale: float) -> None:
    """Boxes that are sure enough."""
    for number, box in enumerate(boxes.values()):
        left, top, width, height = box[:4]
        corners = (left, top, left + width, top + height)
        if _is_drawn(corners, box[4:], scale):
            x, y, right, bottom = (round(corner * scale) for corner in corners)
            cv2.rectangle(
                picture, (x, y), (right, bottom), _colour(number), _stroke(picture), cv2.LINE_AA
            )


def _stroke(picture: np.ndarray) -> int:
    """Pixels of a line."""
    return max(2, int(picture.shape[1]) // 240)


def _colour(number: int) -> tuple[int, ...]:
    return tuple(map(int, _COLOURS[number % len(_COLOURS)]))


def _is_drawn(coordinates: Sequence[float], score: Sequence[float], scale: float) -> bool:
    """Whether it is sure enough, and OpenCV can draw that far out of the picture."""
    is_finite = all(map(math.isfinite, (*coordinates, *score)))
    is_near = is_finite and max(map(abs, coordinates)) * scale < 1 << 15
    return is_near and min(score, default=1.0) >= _LEAST_SCORE


def _draw_answer(panel: np.ndarray, answer: Prediction, top: int, line: int) -> None:
    width, baseline = panel.shape[1], top + line
    share = answer.share
    if share is None or not math.isfinite(share):
        text = fitted(answer.label or str(answer), line, width * 3 // 4)
        write(panel, text, (width // 4, baseline), line, INK)
        return
    write(panel, answer.label or str(answer), (width // 4, baseline), line, INK)
    left, right = int(width * 0.62), int(width * 0.86)
    upper, lower = baseline - int(line * 0.55), baseline - int(line * 0.1)
    cv2.rectangle(panel, (left, upper), (right, lower), _BAR_GROUND, cv2.FILLED)
    cv2.rectangle(
        panel,
        (left, upper),
        (left + int((right - left) * min(max(share, 0.0), 1.0)), lower),
        _BAR,
        cv2.FILLED,
    )
    write(panel, f"{share:.2f}", (int(width * 0.88), baseline), line, INK)


def _footer(decision: Decision) -> str:
    total_ms = sum(decision.latency_ms.values())
    board = f", predicted for {decision.predicted_for}" if decision.predicted_for else ""
    return f"frame {decision.frame}   {total_ms:.1f} ms a frame{board}"
