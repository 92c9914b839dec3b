"""`python -m examples.face.reidentify BUNDLE`: how well a bundle knows people again, and impostors.

On the 400 photos of ORL, each of which fills a whole window. Writes what was measured,
and with --seal puts the threshold for `edge-run --gallery` into the bundle.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from edge.bundle import Accuracy, open_bundle
from edge.people.recogniser import ACCEPTANCE, OperatingPoint, to_member
from edge_common import command_line, document, statistics, write_whole
from edge_models.datasets.orl import read_photos
from edge_models.evaluation import intervals, similarity
from examples.face import galleries, identify

RATES = (0.001, 0.01, 0.05)
GALLERIES = (1, 5, 10, 20)  # people enrolled
DRAWS = 500
TAIL = (0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)  # of the impostors, for the curve
DATA = "400 photos of ORL, 40 people, each filling a window"
TITLE = "Knowing people again"

EPILOG = """\b
Examples:
  python -m examples.face.reidentify out/face/face.edge --float out/face/face.keras -o out/face/people
  python -m examples.face.reidentify out/face/face.edge --seal
"""


@dataclass(frozen=True)
class OpenSetResult:
    """A threshold and what it does with `people` in the gallery; rates on all 40 people."""

    people: int
    rate: float
    threshold: float
    true_accept_rate: float


@dataclass(frozen=True)
class Report:
    """What was measured of one graph, `float` or `streamed`.

    rank_1: of each photo against all 399 others.  roc_area: of all pairs of photos.
    points: threshold, false and true accept rate of `people` enrolled, for a curve.
    """

    graph: str
    rank_1: intervals.Estimate
    pairs_of_one: int
    pairs_of_two: int
    roc_area: float
    open_set: tuple[OpenSetResult, ...]
    points: tuple[tuple[float, float, float], ...]


def measure(graph: str, descriptors: np.ndarray, people: np.ndarray, enrolled: int) -> Report:
    """Everything of descriptors (n, d) that show `people` (n,); the curve at `enrolled`."""
    rows = similarity.unit(descriptors)
    likeness = rows @ rows.T
    right = galleries.leave_one_out(likeness, people)
    same_person, two_people = galleries.pairs(likeness, people)
    every, rank_1 = np.unique(people), int(right.sum())
    open_sets = []
    for count in GALLERIES:
        answers = galleries.asked(likeness, people, every, count, DRAWS, np.random.default_rng(0))
        for rate in RATES:
            threshold = answers.threshold_at(rate)
            open_sets.append(
                OpenSetResult(count, rate, threshold, answers.true_accept_rate(threshold))
            )
    curve = galleries.asked(likeness, people, every, enrolled, DRAWS, np.random.default_rng(0))
    thresholds = np.quantile(curve.impostors, np.concatenate([np.linspace(0, 0.9, 19), TAIL]))
    points = tuple(
        (round(float(t), 4), curve.false_accept_rate(t), curve.true_accept_rate(t))
        for t in thresholds
    )
    figure = intervals.Estimate(
        rank_1 / len(right), *statistics.wilson_interval(rank_1, len(right)), len(right)
    )
    area = similarity.roc_area(same_person, two_people)
    return Report(graph, figure, len(same_person), len(two_people), area, tuple(open_sets), points)


def acceptance(
    descriptors: np.ndarray, people: np.ndarray, enrolled: int, rate: float, command: str
) -> tuple[OperatingPoint, intervals.Estimate]:
    """The threshold at `rate` on all people, and what such a threshold does to people held out.

    Also the true accept rate of people held out.
    """
    rows = similarity.unit(descriptors)
    likeness, random = rows @ rows.T, np.random.default_rng(0)
    threshold = galleries.asked(
        likeness, people, np.unique(people), enrolled, DRAWS, random
    ).threshold_at(rate)  # fmt: skip
    false, true = galleries.held_out(likeness, people, enrolled, rate, random)
    operating_point = OperatingPoint(
        identify.DESCRIPTOR, math.ceil(threshold * 1e4) / 1e4, rate, enrolled, galleries.KNOWN_BY,
        round(false.value, 4), round(false.low, 4), round(false.high, 4), round(true.value, 4), DATA,
        command,
    )  # fmt: skip
    return operating_point, true


def section(
    reports: list[Report], accepted: OperatingPoint, held_true: intervals.Estimate
) -> document.Section:
    """For a person to read."""
    ranks = [
        (r.graph, str(r.rank_1), str(r.rank_1.n), f"{r.roc_area:.5f}",
         f"{r.pairs_of_one:,} and {r.pairs_of_two:,}")
        for r in reports
    ]  # fmt: skip
    impostors = [
        (r.graph, str(o.people), f"{o.rate:.1%}", f"{o.threshold:.3f}", f"{o.true_accept_rate:.1%}")
        for r in reports
        for o in r.open_set
    ]
    text = (
        f"{DATA}; likeness is the cosine. Rank-1: the most similar of the 399 other photos shows "
        "the same person, with Wilson's 95 % interval. Area: under the ROC of all pairs.",
        f"Threshold of the bundle: **{accepted.threshold:.3f}**, at which "
        f"{accepted.false_accept_rate:.1%} of impostors get a name from a gallery of "
        f"{accepted.people} people, each known by {accepted.known_by} photos. Chosen in the same "
        f"way on half of the people and checked on the other half, 100 times, it named "
        f"{accepted.held_out_rate:.1%} of the impostors ({accepted.low:.1%} to {accepted.high:.1%} "
        f"in 95 % of the halvings), and {held_true.value:.2%} ({held_true.low:.1%} to "
        f"{held_true.high:.1%}) of the known by their own name. All photos were taken in one "
        "room: on other pictures both rates are others.",
    )
    tables = (
        document.Table(("graph", "rank-1", "n", "ROC area", "pairs of one person, of two"), ranks, 1),
        document.Table(("graph", "people in the gallery", "impostors named", "threshold", "known named"),
              impostors, 1),
    )  # fmt: skip
    return document.Section(TITLE, text, tables)


def rank_1_of(report: Report) -> Accuracy:
    """As a manifest holds it."""
    r = report.rank_1
    data = f"{DATA}: rank-1 among all others"
    return Accuracy(
        identify.DESCRIPTOR, "accuracy", r.value, r.n, report.graph, data, r.low, r.high
    )


@click.command(epilog=EPILOG)
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--float", "model", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="MODEL.keras", help="The network in float, to hold it against.")  # fmt: skip
@click.option("--false-accept-rate", "rate", type=command_line.FiniteFloat(0, 1, min_open=True),
              default=0.001, show_default=True, metavar="SHARE",
              help="Of impostors that may get somebody's name.")  # fmt: skip
@click.option("--people", "enrolled", type=click.IntRange(1, 19), default=10, show_default=True,
              metavar="N", help="In the gallery that the threshold is for.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="NAME",
              help="Write NAME.json and NAME.md.")  # fmt: skip
@click.option("--seal", "sealing", is_flag=True, help="Put threshold and figures into BUNDLE.")
@command_line.one_line_errors
def main(
    bundle: Path, model: Path | None, rate: float, enrolled: int, output: Path | None, sealing: bool
) -> None:
    """Rank-1, ROC and a threshold for impostors, of BUNDLE and of the float network."""
    opened, photos = open_bundle(bundle), read_photos()
    people = np.array([photo.person for photo in photos])
    streamed = identify.describe_with_bundle(bundle, photos)
    reports = [measure("streamed", streamed, people, enrolled)]
    if model:
        floating = identify.describe_with_keras(model, photos)
        reports.insert(0, measure("float", floating, people, enrolled))
    command = f"python -m examples.face.reidentify {bundle.name} --false-accept-rate {rate:g}"
    command += f" --people {enrolled}"
    accepted, held_true = acceptance(streamed, people, enrolled, rate, command)
    report_section = section(reports, accepted, held_true)
    if output:
        content = {"acceptance": asdict(accepted), "reports": [asdict(r) for r in reports]}
        write_whole(output.with_suffix(".json"), (json.dumps(content, indent=1) + "\n").encode())
        write_whole(
            output.with_suffix(".md"),
            document.markdown(opened.manifest.name, [report_section]).encode(),
        )
    if sealing:
        figures = [rank_1_of(report) for report in reports]
        galleries.seal(opened, report_section, figures, {ACCEPTANCE: to_member(accepted)})
    click.echo(document.markdown(opened.manifest.name, [report_section]))


if __name__ == "__main__":
    main()
