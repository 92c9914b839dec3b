"""`python -m examples.astronaut OUT_DIR`: a face in motion that anybody may hand on.

The photo is NASA's of Eileen Collins, in the public domain, as scikit-image packages
it. Of it are made the golden frames of shipped bundles and the picture of Grad-CAM++,
since the photos of the data set are not ours to pass on. Needs no TensorFlow.
"""

from pathlib import Path

import click
import cv2
import numpy as np

from edge.check.clips import Clips
from edge_common import ClipError, command_line
from edge_models.datasets import motion, orl, orl_motion
from examples.demo_video import SEGMENT_FRAMES, write_film

CLIPS_NAME, VIDEO_NAME = "astronaut.npz", "astronaut.mp4"
# Where the face is, framed as an ORL photo is: left, top, width, height.
FACE_BOX = (165, 50, 118, 144)

EPILOG = """\b
Example:
  python -m examples.astronaut out/astronaut
"""


def astronaut_face() -> np.ndarray:
    """The face, grey as ORL is: uint8 (112, 92). Raises ClipError without scikit-image."""
    path = orl.package_file("skimage", "data/astronaut.png")
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ClipError(f"{path} cannot be read: install scikit-image again")
    x, y, width, height = FACE_BOX
    face = image[y : y + height, x : x + width]
    return cv2.resize(face, (orl.WIDTH, orl.HEIGHT), interpolation=cv2.INTER_AREA)


def film_all_actions(
    length: int, size: int, seed: int = 0, limits: motion.MotionRange = motion.MotionRange()
) -> np.ndarray:
    """One clip an action, in their order: uint8 (8, length, size, size, 3)."""
    random = np.random.default_rng(seed)
    face = astronaut_face()
    return np.stack(
        [
            motion.render(face, motion.draw_motion(action, length, random, limits), size, random)
            for action in motion.ACTIONS
        ]
    )


@click.command(epilog=EPILOG)
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@command_line.one_line_errors
def main(out_dir: Path) -> None:
    """Write astronaut.npz (15 frames an action) and astronaut.mp4 (24 frames an action)."""
    clips = film_all_actions(length=15, size=100)
    orl_motion.write_clips(
        out_dir / CLIPS_NAME, Clips("astronaut", clips, {"action": np.arange(len(motion.ACTIONS))})
    )
    write_film(out_dir / VIDEO_NAME, np.concatenate(film_all_actions(SEGMENT_FRAMES, 360)))
    click.echo(f"wrote {out_dir / CLIPS_NAME} and {out_dir / VIDEO_NAME}")


if __name__ == "__main__":
    main()
