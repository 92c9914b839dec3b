"""`python -m examples.detectors.faces OUT_DIR`: photos of ORL in drawn scenes, for `face-finder`.

Each scene holds two faces of people in front of a wall. calibration.npz is of the first five photos
of each person; `scenes/` is a sequence of MOTChallenge of the others, which `measure` reads.
"""

from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from edge.check.clips import Clips
from edge_common import command_line, write_whole
from edge_models.datasets import orl, orl_motion
from examples.face.galleries import part_of

WIDTH, HEIGHT = 320, 240
# brows to chin in a photo of 92 x 112: left, top, width, height
FACE = (14, 32, 64, 68)
HEIGHTS = (0.35, 0.9)  # of a photo, as shares of the scene's
TINT = (0.75, 1.0)  # of each channel: ORL is grey, cameras are not


def scene(
    photos: Sequence[orl.Photo], random: np.random.Generator
) -> tuple[np.ndarray, list[tuple[float, ...]]]:
    """uint8 (HEIGHT, WIDTH, 3) RGB with these photos side by side, and left, top, width, height of faces."""
    above, below = random.uniform(30, 220, (2, 3))
    shades = np.linspace(above, below, HEIGHT)
    wall = np.repeat(shades[:, None], WIDTH, axis=1) + random.normal(0, 4, (HEIGHT, WIDTH, 1))
    boxes, room = list[tuple[float, ...]](), WIDTH // len(photos)
    for place, photo in enumerate(photos):
        rows, columns = photo.pixels.shape
        scale = min(random.uniform(*HEIGHTS) * HEIGHT / rows, room / columns)
        size = int(columns * scale), int(rows * scale)
        face = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
        x = place * room + int(random.integers(room - size[0] + 1))
        y = int(random.integers(HEIGHT - size[1] + 1))
        wall[y : y + size[1], x : x + size[0]] = face[..., None] * random.uniform(*TINT, 3)
        left, top, width, height = (scale * side for side in FACE)
        boxes.append((x + left, y + top, width, height))
    return wall.clip(0, 255).astype(np.uint8), boxes


def scenes(
    photos: Sequence[orl.Photo], seed: int
) -> tuple[list[np.ndarray], list[list[tuple[float, ...]]]]:
    """All photos, two in a scene, each once."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(photos)).reshape(-1, 2)
    every = [scene([photos[i] for i in pair], random) for pair in order]
    return [image for image, _ in every], [boxes for _, boxes in every]


@click.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@command_line.one_line_errors
def main(out_dir: Path) -> None:
    """Write calibration.npz and scenes/orl."""
    photos = orl.read_photos()
    images, _ = scenes(part_of(photos, "gallery"), seed=0)
    out_dir.mkdir(parents=True, exist_ok=True)
    clips = Clips("faces", np.stack(images)[:, None])
    orl_motion.write_clips(out_dir / "calibration.npz", clips)
    sequence = out_dir / "scenes" / "orl"
    for name in ("img1", "gt"):
        (sequence / name).mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (image, boxes) in enumerate(zip(*scenes(part_of(photos, "probes"), seed=1)), 1):
        jpeg = cv2.imencode(".jpg", image[..., ::-1])[1].tobytes()
        write_whole(sequence / "img1" / f"{number:06}.jpg", jpeg)
        lines += [f"{number},-1,{','.join(f'{side:.1f}' for side in box)},1" for box in boxes]
    write_whole(sequence / "gt" / "gt.txt", "\n".join([*lines, ""]).encode())
    click.echo(f"wrote {out_dir}/calibration.npz and {len(lines)} faces in {sequence}")


if __name__ == "__main__":
    main()
