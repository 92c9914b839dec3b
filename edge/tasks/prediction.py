"""A task, and what is predicted for it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge.tasks.confidence import UnknownRule

PictureBox = tuple[float, float, float, float]  # left, top, width, height
WHOLE: PictureBox = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class PointForm:
    """What the numbers of key points are.

    order: `xy` or `yx`, of boxes `xyxy`, `yxyx`, `xywh` or `cxcywh`, before a score if there is one.
    coordinates: `normalised` (0 to 1 over the network's input), `centred` (-1 to 1) or `pixels` of it.
    skeleton: pairs of points to draw lines between.
    """

    order: str = "xy"
    coordinates: str = "normalised"
    skeleton: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Task:
    """One question that the network answers.

    kind: a name in `edge.tasks.KINDS`.
    scale: a regression's output times `scale` is the value in `unit`.
    thresholds, top_k: which labels of a multi-label task hold; see there.
    logits: the output needs a softmax to become probabilities, which the runner applies.
    temperature: of a classification's probabilities; 1 leaves them as the network gives them.
    unknown: when a classification answers `unknown`; None: never.
    sensitive: whether it infers what law protects, so that a run answers it only if told to.
    points: of key points; None: as usual.  grid: height and width of maps.
    """

    name: str
    kind: str
    labels: tuple[str, ...] = ()
    scale: float = 1.0
    unit: str = ""
    thresholds: tuple[float, ...] = ()
    top_k: int = 0
    logits: bool = False
    temperature: float = 1.0
    unknown: UnknownRule | None = None
    sensitive: bool = False
    points: PointForm | None = None
    grid: tuple[int, ...] = ()


@dataclass(frozen=True)
class PredictionFields:
    """The fields of a prediction in a JSON line, written and read back; None is left out.

    p: of a label, or of each label by its name.  size: of a vector that is not written.
    """

    label: str | None = None
    labels: tuple[str, ...] | None = None
    p: Any = None
    index: int | None = None
    guess: str | None = None
    value: float | None = None
    unit: str | None = None
    similarity: float | None = None
    vector: Any = None
    size: int | None = None
    points: Any = None
    areas: Any = None
    boxes: Any = None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Area:
    """Where a label holds in the picture.

    share: of the picture, 0 to 1.  peak: x, y and probability of where it is most probable.
    """

    share: float
    peak: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {"share": _rounded(self.share), "peak": _rounded_point(self.peak)}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one task's output says. Which fields are set depends on the task's kind.

    classification, binary, ordinal: index, label, p (probability of that label, 0 to 1). Of a window that
    is unlike anything learnt: label `unknown`, guess (the most probable label), p (of the guess).
    class-index: label, index.
    regression: value, in `unit`.  embedding: vector, float32 (d,); with a gallery of people
    also label (a name, or `unknown`) and similarity (cosine to the nearest of them, -1 to 1).
    multi-label: labels (those that hold, the most probable first), probabilities (of all labels).
    keypoints, heat-map: points, x, y and maybe a score by name; lines to draw between some. map: areas
    by label, and mask: uint16 (h, w), 1 and more for the label that holds, 0 for none.
    box: boxes, left, top, width, height and maybe a score by name.
    x and y are in pixels of the frame behind a `Stream`, before that in shares of what the network sees;
    place is where that is.
    Of an output that is not finite none is set.  scores: as it came, float32 (k,); not in the JSON.
    """

    scores: np.ndarray
    label: str | None = None
    p: float | None = None
    index: int | None = None
    value: float | None = None
    unit: str | None = None
    vector: tuple[float, ...] | None = None
    similarity: float | None = None
    labels: tuple[str, ...] | None = None
    probabilities: Mapping[str, float] | None = None
    guess: str | None = None
    points: Mapping[str, tuple[float, ...]] | None = None
    lines: tuple[tuple[str, str], ...] = ()
    areas: Mapping[str, Area] | None = None
    mask: np.ndarray | None = None
    boxes: Mapping[str, tuple[float, ...]] | None = None
    place: PictureBox = WHOLE

    def placed(self, box: PictureBox) -> "Prediction":
        """With what stands in shares of the network's picture in pixels of the frame, where it is `box`."""
        left, top, width, height = box

        def moved(point: tuple[float, ...]) -> tuple[float, ...]:
            return (left + point[0] * width, top + point[1] * height, *point[2:])

        points = self.points and {name: moved(point) for name, point in self.points.items()}
        areas = self.areas and {
            name: Area(area.share, (*moved(area.peak)[:2], area.peak[2]))
            for name, area in self.areas.items()
        }
        boxes = self.boxes and {
            name: (*moved(each[:2]), each[2] * width, each[3] * height, *each[4:])
            for name, each in self.boxes.items()
        }
        return replace(self, points=points, areas=areas, boxes=boxes, place=box)

    def to_json(self, vectors: bool = False) -> dict[str, Any]:
        """The fields of a task in a JSON line; those that are not set are left out.

        vectors: with an embedding's, which tells people apart wherever it is kept; else only how
        many numbers it has, if it is not named.
        """
        vector = _rounded_all(self.vector)
        fields = PredictionFields(
            label=self.label,
            labels=self.labels,
            p=_rounded(self.p) if self.probabilities is None else self._rounded_probabilities,
            index=self.index,
            guess=self.guess,
            value=_rounded(self.value),
            unit=self.unit,
            similarity=_rounded(self.similarity),
            vector=vector if vectors else None,
            size=len(vector) if vector and not vectors and self.label is None else None,
            points=self.points and {n: _rounded_point(p) for n, p in self.points.items()},
            areas=self.areas and {label: area.to_json() for label, area in self.areas.items()},
            boxes=self.boxes and {n: _rounded_point(b, 4) for n, b in self.boxes.items()},
        )
        return fields.to_json()

    @property
    def share(self) -> float | None:
        """How sure a label is: its probability, or its similarity if it is a person's name."""
        probability = self.p if self.guess is None else None  # that of the guess is not the label's
        return probability if self.similarity is None else self.similarity

    @property
    def _rounded_probabilities(self) -> dict[str, float]:
        rounded = {label: _rounded(p) for label, p in (self.probabilities or {}).items()}
        return {label: p for label, p in rounded.items() if p is not None}

    def __str__(self) -> str:
        if self.label is not None:
            return self.label if self.share is None else f"{self.label} {self.share:.2f}"
        if self.labels is not None and self.probabilities is not None:
            return ", ".join(f"{x} {self.probabilities[x]:.2f}" for x in self.labels) or "none"
        if self.value is not None:
            return f"{self.value:.1f} {self.unit or ''}".rstrip()
        if self.points is not None:
            return f"{len(self.points)} points"
        if self.boxes is not None:
            return "1 box" if len(self.boxes) == 1 else f"{len(self.boxes)} boxes"
        if self.areas is not None:
            return ", ".join(f"{x} {100 * a.share:.0f} %" for x, a in self.areas.items())
        return "no answer" if self.vector is None else f"{len(self.vector)} numbers"


def _rounded(value: float | None) -> float | None:
    """Four places; JSON knows neither NaN nor infinity: these are left out."""
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _rounded_point(point: tuple[float, ...], size: int = 2) -> list[float]:
    """So many pixels to hundredths, and a score to four places."""
    return [round(x, 2) for x in point[:size]] + [round(x, 4) for x in point[size:]]


def _rounded_all(vector: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Six places: those of length one have small numbers. None if one is not finite."""
    if vector is None or not all(map(math.isfinite, vector)):
        return None
    return tuple(round(value, 6) for value in vector)
