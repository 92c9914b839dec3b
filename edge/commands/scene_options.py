"""Who is in the frames, as options of `edge-run` say it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge import shipped
from edge_common import command_line, console

if TYPE_CHECKING:
    from edge import bundle, detector as detectors, scene, source_summary, stream
    from edge.tracks import zones

F = TypeVar("F", bound=Callable[..., Any])
MAX_PEOPLE, NO_DETECTOR = 10, "none"
_USUAL_HZ = 25.0  # of a source that does not say how many frames it gives
BUDGET_SHARE = 0.5  # of the time between two frames: capture, drawing and writing need the rest
_HIGHEST_HZ = 240.0  # sources may announce anything

_detector = click.option(
    "--detector",
    default="",
    metavar="NAME|FILE|none",
    help="Find people with this detector, `person` or a file, and look at each through a window "
    "of their own. [default: none; without BUNDLE, and of whole frames, face-finder]",
)
_budget = click.option(
    "--budget-ms",
    type=command_line.FiniteFloat(0, min_open=True),
    metavar="MS",
    help="Milliseconds a frame for finding people and looking at them; if it is too little for all, "
    "each is looked at less often. [default: half of a live source's frame time; recordings wait]",
)
_max_people = click.option(
    "--max-people",
    type=click.IntRange(1),
    metavar="N",
    help=f"Look at N people at most, those who came first. [default: {MAX_PEOPLE}]",
)
_detect_every = click.option(
    "--detect-every",
    type=click.IntRange(1),
    metavar="K",
    help="Run the detector on every Kth frame. [default: as the budget allows]",
)
_zone = click.option(
    "--zone",
    multiple=True,
    metavar="NAME=X,Y,X,Y,...",
    help="Say who stands in this polygon, in pixels or shares of the frame, and for how long; may be "
    "given again.",
)
_mask = click.option(
    "--mask",
    multiple=True,
    metavar="X,Y,X,Y,...",
    help="Look for nobody who stands in this polygon; may be given again.",
)


@dataclass(frozen=True)
class PeopleOptions:
    """What the command line says of people; no detector: the network looks at the frames."""

    detector: str = ""
    budget_ms: float | None = None
    max_people: int | None = None
    detect_every: int | None = None
    zone: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()

    def refuse_without_detector(self) -> None:
        """Raise click.UsageError if anything else is given without one."""
        if self.detector:
            return
        for each in fields(self):
            if getattr(self, each.name):
                name = each.name.replace("_", "-")
                raise click.UsageError(f"--{name} goes with --detector NAME")

    def __bool__(self) -> bool:
        return bool(self.detector)

    @property
    def files(self) -> tuple[Path, ...]:
        """What a detector may be read from: a .tflite and its TOML stand side by side."""
        path = Path(self.detector)
        beside = (path.with_suffix(suffix) for suffix in (".toml", ".tflite")) if path.name else ()
        return (path, *beside) if self.detector else ()

    @cached_property
    def areas(self) -> "tuple[tuple[zones.Zone, ...], tuple[zones.Polygon, ...]]":
        """Zones and masks. Raises EdgeError if one is none."""
        from edge.tracks import zones

        return zones.parse_zones(self.zone), tuple(map(zones.Polygon.parse, self.mask))

    def open(
        self,
        options: "stream.StreamOptions",
        opener: "Callable[[str], bundle.Bundle] | None" = None,
    ) -> "bundle.Bundle":
        """The detector, of which is said what was assumed. Raises EdgeError if it is none."""
        from edge.detector import open_detector

        opened = open_detector(self.detector, runtime=options.runtime, opener=opener)
        if opened.assumptions:
            console.note(f"{opened.manifest.name}: {opened.assumptions}")
        return opened

    def load(
        self,
        options: "stream.StreamOptions",
        opener: "Callable[[str], bundle.Bundle] | None" = None,
    ) -> "detectors.Detector":
        """Raises EdgeError if it is no detector."""
        from edge.detector import Detector

        return Detector(self.open(options, opener), options)

    def budget(self, counts: "Sequence[source_summary.SourceSummary]") -> tuple[float, str]:
        """Milliseconds a frame, and why so many.

        Of live sources' it is half of the time that each has for a frame, of those that give some
        just now: who is absent takes nothing from the others. Recordings lose nothing by waiting,
        so everybody is found and looked at in each of their frames. What a source announces is
        often wrong: it holds until its frames were timed.
        """
        if self.budget_ms is not None:
            return self.budget_ms, ""
        live = [each.source for each in counts if each.source.live and not each.ended]
        if not live:
            return math.inf, ": a recording waits"
        giving = [source for source in live if not source.gap_s()] or live
        either_hz = ((source.measured_hz(), source.rate_hz) for source in giving)
        rates_hz = [next(filter(_is_likely, each), 0.0) for each in either_hz]
        share = f", {BUDGET_SHARE * 100:.0f} % of the time" if all(rates_hz) else ""
        return 1e3 * BUDGET_SHARE / sum(rate or _USUAL_HZ for rate in rates_hz), share

    def summary(
        self,
        manifest: "bundle.Manifest",
        counts: "Sequence[source_summary.SourceSummary]",
        rate_hz: float | None,
    ) -> "scene.SceneSummary":
        """An empty one of a run on these sources."""
        from edge import scene

        return scene.SceneSummary(scene.expected_rate_hz(manifest, rate_hz), *self.budget(counts))

    def scene(self, options: "stream.StreamOptions", rate_hz: float | None) -> "scene.SceneOptions":
        """Whose budget is what `budget` says of each frame."""
        from edge import scene

        most = self.max_people or MAX_PEOPLE
        return scene.SceneOptions(
            options,
            max_people=most,
            detect_every=self.detect_every,
            rate_hz=rate_hz,
            zones=self.areas[0],
            masks=self.areas[1],
        )


def _is_likely(rate_hz: float) -> bool:
    return 0 < rate_hz <= _HIGHEST_HZ


def scene_options(command: F) -> F:
    """Add --detector and what goes with it, which become one `people`."""

    @wraps(command)
    def wrapped(
        *args: Any,
        detector: str,
        budget_ms: float | None,
        max_people: int | None,
        detect_every: int | None,
        zone: tuple[str, ...],
        mask: tuple[str, ...],
        **more: Any,
    ) -> Any:
        is_default = more["bundle"] is None and more["region"] == "full"
        name = detector or (shipped.DEFAULT_DETECTOR if is_default else "")
        if not name and more["bundle"] == shipped.DEFAULT_BUNDLE and more["region"] == "full":
            console.note(
                f"{shipped.DEFAULT_BUNDLE} looks at whole frames, and answers for a face that fills one: "
                f"detector {shipped.DEFAULT_DETECTOR} finds faces, {NO_DETECTOR} means this"
            )
        name = "" if name == NO_DETECTOR else name
        people = PeopleOptions(name, budget_ms, max_people, detect_every, zone, mask)
        return command(*args, people=people, **more)

    for option in (_mask, _zone, _detect_every, _max_people, _budget, _detector):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
