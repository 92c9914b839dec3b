"""`python -m examples.detectors.measure BUNDLE... --data FOLDER`: how right detectors of people are.

FOLDER holds sequences of MOTChallenge, each with `img1/*.jpg` and `gt/gt.txt`, such as
TUD-Campus and TUD-Stadtmitte. Each bundle finds people in all their frames as it does on a board;
its average precision and its recall are compared with those of the first one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cv2
import numpy as np

from edge.bundle import Accuracy, Bundle, open_bundle
from edge.check import average_precision
from edge.detector import Detections, Detector, require_detector
from edge_common import ClipError, command_line, console, document, statistics
from examples.face.galleries import seal

BLOCK_FRAMES = 25  # a second: frames next to each other show the same
PRECISION = 0.9  # at which recall is compared
LEAST_SCORE = 0.05  # the curve goes down to there, whatever a bundle takes for a box
TITLE = "How many people it finds"

EPILOG = """\b
Example:
  python -m examples.detectors.measure out/person/float.edge out/person/person.edge \\
    --data out/data/mot15_tud --seal
"""


@dataclass(frozen=True, eq=False)
class Footage:
    """Frames of several sequences, one behind the other.

    truth: boxes (people, 4) of each, left, top, right, bottom, inside of it.
    blocks: (frames,) which second of which sequence each is of.
    """

    files: tuple[Path, ...]
    truth: tuple[np.ndarray, ...]
    blocks: np.ndarray


def read_footage(folder: Path) -> Footage:
    """Raises ClipError if there are no sequences."""
    files, truth, blocks = list[Path](), list[np.ndarray](), list[tuple[int, int]]()
    for sequence, notes in enumerate(sorted(folder.glob("*/gt/gt.txt"))):
        rows = np.loadtxt(notes, delimiter=",", ndmin=2)
        images = sorted((notes.parents[1] / "img1").glob("*.jpg"))
        size = _read(images[0]).shape[1::-1] if images else (0, 0)
        for number, file in enumerate(images, 1):
            corner, extent = np.split(rows[rows[:, 0] == number, 2:6], 2, axis=1)
            boxes = np.hstack([corner, corner + extent]).clip(0, (*size, *size))
            files.append(file)
            truth.append(boxes.astype(np.float32))
            blocks.append((sequence, (number - 1) // BLOCK_FRAMES))
    if not files:
        raise ClipError(f"{folder} holds no SEQUENCE/gt/gt.txt with SEQUENCE/img1/*.jpg beside it")
    return Footage(tuple(files), tuple(truth), np.unique(blocks, axis=0, return_inverse=True)[1])


def _read(file: Path) -> np.ndarray:
    pixels = cv2.imread(str(file))
    if pixels is None:
        raise ClipError(f"{file} is no readable image: unpack the data again")
    return pixels


@dataclass(frozen=True, eq=False)
class DetectorRun:
    """What one bundle found.  latency_ms: median of a frame, here."""

    bundle: Bundle
    matches: average_precision.Matches
    latency_ms: float


def find(path: str, footage: Footage) -> DetectorRun:
    """All frames through a detector, which looks for boxes of low scores, too."""
    bundle = open_bundle(path)
    lower = replace(require_detector(bundle), score=LEAST_SCORE)
    detector = Detector(replace(bundle, manifest=replace(bundle.manifest, detection=lower)))
    detections, times = list[Detections](), list[float]()
    with console.bar(len(footage.files), bundle.manifest.name) as on_frame:
        for file in footage.files:
            pixels = _read(file)
            began = time.perf_counter()
            detections.append(detector.find(pixels))
            times.append(time.perf_counter() - began)
            on_frame()
    matches = average_precision.matched(detections, footage.truth)
    return DetectorRun(bundle, matches, 1e3 * float(np.median(times)))


@dataclass(frozen=True)
class Figure:
    """A share in percent with its 95 % interval, and by how much another one's is lower."""

    value: float
    low: float
    high: float
    loss: float
    loss_low: float
    loss_high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"

    @property
    def change(self) -> str:
        """The loss as words."""
        return f"{self.loss:.1f} ({self.loss_low:.1f} to {self.loss_high:.1f})"


def figure(values: Sequence[float], reference: Sequence[float]) -> Figure:
    """Shares of all frames and of the resamplings behind it, of two networks on the same ones."""
    own, other = 100 * np.asarray(values), 100 * np.asarray(reference)
    losses = other - own
    own_95, losses_95 = (statistics.central_95(each[1:]) for each in (own, losses))
    return Figure(float(own[0]), *own_95, float(losses[0]), *losses_95)


def curves(run: DetectorRun, footage: Footage) -> list[average_precision.Curve]:
    """Of all frames, then of each resampling of their seconds."""
    draws = average_precision.resamplings(footage.blocks)
    return [run.matches.curve(weights) for weights in (None, *draws)]


def row(
    run: DetectorRun, own: list[average_precision.Curve], first: list[average_precision.Curve]
) -> tuple[str, ...]:
    """One detector in the table."""
    part, spec = run.bundle.manifest.last_part, run.bundle.manifest.input
    precision, recall = figures(own, first)
    return (
        run.bundle.manifest.name, f"{spec.width} x {spec.height}", part.precision,
        f"{part.multiply_adds / 1e6:.0f}", str(precision), precision.change, str(recall),
        recall.change, f"{own[0].score_at(PRECISION):.2f}", f"{run.latency_ms:.1f}",
    )  # fmt: skip


def figures(
    own: list[average_precision.Curve], first: list[average_precision.Curve]
) -> tuple[Figure, Figure]:
    """Average precision, and recall at `PRECISION`."""
    return (
        figure([c.average_precision for c in own], [c.average_precision for c in first]),
        figure([c.recall_at(PRECISION) for c in own], [c.recall_at(PRECISION) for c in first]),
    )


HEADER = (
    "detector", "input", "precision", "million multiply-adds", "AP in %", "loses",
    f"recall in % where {PRECISION:.0%} of the boxes are right", "loses", "from a score of", "ms here",
)  # fmt: skip


@click.command(epilog=EPILOG)
@click.argument("bundles", nargs=-1, required=True)
@click.option("--data", required=True, metavar="FOLDER",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Sequences of MOTChallenge.")  # fmt: skip
@click.option("--seal", "is_sealed", is_flag=True, help="Write the figures into the last bundle.")
@command_line.one_line_errors
def main(bundles: tuple[str, ...], data: Path, is_sealed: bool) -> None:
    """Average precision at an overlap of half, and recall, of each of BUNDLES."""
    footage = read_footage(data)
    runs = [find(bundle, footage) for bundle in bundles]
    every = [curves(run, footage) for run in runs]
    rows = [row(run, own, every[0]) for run, own in zip(runs, every)]
    console.echo(console.text_table(HEADER, rows))
    if is_sealed:
        people = sum(map(len, footage.truth))
        text = (
            f"On {people} people in {len(footage.files)} frames of {data.name}, against the first "
            "row; in brackets what 95 % of the resamplings of its seconds give."
        )
        section = document.Section(
            TITLE, (text,), (document.Table(HEADER[:-1], [r[:-1] for r in rows]),)
        )
        graphs = zip(("float", "streamed"), every) if len(every) == 2 else [("streamed", every[-1])]
        accuracy = [
            Accuracy("boxes", metric, f.value, len(footage.files), graph, data.name, f.low, f.high)
            for graph, own in graphs
            for metric, f in zip(("average precision in %", "recall in %"), figures(own, every[0]))
        ]
        seal(runs[-1].bundle, section, accuracy)


if __name__ == "__main__":
    main()
