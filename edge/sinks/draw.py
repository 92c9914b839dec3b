"""A decision drawn into its frame."""

import math
from collections.abc import Sequence
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
