"""`python -m examples.event_film`: long films of real clips, with known intervals.

What false alarms an hour, misses and delays of alerts are measured on (docs/alerts.md).
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

from edge_common import ClipError, command_line, console, whole_path, write_whole
from edge_models.datasets.motion import ACTIONS, draw_look, draw_motion, render

EXAMPLES = """\b
Examples:
  python -m examples.event_film faces --data utkface --part test --minutes 62 -o film
  edge-run faces-in-motion --source film/film.avi --sink jsonl:film/day.jsonl:probabilities=1
  edge-run replay film/day.jsonl --config judged.toml --jsonl film/judged.jsonl
  edge-bench events film/truth.jsonl film/judged.jsonl --hours 1.03
"""
_RARE, _SHARE = "shake", 0.125  # what alerts wait for, and of how many scenes
_SIDE, _FILM_SIDE = 96, 100  # pixels of a photo and of the film
_VISIT = (8, 17)  # clips


@dataclass(frozen=True)
class FilmScene:
    """Frames uint8 (N, H, W, 3), and the alert that should come of them; "": none."""

    frames: np.ndarray
    alert: str


def faces(data: Path, part: str, random: np.random.Generator) -> Iterator[FilmScene]:
    """A UTKFace photo after the other, each moved: now and then shaken, for 2 to 4 seconds."""
    photos = [row["file"] for row in _rows(data) if row["split"] == part]
    while True:
        for file in random.permutation(photos):
            grey = cv2.imread(str(data / file), cv2.IMREAD_GRAYSCALE)
            if grey is None:
                raise ClipError(f"{data / file} cannot be read: unpack the set again")
            is_rare = random.random() < _SHARE
            action = _RARE if is_rare else str(random.choice([a for a in ACTIONS if a != _RARE]))
            length = int(random.integers(50, 100) if is_rare else random.integers(25, 60))
            photo = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            motion, look = draw_motion(action, length, random), draw_look(random)
            frames = render(photo, motion, _FILM_SIDE, random, look)
            yield FilmScene(frames, action if is_rare else "")


def lips(data: Path, part: str, random: np.random.Generator) -> Iterator[FilmScene]:
    """Visits of MIRACL-VC1's people, who say 8 to 16 phrases each: part `tune` is of takes 1 to 3."""
    is_tune = part == "tune"
    rows = [r for r in _rows(data) if r["kind"] == "phrases"]
    rows = [r for r in rows if (int(r["repetition"]) <= 3) == is_tune]
    people, person = sorted({row["person"] for row in rows}), ""
    while True:
        person = str(random.choice([each for each in people if each != person]))
        own = [row["clip"] for row in rows if row["person"] == person]
        clips = random.choice(own, int(random.integers(*_VISIT)), replace=len(own) < _VISIT[1])
        yield FilmScene(np.concatenate([_frames(data / str(clip)) for clip in clips]), person)


def _rows(data: Path) -> list[dict[str, str]]:
    with (data / "index.csv").open(encoding="utf-8") as table:
        return list(csv.DictReader(table))


def _frames(clip: Path) -> np.ndarray:
    capture, frames = cv2.VideoCapture(str(clip)), []
    while (pixels := capture.read()[1]) is not None:
        frames.append(pixels)
    if not frames:
        raise ClipError(f"{clip} cannot be read: unpack the set again")
    return np.stack(frames)


KINDS: dict[str, tuple[Callable[[Path, str, np.random.Generator], Iterator[FilmScene]], float]] = {
    "faces": (faces, 25.0),
    "lips": (lips, 15.0),
}  # and frames a second


@click.command(epilog=EXAMPLES)
@click.argument("kind", type=click.Choice(tuple(KINDS)))
@click.option(
    "--data", required=True, metavar="FOLDER", help="UTKFace or MIRACL-VC1, with index.csv.",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)  # fmt: skip
@click.option("--part", required=True, metavar="PART", help="Of UTKFace test, ...; tune or film.")
@click.option("--minutes", type=command_line.FiniteFloat(0, min_open=True), default=62.0)
@click.option("--seed", type=int, default=0)
@click.option(
    "-o", "--output", required=True, metavar="FOLDER", type=click.Path(path_type=Path),
    help="Where film.avi and truth.jsonl go.",
)  # fmt: skip
@command_line.one_line_errors
def main(kind: str, data: Path, part: str, minutes: float, seed: int, output: Path) -> None:
    """Write a film, and the intervals in which alerts should come."""
    scenes, rate_hz = KINDS[kind]
    output.mkdir(parents=True, exist_ok=True)
    truth, written = [], 0
    with whole_path(output / "film.avi") as partial:
        writer = cv2.VideoWriter()
        for scene in scenes(data, part, np.random.default_rng(seed)):
            height, width = scene.frames.shape[1:3]
            codec = cv2.VideoWriter.fourcc(*"MJPG")
            if not writer.isOpened() and not writer.open(
                str(partial), codec, rate_hz, (width, height)
            ):
                raise ClipError(f"{partial} cannot be written as MJPEG: use an OpenCV with FFmpeg")
            for frame in scene.frames:
                writer.write(frame)
            span = {"start_s": written / rate_hz, "end_s": (written + len(scene.frames)) / rate_hz}
            truth += [json.dumps({"alert": scene.alert, **span})] if scene.alert else []
            written += len(scene.frames)
            if written >= minutes * 60 * rate_hz:
                break
        writer.release()
    write_whole(output / "truth.jsonl", ("\n".join(truth) + "\n").encode())
    console.echo(f"{written / rate_hz / 60:.1f} minutes, {len(truth)} intervals: {output}")


if __name__ == "__main__":
    main(prog_name="python -m examples.event_film")
