"""`python -m examples.activity.measure BUNDLE... --footage FILE`: what `activity` says of real people.

Nobody labelled the footage: who walks and who stands is told by how far they come. Falls are
counted where there are none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click
import numpy as np

from edge.bundle import Accuracy, open_bundle
from edge_common import command_line, console, document
from edge_models.evaluation import intervals
from examples.activity import clips
from examples.activity.footage import PersonWindow, Watched, watch
from examples.face.galleries import seal

TITLE = "On real footage"
DOWN = ("falling", "lying")
HEADER = ("footage", "bundle", "seconds", "people", "windows", "walking called so", "standing called so",
          "unclear", "alarms of falls", "as the first decides")  # fmt: skip

EPILOG = """\b
Example:
  python -m examples.activity.measure out/activity/float.edge out/activity/activity.edge \\
    --footage out/walkers/vtest.avi --footage mot15_tud/TUD-Stadtmitte/img1:rate=25
"""


def label(observation: PersonWindow) -> str:
    return clips.LABELS[int(observation.outputs["activity"].argmax())]


def alarms(observations: Iterable[PersonWindow], labels: Sequence[str] = DOWN) -> int:
    """How often somebody begins to be called one of these: windows on end are one alarm."""
    count, last = 0, dict[tuple[str, int], bool]()
    for each in observations:
        is_alarm = label(each) in labels
        count += is_alarm and not last.get(each.person, False)
        last[each.person] = is_alarm
    return count


@dataclass(frozen=True)
class WindowShare:
    """Of windows; its 95 % interval draws whole people."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, right: Sequence[bool], people: Sequence[tuple[str, int]]) -> "WindowShare":
        values, index = (
            np.array(right, float),
            {who: i for i, who in enumerate(dict.fromkeys(people))},
        )
        groups = np.array([index[who] for who in people])
        low, high = intervals.share_interval(values, groups) if len(right) else (np.nan, np.nan)
        return cls(float(values.mean()) if len(right) else np.nan, low, high, len(right))

    def __str__(self) -> str:
        figure = intervals.Estimate(self.value, self.low, self.high, self.n)
        return f"{intervals.share_within(figure)}, n = {self.n}" if self.n else intervals.NONE


@dataclass(frozen=True)
class ActivityFigures:
    """What one bundle says on some footage.  agreement: with another, window by window."""

    watched: tuple[Watched, ...]
    reference: tuple[Watched, ...]

    @property
    def observations(self) -> list[PersonWindow]:
        return [each for watched in self.watched for each in watched.observations]

    def called(self, truth: str) -> WindowShare:
        """Of those who do it, how many are said to."""
        own = [each for each in self.observations if each.truth == truth]
        return WindowShare.of([label(each) == truth for each in own], [each.person for each in own])

    def unclear(self) -> WindowShare:
        own = self.observations
        return WindowShare.of(
            [label(each) == clips.UNCLEAR for each in own], [each.person for each in own]
        )

    def agreement(self) -> WindowShare:
        """With the reference, window by window."""
        first = {(*o.person, o.frame): o for w in self.reference for o in w.observations}
        own = [each for each in self.observations if (*each.person, each.frame) in first]
        pairs = [(each, first[(*each.person, each.frame)]) for each in own]
        alike = [label(a) == label(b) for a, b in pairs]
        return WindowShare.of(alike, [each.person for each in own])

    def row(self, name: str, bundle: str) -> tuple[str, ...]:
        own = self.observations
        return (
            name, bundle, f"{sum(w.seconds for w in self.watched):.0f}",
            str(len({each.person for each in own})), str(len(own)), str(self.called("walking")),
            str(self.called("standing")), str(self.unclear()), str(alarms(own)),
            str(self.agreement()),
        )  # fmt: skip

    def accuracy(self, graph: str, data: str) -> list[Accuracy]:
        shares = {f"{truth} called so": self.called(truth) for truth in ("walking", "standing")}
        return [
            Accuracy("activity", metric, s.value, s.n, graph, data, s.low, s.high)
            for metric, s in shares.items()
            if s.n
        ]


def table(names: Sequence[str], every: Sequence[Sequence[Watched]]) -> list[tuple[str, ...]]:
    """A row for each recording and bundle, then one for all of them together."""
    rows = list[tuple[str, ...]]()
    for index in range(len(every[0])):
        for name, watched in zip(names, every):
            figures = ActivityFigures((watched[index],), (every[0][index],))
            rows.append(figures.row(watched[index].name, name))
    if len(every[0]) > 1:
        pairs = zip(names, every)
        rows += [ActivityFigures(tuple(w), tuple(every[0])).row("all", name) for name, w in pairs]
    return rows


@click.command(epilog=EPILOG)
@click.argument("bundles", nargs=-1, required=True)
@click.option("--footage", required=True, multiple=True, metavar="SOURCE",
              help="A recording by a camera that stands still; may be given again.")  # fmt: skip
@click.option("--seal", "is_sealed", is_flag=True, help="Write the figures into the last bundle.")
@command_line.one_line_errors
def main(bundles: tuple[str, ...], footage: tuple[str, ...], is_sealed: bool) -> None:
    """Follow everybody in FOOTAGE with each of BUNDLES, and count what they say."""
    opened = [open_bundle(bundle) for bundle in bundles]
    names = [bundle.manifest.name for bundle in opened]
    every = [[watch(bundle, source) for source in footage] for bundle in opened]
    rows = table(names, every)
    console.echo(console.text_table(HEADER, rows))
    if is_sealed:
        text = (
            "Walkers go at least 0.45 body heights a second, who stands less than 0.08. In brackets "
            "95 % intervals that draw whole people; windows on end are one alarm."
        )
        section = document.Section(TITLE, (text,), (document.Table(HEADER, rows),))
        figures = ActivityFigures(tuple(every[-1]), tuple(every[0]))
        seal(opened[-1], section, figures.accuracy("streamed", "real footage"))


if __name__ == "__main__":
    main()
