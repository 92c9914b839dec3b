"""`python -m models.demo_video OUT_DIR`: a film of the 40 test faces, with its truth.

Needs no TensorFlow. `write_golden_clips` films the astronaut photo of
scikit-image (NASA, public domain) for frames that a bundle may be shipped with.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

from edge.errors import ClipError, EdgeError

from .config import read_config
from .datasets.clips import Clips, write_clips
from .datasets.motion import ACTIONS, draw_look, draw_motion, render
from .datasets.orl import HEIGHT, LABELS, WIDTH, Photo, read_photos, split_by_photo
from .datasets.packages import package_file

SHIPPED_CONFIG = Path(__file__).parent / "configs" / "orl_motion_lite.toml"
VIDEO_NAME, TRUTH_NAME = "faces_in_motion.mp4", "faces_in_motion.truth.jsonl"
SEGMENT_FRAMES = 24
FRAME_RATE_HZ = 25.0
# Where the astronaut's face is, framed as an ORL photo is: left, top, width, height.
ASTRONAUT_FACE = (165, 50, 118, 144)


@dataclass(frozen=True)
class Segment:
    """A face that does one thing, and nothing else is in the picture."""

    photo: Photo
    action: str

    def truth(self, first_frame: int) -> dict[str, object]:
        """What the truth file says of it."""
        return {
            "first_frame": first_frame,
            "last_frame": first_frame + SEGMENT_FRAMES - 1,
            "tasks": {"reid": LABELS[self.photo.person], "action": self.action},
        }


def plan_segments(photos: Sequence[Photo], seed: int) -> list[Segment]:
    """One segment a person, of one of the photos; actions as even as can be."""
    random = np.random.default_rng(seed)
    people = random.permutation(sorted({photo.person for photo in photos}))
    actions = random.permutation([ACTIONS[i % len(ACTIONS)] for i in range(len(people))])
    segments = []
    for person, action in zip(people, actions, strict=True):
        own = [photo for photo in photos if photo.person == person]
        segments.append(Segment(own[random.integers(len(own))], str(action)))
    return segments


def write_demo(folder: Path, segments: Sequence[Segment], seed: int, size: int = 360) -> None:
    """Write the film (mp4v, 25 frames a second) and one JSON line a segment.

    Raises:
        ClipError: OpenCV cannot write the film.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClipError(f"{folder} cannot be made: {error.strerror}") from error
    random = np.random.default_rng(seed)
    writer = cv2.VideoWriter(
        str(folder / VIDEO_NAME), cv2.VideoWriter.fourcc(*"mp4v"), FRAME_RATE_HZ, (size, size)
    )
    if not writer.isOpened():
        raise ClipError(
            f"{folder / VIDEO_NAME} cannot be written as mp4v: check the folder's rights"
        )
    try:
        for segment in segments:
            for frame in film_segment(segment, size, random):
                writer.write(frame)
    finally:
        writer.release()
    lines = [json.dumps(s.truth(i * SEGMENT_FRAMES)) for i, s in enumerate(segments)]
    (folder / TRUTH_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")


def film_segment(segment: Segment, size: int, random: np.random.Generator) -> np.ndarray:
    """uint8 (24, size, size, 3); all channels are equal, so RGB is BGR."""
    motion = draw_motion(segment.action, SEGMENT_FRAMES, random)
    look = dataclasses.replace(draw_look(random), jpeg_quality=None)
    return render(segment.photo.pixels, motion, size, random, look)


def astronaut_face() -> np.ndarray:
    """The astronaut's face, grey as ORL is: uint8 (112, 92)."""
    image = cv2.imread(str(package_file("skimage", "data/astronaut.png")), cv2.IMREAD_GRAYSCALE)
    left, top, width, height = ASTRONAUT_FACE
    face = image[top : top + height, left : left + width]
    return cv2.resize(face, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def write_golden_clips(path: Path, *, length: int = 15, size: int = 100, seed: int = 0) -> None:
    """Film the astronaut in all 8 actions: `clips` (8, length, size, size, 3) and `action`."""
    random = np.random.default_rng(seed)
    face = astronaut_face()
    frames = [render(face, draw_motion(action, length, random), size, random) for action in ACTIONS]
    write_clips(path, Clips(np.stack(frames), {"action": np.arange(len(ACTIONS))}))


EPILOG = """\b
Example:
  python -m models.demo_video out/demo
"""


@click.command(epilog=EPILOG)
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--size", default=360, show_default=True, type=click.IntRange(32, 2160),
              help="Width and height of the film, pixels.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of motions, light and order.")
@click.option(
    "--config", "config_path", default=SHIPPED_CONFIG, type=click.Path(exists=True, path_type=Path),
    help="Training file that decides which photos are test photos.  [default: the shipped one]",
)  # fmt: skip
def main(out_dir: Path, size: int, seed: int, config_path: Path) -> None:
    """Write faces_in_motion.mp4 and its truth: the 40 people of ORL, test photos only."""
    try:
        config = read_config(config_path)
        split = split_by_photo(
            read_photos(), config.seed,
            test=config.data.test_photos, validation=config.data.validation_photos,
        )  # fmt: skip
        segments = plan_segments(split.test, seed)
        write_demo(out_dir, segments, seed, size)
    except EdgeError as error:
        click.echo(f"demo_video: {error}", err=True)
        sys.exit(error.exit_code)
    click.echo(f"wrote {os.path.join(out_dir, VIDEO_NAME)}: {len(segments)} segments")


if __name__ == "__main__":
    main()
