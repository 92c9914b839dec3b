"""Descriptors of the one person that a source shows, and what `edge-run enroll` does with them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from edge.bundle.archive import open_bundle
from edge.engine.delegate import Delegate
from edge.people.acceptance import acceptance_of
from edge.people.gallery import Gallery, checked_name, read_gallery, unit, write_gallery
from edge.sources import Source, open_source
from edge.stream.preprocess import Region
from edge.stream.stream import EngineOptions, Stream
from edge_common.console import bar
from edge_common.errors import GalleryError
from edge_common.files import can_be_written


@dataclass(frozen=True)
class Enrolment:
    """descriptors: float32 (n, d), of windows that share no frame, each of length one.

    frames: how many were looked at.
    """

    descriptors: np.ndarray
    frames: int

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
    source: Source,
    gallery: Gallery,
    *,
    most: int,
    max_frames: int | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> Enrolment:
    """Take at most `most` descriptors from a source, whose `stream` hops as `hop_for` says.

    Raises GalleryError where no window was full, and what the source raises.
    """
    found: list[np.ndarray] = []
    frames = 0
    for frame in source:
        decision = stream.push(frame)
        frames += 1
        on_frame()
        if decision is not None:
            found.append(decision.tasks[gallery.task].scores)
        if len(found) == most or frames == max_frames:
            break
    if not found:
        window = stream.bundle.manifest.window
        raise GalleryError(
            f"{source.name} gave {frames} frames, the network looks at {window} at a time: "
            "give a longer source, or more --frames"
        )
    return Enrolment(unit(np.stack(found)), frames)


def execute(
    name: str,
    source: str | int,
    *,
    bundle: str,
    gallery: Path,
    descriptors: int,
    frames: int | None,
    region: str,
    runtime: str,
    threads: int,
    delegate: Delegate,
    as_json: bool,
) -> None:
    """Watch the source, add to the gallery, say what is known now and what looks odd."""
    opened, name = open_bundle(bundle), checked_name(name)
    before = Gallery.of(opened)
    if gallery.exists():
        before = read_gallery(gallery)
        before.check_fits(opened, str(gallery))
    elif not can_be_written(gallery):
        raise GalleryError(f"{gallery} cannot be written: its folder is missing or read-only")
    window = opened.manifest.window
    with open_source(source) as opened_source:
        known = [count for count in (opened_source.total, frames) if count is not None]
        total = min(known) if known else None
        hop = hop_for(window, total, descriptors)
        options = EngineOptions(runtime, threads, delegate)
        stream = Stream(opened, options, region=Region.parse(region), hop=hop)
        # of a live source nobody knows how long it takes: what counts are the windows
        with bar(total or window * descriptors, "frames") as on_frame:
            found = enrol(
                stream, opened_source, before, most=descriptors, max_frames=frames,
                on_frame=on_frame,
            )  # fmt: skip
    after = before.with_person(name, found.descriptors)
    write_gallery(gallery, after)
    measured = acceptance_of(opened)
    doubts = _doubts(name, before, found, measured.threshold) if measured else []
    if as_json:
        click.echo(json.dumps(_as_json(name, gallery, after, found, doubts)))
        return
    again = f" (known before: added to {len(before.people[name])})" if name in before.people else ""
    click.echo(
        f"{gallery}: {name} by {len(found.descriptors)} descriptors of {found.frames} frames{again}"
    )
    for doubt in doubts:
        click.echo(f"warning: {doubt}", err=True)


def _doubts(name: str, before: Gallery, found: Enrolment, threshold: float) -> list[str]:
    """What makes it likely that the source shows somebody else, or several people."""
    doubts = []
    if found.likeness < threshold:
        doubts.append(
            f"its windows are only {found.likeness:.2f} alike at worst: does the source show one "
            "face all the time, and nothing else in the --region?"
        )
    others = {n: float((found.descriptors @ d.T).max()) for n, d in before.people.items()}
    others.pop(name, None)
    nearest = max(sorted(others), key=others.__getitem__, default=None)
    if nearest is not None and others[nearest] >= threshold:
        doubts.append(f"it looks like '{nearest}' of the same gallery ({others[nearest]:.2f})")
    own = before.people.get(name)
    if own is not None and float((found.descriptors @ own.T).max()) < threshold:
        doubts.append(f"it does not look like the '{name}' who was known before")
    return doubts


def _as_json(
    name: str, gallery: Path, after: Gallery, found: Enrolment, doubts: list[str]
) -> dict[str, object]:
    return {
        "gallery": str(gallery),
        "name": name,
        "frames": found.frames,
        "added": len(found.descriptors),
        "descriptors": len(after.people[name]),
        "likeness": round(float(np.clip(found.likeness, -1, 1)), 4),
        "warnings": doubts,
    }
