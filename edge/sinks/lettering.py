"""Text in images, in the letters that OpenCV brings."""

import unicodedata

import cv2
import numpy as np

from edge_common import console

Colour = tuple[int, int, int]  # BGR

INK, FAINT, GROUND = (245, 245, 245), (165, 165, 165), (28, 28, 28)
_FONT = cv2.FONT_HERSHEY_DUPLEX
_HAS_ACCENTS = int(cv2.__version__.partition(".")[0]) >= 5
_HEIGHT = 46  # of a line at scale 1, in pixels
_MORE = "..."


def write(
    image: np.ndarray, text: str, origin: tuple[int, int], line: float, colour: Colour
) -> None:
    """Write on a line so many pixels high that begins at its lower left corner."""
    left, bottom = origin
    place, scale = (left, bottom - int(line * 0.15)), line / _HEIGHT
    cv2.putText(image, _plain(text), place, _FONT, scale, colour, _thickness(line), cv2.LINE_AA)


def width_of(text: str, line: float) -> int:
    """In pixels."""
    return int(cv2.getTextSize(_plain(text), _FONT, line / _HEIGHT, _thickness(line))[0][0])


def fitted(text: str, line: float, room: int) -> str:
    """The text with as many of the labels that it lists as fit into `room` pixels."""
    parts = text.split(", ")
    shorter = [", ".join(parts[:n]) + f" +{len(parts) - n}" for n in range(len(parts) - 1, 0, -1)]
    texts = (text, *shorter)
    return next((each for each in texts if width_of(each, line) <= room), texts[-1])


def shortened(text: str, line: float, room: int) -> str:
    """As much of the text as fits into `room` pixels."""
    if width_of(text, line) <= room:
        return text
    ends = range(len(text) - 1, 0, -1)
    texts = (text[:end].rstrip() + _MORE for end in ends)
    return next((each for each in texts if width_of(each, line) <= room), _MORE)


def _plain(text: str) -> str:
    """Without accents if the font has none."""
    text = console.valid_text(text)
    if _HAS_ACCENTS:
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _thickness(line: float) -> int:
    return max(1, round(line / 40))
