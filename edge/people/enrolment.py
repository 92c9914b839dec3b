"""Descriptors of the one person that a source shows, and what `edge-run enroll` does with them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cv2
import numpy as np

from edge import sources
from edge.bundle import Bundle
from edge.commands import scene_options, source_options
from edge.commands.plain import PlainOptions
from edge.engine import EngineOptions
from edge.people.gallery import Gallery, change_gallery, checked_name, read_gallery, unit
from edge.people.recogniser import acceptance_of
from edge.stream import FrameSampler, Region, Stream, StreamOptions
from edge_common import GalleryError, can_be_written, console, named_numbers

if TYPE_CHECKING:
    from edge.people.faces import FaceFinder


@dataclass(frozen=True)
class Enrolment:
    """descriptors: float32 (n, d), of windows that share no frame, each of length one.

    frames: how many were looked at.  source_warning: what of the source was lost.
    """

    descriptors: np.ndarray
    frames: int
    source_warning: str = ""

    @property
    def likeness(self) -> float:
        """The least cosine of any two of them; 1 of a single one."""
        return (
            float((self.descriptors @ self.descriptors.T).min()) if len(self.descriptors) else 1.0
        )


def hop_for(window: int, total: int | None, most: int) -> int:
    """Frames between decisions, so that windows share none and spread over a recording."""
    return window if total is None else max(window, total // most)


def enrol(
    stream: Stream,
    source: sources.Source,
    gallery: Gallery,
    *,
    most: int,
    max_frames: int | None = None,
    region: Region = Region(),
    find: "FaceFinder | None" = None,
    as_photos: bool = False,
    sampler: FrameSampler = FrameSampler(),
    on_frame: Callable[[], None] = lambda: None,
) -> Enrolment:
    """Take at most `most` descriptors from a source, whose `stream` hops as `hop_for` says.

    A window with a frame of hardly any contrast gives none.
    find: the face in each frame, instead of a region; frames without one are left out.
    as_photos: each frame is a window of its own, as if it stood still.
    Raises GalleryError if no window gave one, and what the source raises.
    """
    descriptors: list[np.ndarray] = []
    window = stream.bundle.manifest.window
    frames = flat_frames = with_contrast = 0
    for frame in source:
        frames += 1
        on_frame()
        decision, face = None, None
        if sampler.takes(frame) and (face := find(frame.pixels) if find else region):
            if as_photos or frame.restart:
                stream.reset()
                frame, with_contrast = replace(frame, restart=False), 0
            pushes = window if as_photos else 1
            for _ in range(pushes):
                decision = stream.push(frame, face)
            has_contrast = contrast(frame.pixels, face) >= _FLAT
            with_contrast = with_contrast + pushes if has_contrast else 0
            flat_frames += not with_contrast
        if decision is not None and with_contrast >= window:
            descriptors.append(decision.tasks[gallery.task].scores)
        if len(descriptors) == most or frames == max_frames:
            break
    faceless = find.problem(frames) if find else ""
    if not descriptors:
        problem = (
            f"enrolls nobody: {faceless}" if faceless else _problem(frames, flat_frames, window)
        )
        raise GalleryError(f"{source.name} {problem}")
    left_out = faceless if as_photos else ""
    return Enrolment(unit(np.stack(descriptors)), frames, source.warning or left_out)


def _problem(frames: int, flat_frames: int, window: int) -> str:
    """Why a source gave no descriptor, although nothing was wrong with faces."""
    if flat_frames:
        return (
            f"shows nobody: {flat_frames} of {frames} frames have no contrast in the --region; look "
            "at the lens, the light and --region"
        )
    return (
        f"gave {frames} frames, the network looks at {window} at a time: give a longer source, or "
        "more --frames"
    )


_FLAT = 4.0  # of 255; faces in poor light have 10 and more
_COARSE = (32, 32)  # a sensor's noise is no contrast


def contrast(pixels: np.ndarray, region: Region = Region()) -> float:
    """Standard deviation of the brightness in a region of pixels, uint8 BGR (H, W, 3)."""
    left, top, width, height = region.locate(*pixels.shape[:2])
    coarse = cv2.resize(
        pixels[top : top + height, left : left + width], _COARSE, interpolation=cv2.INTER_AREA
    )
    return float(cv2.cvtColor(coarse, cv2.COLOR_BGR2GRAY).std())


@dataclass(frozen=True)
class EnrolOptions:
    """The options of `edge-run enroll`, as its help describes them.

    Raises click.UsageError unless there is one source, and SourceError if there is no such kind.
    """

    name: str
    source: source_options.SourceOptions = field(default_factory=source_options.SourceOptions)
    bundle: str = "face"
    gallery: Path = Path("people.npz")
    descriptors: int = 16
    frames: int | None = None
    region: str = "full"
    detector: str = ""
    rate: float | None = None
    inputs: tuple[named_numbers.NamedNumbers, ...] = ()
    engine: EngineOptions = field(default_factory=EngineOptions)
    plain: PlainOptions = field(default_factory=PlainOptions)
    as_json: bool = False

    def __post_init__(self) -> None:
        self.source.endpoint  # noqa: B018  # raises unless there is one
        self.plain.refuse_for(self.bundle)
        if self.detector and self.region != "full":
            raise click.UsageError("--region goes without --detector, which finds the face itself")

    @property
    def stream(self) -> StreamOptions:
        """How both networks are run."""
        return StreamOptions(**vars(self.engine), gate=False, inputs=self.inputs)


def execute(options: EnrolOptions) -> None:
    """Watch the source, add to the gallery, report what is known now and what looks odd."""
    bundle = options.plain.open(options.bundle, options.engine.runtime)
    options.stream.check_inputs(bundle.manifest.inputs)
    name, gallery = checked_name(options.name), options.gallery
    enrolment = _watch(bundle, _gallery(bundle, gallery), options)

    def added(content: Gallery) -> Gallery:
        content.check_fits(bundle, str(gallery))
        return content.with_person(name, enrolment.descriptors)

    # who was enrolled or forgotten while the source was watched stays so
    before, after = change_gallery(gallery, added, Gallery.of(bundle))
    operating_point = acceptance_of(bundle)
    warnings = [enrolment.source_warning.removeprefix("warning: ")]
    if operating_point:
        warnings += _warnings(name, before, enrolment, operating_point.threshold)
    warnings = list(filter(None, warnings))
    if options.as_json:
        console.echo(json.dumps(_as_json(name, gallery, after, enrolment, warnings)))
        return
    again = f" (known before: added to {len(before.people[name])})" if name in before.people else ""
    console.echo(
        f"{gallery}: {name} by {len(enrolment.descriptors)} descriptors of {enrolment.frames} "
        f"frames{again}"
    )
    for warning in warnings:
        console.echo(f"warning: {warning}", err=True)


def _gallery(bundle: Bundle, path: Path) -> Gallery:
    """The gallery at `path`, or an empty one. Raises GalleryError."""
    if path.exists():
        gallery = read_gallery(path)
        gallery.check_fits(bundle, str(path))
        return gallery
    if not can_be_written(path):
        raise GalleryError(f"{path} cannot be written: its folder is missing or read-only")
    return Gallery.of(bundle)


def _watch(bundle: Bundle, gallery: Gallery, options: EnrolOptions) -> Enrolment:
    """Descriptors of the source that the options ask for."""
    window, most = bundle.manifest.window, options.descriptors
    with sources.open_source(options.source.endpoint) as source:
        totals = [count for count in (source.total, options.frames) if count is not None]
        total = min(totals) if totals else None
        sampler = FrameSampler.of(bundle.manifest, options.rate)
        share = min(sampler.rate_hz / source.rate_hz, 1) if sampler.rate_hz * source.rate_hz else 1
        # images without a rate are no frames of one recording
        kind = options.source.endpoint.kind.name
        as_photos = bool(options.detector) and kind == "images" and not source.rate_hz
        hop = hop_for(window, None if total is None else int(share * total), most)
        spec = bundle.manifest.input
        region = Region.parse(options.region).seen_by(spec.size, spec.resize)
        hop = 1 if as_photos else hop
        stream = Stream(bundle, replace(options.stream, region=region, hop=hop))
        # how long a live source takes is not known: what counts are the windows
        with console.bar(total or window * most, "frames") as on_frame:
            return enrol(
                stream,
                source,
                gallery,
                most=most,
                max_frames=options.frames,
                region=region,
                find=_finder(options, bundle) if options.detector else None,
                as_photos=as_photos,
                sampler=sampler,
                on_frame=on_frame,
            )


def _finder(options: EnrolOptions, bundle: Bundle) -> "FaceFinder":
    from edge.people.faces import FaceFinder

    finder = scene_options.PeopleOptions(options.detector).load(options.stream)
    return FaceFinder(finder, bundle.manifest.input.size)


def _warnings(name: str, before: Gallery, enrolment: Enrolment, threshold: float) -> list[str]:
    """What makes it likely that the source shows somebody else, or several people."""
    warnings = []
    if enrolment.likeness < threshold:
        warnings.append(
            f"its windows are only {enrolment.likeness:.2f} alike at worst: does the source show one "
            "face all the time, and nothing else in the --region?"
        )
    similarities = {n: float((enrolment.descriptors @ d.T).max()) for n, d in before.people.items()}
    similarities.pop(name, None)
    nearest = max(sorted(similarities), key=similarities.__getitem__, default=None)
    if nearest is not None and similarities[nearest] >= threshold:
        warnings.append(
            f"it looks like '{nearest}' of the same gallery ({similarities[nearest]:.2f})"
        )
    own = before.people.get(name)
    if own is not None and float((enrolment.descriptors @ own.T).max()) < threshold:
        warnings.append(f"it does not look like the '{name}' who was known before")
    return warnings


def _as_json(
    name: str, gallery: Path, after: Gallery, enrolment: Enrolment, warnings: list[str]
) -> dict[str, object]:
    return {
        "gallery": str(gallery),
        "name": name,
        "frames": enrolment.frames,
        "added": len(enrolment.descriptors),
        "descriptors": len(after.people[name]),
        "likeness": round(float(np.clip(enrolment.likeness, -1, 1)), 4),
        "warnings": warnings,
    }
