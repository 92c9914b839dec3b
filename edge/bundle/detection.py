"""What a manifest says of a detector: which output is what, and how they become boxes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edge.input_spec import Size

NO_TASKS = (  # behind its name
    "is a detector, which finds boxes and answers no tasks: give a bundle with tasks; this one goes "
    "with edge-run --detector, and edge-bench predict says what it takes"
)
MOST_BOXES = 1000  # that are looked at in a frame
_WIDEST = 3.0  # margin

Shapes = Mapping[str, tuple[int, ...]]  # of the outputs, by name


@dataclass(frozen=True)
class Suppression:
    """Which of several boxes around one thing is kept: the one of the highest score.

    iou: boxes of which more than this share is common are of one thing.
    weighted: the kept box is the mean of all of them, weighted by their scores.
    """

    iou: float = 0.5
    weighted: bool = False

    @property
    def problem(self) -> str:
        """What is wrong with it; empty: nothing."""
        return "" if 0 <= self.iou <= 1 else f"an iou of {self.iou:g} (0 to 1 is possible)"


@dataclass(frozen=True)
class SsdBoxes:
    """Boxes that the network has finished: the four outputs of SSD's post-processing.

    boxes: output (1, N, 4).  scores: (1, N).  classes: (1, N), 0 is the first; "": all are of
    class 0.  count: (1,), how many of N there are; "": N.
    order: `yxyx` (top, left, bottom, right) or `xyxy`.  pixels: of the input; else shares of it.
    """

    boxes: str
    scores: str
    classes: str = ""
    count: str = ""
    order: str = "yxyx"
    pixels: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of those that it reads."""
        return (self.boxes, self.scores, *filter(None, (self.classes, self.count)))

    def class_count(self, shapes: Shapes) -> float:
        """How many classes can be told apart."""
        return math.inf if self.classes else 1

    def problem(self, shapes: Shapes, size: Size) -> str:
        """What does not fit outputs of these shapes; empty: nothing."""
        count = math.prod(shapes[self.scores])
        expected = {self.boxes: (1, count, 4), self.classes: (1, count)}
        if self.count and math.prod(shapes[self.count]) != 1:
            return f"the count '{self.count}' is of {math.prod(shapes[self.count])} numbers"
        if self.order not in ("yxyx", "xyxy"):
            return f"the order '{self.order}' (yxyx or xyxy is possible)"
        return _misfit(shapes, {name: shape for name, shape in expected.items() if name})


@dataclass(frozen=True)
class CentreMaps:
    """A map of how likely each place is the centre of something, as CenterNet gives it.

    heatmap: output (1, H, W, classes).  size: (1, H, W, 2), width and height; or (1, H, W, 4),
    from the centre to the left, top, right and bottom side.  offset: (1, H, W, 2), of the centre
    in its place, right and down, in places; "": none.
    scale: pixels of the input that 1 in `size` stands for.
    """

    heatmap: str
    size: str
    offset: str = ""
    scale: float = 1.0

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of those that it reads."""
        return (self.heatmap, self.size, *filter(None, [self.offset]))

    def class_count(self, shapes: Shapes) -> float:
        """How many classes can be told apart."""
        return shapes[self.heatmap][-1]

    def problem(self, shapes: Shapes, size: Size) -> str:
        """What does not fit outputs of these shapes; empty: nothing."""
        places = shapes[self.heatmap][:-1]
        if len(places) != 3 or places[0] != 1:
            return f"the heatmap '{self.heatmap}' of shape {list(shapes[self.heatmap])}"
        if not self.scale > 0:
            return f"a scale of {self.scale:g}"
        sides = 4 if shapes[self.size][-1:] == (4,) else 2
        expected = {self.size: (*places, sides), self.offset: (*places, 2)}
        return _misfit(shapes, {name: shape for name, shape in expected.items() if name})


@dataclass(frozen=True)
class AnchorGrid:
    """Anchors in the middle of each place of a grid over the input.

    stride: pixels of the input between two places.  sizes: width and height of each anchor of a
    place, as shares of the input's.
    """

    stride: int
    sizes: tuple[tuple[float, float], ...]

    def cells(self, size: Size) -> Size:
        """Places of the grid across and down."""
        return math.ceil(size[0] / self.stride), math.ceil(size[1] / self.stride)


@dataclass(frozen=True)
class AnchorBoxes:
    """Boxes relative to anchors, as SSD and BlazeFace give them.

    boxes: output (1, N, 4 or more), of which the first four are read.  scores: (1, N, classes).
    grids: whose anchors follow each other, row by row, N together.
    order: `xywh` (centre, width, height) or `yxhw`.  scales: what these four are divided by, to be
    shares of an anchor's size.  exponential: width and height are logarithms.
    """

    boxes: str
    scores: str
    grids: tuple[AnchorGrid, ...]
    order: str = "xywh"
    scales: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    exponential: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of those that it reads."""
        return self.boxes, self.scores

    def class_count(self, shapes: Shapes) -> float:
        """How many classes can be told apart."""
        return shapes[self.scores][-1]

    def problem(self, shapes: Shapes, size: Size) -> str:
        """What does not fit outputs of these shapes; empty: nothing."""
        if self.order not in ("xywh", "yxhw"):
            return f"the order '{self.order}' (xywh or yxhw is possible)"
        if not min(self.scales) > 0:
            return f"scales of {list(self.scales)}"
        if not all(grid.stride > 0 for grid in self.grids):
            return "a grid's stride of 0 or less"
        if not all(min(anchor) > 0 for grid in self.grids for anchor in grid.sizes):
            return "an anchor of no size"
        count = sum(math.prod(grid.cells(size)) * len(grid.sizes) for grid in self.grids)
        boxes, scores = shapes[self.boxes], shapes[self.scores]
        if len(scores) != 3 or scores[:2] != (1, count):
            return f"{count} anchors and scores of shape {list(scores)}"
        if len(boxes) != 3 or boxes[:2] != (1, count) or boxes[2] < 4:
            return f"{count} anchors and boxes of shape {list(boxes)}"
        return ""


