"""A decision drawn into its frame."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from edge.stream import Decision, Frame, Region
from edge.stream.preprocess import FULL
from edge.tasks import Prediction
from edge_common import console

_FONT = cv2.FONT_HERSHEY_DUPLEX
_MIN_WIDTH = 480  # smaller pictures are enlarged, so that the text can be read
_INK, _FAINT = (245, 245, 245), (165, 165, 165)
_BAR, _BAR_GROUND = (96, 200, 112), (70, 70, 70)
_PANEL = (28, 28, 28)


class Annotator:
    """Draws each frame with the newest decision of its window, which begins again behind a gap."""

    def __init__(self, tasks: Sequence[str], region: Region | None = None) -> None:
        self._tasks, self._region, self._gap_s = tasks, region, 0.0
        self._latest: Sequence[Decision] = ()

    def __call__(self, frame: Frame, decisions: Sequence[Decision]) -> np.ndarray:
        if frame.restart:
            self._latest, self._gap_s = (), frame.gap_s
        self._latest = decisions or self._latest
        return annotate(frame.pixels, self._latest, self._tasks, self._region, self._gap_s)


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
    picture = _enlarge(pixels)
    height, width = picture.shape[:2]
    line = max(24, width // 22)
    panel = np.full(((len(tasks) + 1) * line + line // 2, width, 3), _PANEL, np.uint8)
    for row, name in enumerate(tasks):
        _text(panel, name, (line // 2, (row + 1) * line), line, _FAINT)
        if decision is not None:
            _draw_answer(panel, decision.tasks[name], row * line, line)
    gap = f"  no frame for {gap_s:.1f} s before" if gap_s else ""
    footer = _footer(decision) if decision else f"filling the window ...{gap}"
    _text(panel, footer, (line // 2, (len(tasks) + 1) * line), line * 0.8, _FAINT)
    annotated = np.vstack([picture, panel])
    box = (region or FULL).locate(*pixels.shape[:2])
    if box != FULL.locate(*pixels.shape[:2]):
        _draw_region(annotated, box, width / pixels.shape[1])
    # codecs with subsampled colour want even sizes
    return annotated[: (height + len(panel)) // 2 * 2, : width // 2 * 2]


def darkened(annotated: np.ndarray, gap_s: float) -> np.ndarray:
    """A copy of the last frame before a gap, which nobody takes for a new one."""
    image = annotated // 3
    line = max(24, image.shape[1] // 22)
    _text(image, f"no frame for {gap_s:.0f} s", (line, image.shape[0] // 2), line * 1.5, _INK)
    return image


def _enlarge(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    if width >= _MIN_WIDTH:
        return pixels
    scale = _MIN_WIDTH / width
    return cv2.resize(pixels, (_MIN_WIDTH, round(height * scale)), interpolation=cv2.INTER_CUBIC)


def _draw_region(picture: np.ndarray, box: tuple[int, int, int, int], scale: float) -> None:
    """Frame a box (left, top, width, height), which `scale` enlarged."""
    left, top, width, height = box
    first = (round(left * scale), round(top * scale))
    last = (round((left + width) * scale) - 1, round((top + height) * scale) - 1)
    cv2.rectangle(picture, first, last, _BAR, 2)


def _draw_answer(panel: np.ndarray, answer: Prediction, top: int, line: int) -> None:
    width, baseline = panel.shape[1], top + line
    share = answer.share
    if share is None or not math.isfinite(share):
        text = _fitted(answer.label or str(answer), line, width * 3 // 4)
        _text(panel, text, (width // 4, baseline), line, _INK)
        return
    _text(panel, answer.label or str(answer), (width // 4, baseline), line, _INK)
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
    _text(panel, f"{share:.2f}", (int(width * 0.88), baseline), line, _INK)


def _fitted(text: str, line: float, room: int) -> str:
    """The text with as many of the labels that it lists as fit into `room` pixels."""
    text = console.valid_text(text)
    parts = text.split(", ")
    shown = [", ".join(parts[:n]) + f" +{len(parts) - n}" for n in range(len(parts) - 1, 0, -1)]
    lengths = {text: cv2.getTextSize(text, _FONT, line / 46, 1)[0][0] for text in (text, *shown)}
    return next((text for text, length in lengths.items() if length <= room), (text, *shown)[-1])


def _footer(decision: Decision) -> str:
    total_ms = sum(decision.latency_ms.values())
    board = f", predicted for {decision.predicted_for}" if decision.predicted_for else ""
    return f"frame {decision.frame}   {total_ms:.1f} ms a frame{board}"


def _text(
    panel: np.ndarray, text: str, origin: tuple[int, int], line: float, colour: tuple[int, int, int]
) -> None:
    left, baseline = origin
    scale, text = line / 46, console.valid_text(text)
    cv2.putText(
        panel, text, (left, baseline - int(line * 0.15)), _FONT, scale, colour, 1, cv2.LINE_AA
    )