Decoding = SsdBoxes | CentreMaps | AnchorBoxes


@dataclass(frozen=True)
class DetectionSpec:
    """How the outputs of a detector become boxes.

    boxes, centres, anchors: one of them, which says what the outputs are.
    score: boxes below are none.  sure: boxes from here on make somebody new.
    logits: scores need a sigmoid to become probabilities.
    classes: by number, which are looked for; empty: all.  labels: their names.
    limit: of boxes in a frame, those of the highest scores.
    nms: non-maximum suppression; None: the boxes of a frame are of different things.
    margin: share of a box that is looked at as well on each of its sides, as boxes are narrow.
    """

    boxes: SsdBoxes | None = None
    centres: CentreMaps | None = None
    anchors: AnchorBoxes | None = None
    score: float = 0.5
    sure: float = 0.5
    logits: bool = False
    classes: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    limit: int = 100
    nms: Suppression | None = None
    margin: float = 0.1

    @property
    def decodings(self) -> dict[str, Decoding]:
        """Those that are stated, by the name of their field."""
        every = {"boxes": self.boxes, "centres": self.centres, "anchors": self.anchors}
        return {name: decoding for name, decoding in every.items() if decoding is not None}

    @property
    def decoding(self) -> Decoding:
        """What the outputs are."""
        return next(iter(self.decodings.values()))

    def problem(self, shapes: Shapes, size: Size) -> str:
        """What does not fit together or to the outputs; empty: nothing.

        size: width and height of the input.
        """
        if len(self.decodings) != 1:
            given = ", ".join(self.decodings) or "none"
            return f"one of boxes, centres and anchors is needed, and {given} is stated"
        if missing := [name for name in self.decoding.outputs if name not in shapes]:
            return f"no output is called '{missing[0]}'; there are {', '.join(shapes)}"
        if not 0 < self.score <= 1:
            return f"a score of {self.score:g} (above 0, up to 1 is possible)"
        if not 1 <= self.limit <= MOST_BOXES:
            return f"a limit of {self.limit} boxes (1 to {MOST_BOXES} are possible)"
        if not 0 < self.sure <= 1:
            return f"sure of {self.sure:g} (above 0, up to 1 is possible)"
        if not 0 <= self.margin <= _WIDEST:
            return f"a margin of {self.margin:g} (0 to {_WIDEST:g} is possible)"
        if any(number < 0 for number in self.classes) or len({*self.classes}) < len(self.classes):
            return f"the classes {list(self.classes)}"
        if self.labels and len(self.labels) != len(self.classes):
            return f"{len(self.labels)} labels for {len(self.classes)} classes"
        count = self.decoding.class_count(shapes)
        if beyond := [number for number in self.classes if number >= count]:
            return f"class {beyond[0]}, and there are {count:g}"
        return (self.nms.problem if self.nms else "") or self.decoding.problem(shapes, size)


def _misfit(shapes: Shapes, expected: Shapes) -> str:
    for name, shape in expected.items():
        if shapes[name] != shape:
            return f"'{name}' is of shape {list(shapes[name])}, and {list(shape)} is needed"
    return ""
