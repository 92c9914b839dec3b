"""`python -m examples.face.identify MODEL`: does a descriptor tell the 40 people of ORL apart?

Each person is known by a few photos. For each other photo the nearest known one, by
the angle between descriptors, has to show the same person (rank-1 identification).
"""

from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from edge.bundle import open_bundle
from edge.check.evaluate import stream_outputs
from edge_common import ModelError, command_line, console
from edge_models.datasets.orl import Photo, read_photos

DESCRIPTOR = "descriptor"
BATCH = 16  # photos at a time, so that a window network fits into memory

EPILOG = """\b
Examples:
  python -m examples.face.identify out/faceres.keras
  python -m examples.face.identify out/faceres.edge
"""


def rank_1(descriptors: np.ndarray, photos: Sequence[Photo], photos_known: int = 5) -> np.ndarray:
    """For each photo numbered above `photos_known`: whether the nearest of the known ones is of its person.

    Args:
        descriptors: (photos, d), one row a photo.

    Returns:
        bool (photos asked for,), in their order.
    """
    unit = descriptors / np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-12)
    people = np.array([photo.person for photo in photos])
    in_gallery = np.array([photo.number <= photos_known for photo in photos])
    nearest = (unit[~in_gallery] @ unit[in_gallery].T).argmax(1)
    return people[in_gallery][nearest] == people[~in_gallery]


def describe_with_keras(path: Path, photos: Sequence[Photo]) -> np.ndarray:
    """Descriptors (photos, d) of a `.keras` network; one of windows sees a photo T times."""
    with console.captured_stderr():
        import keras

    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, OSError) as error:
        raise ModelError(
            f"{path} is no Keras model: make one with `edge-train pretrained`"
        ) from error
    if not isinstance(model.output, dict) or DESCRIPTOR not in model.output:
        raise ModelError(f"{path} gives no {DESCRIPTOR}: give faceres")
    *window, height, width, _ = model.input_shape[1:]
    rows = []
    for start in range(0, len(photos), BATCH):
        pictures = np.stack(
            [_rgb(photo, (width, height)) for photo in photos[start : start + BATCH]]
        )
        if window:
            pictures = np.repeat(pictures[:, None], window[0], axis=1)
        rows.append(model.predict_on_batch(pictures.astype(np.float32))[DESCRIPTOR])
    return np.concatenate(rows)


def describe_with_bundle(path: Path, photos: Sequence[Photo]) -> np.ndarray:
    """Descriptors (photos, d) of a bundle, streamed; a photo fills the whole window."""
    bundle = open_bundle(path)
    if DESCRIPTOR not in [task.name for task in bundle.manifest.tasks]:
        raise ModelError(f"{path} gives no {DESCRIPTOR}: convert faceres")
    pictures = [_rgb(photo) for photo in photos]
    windows = [np.broadcast_to(p, (bundle.manifest.window, *p.shape)) for p in pictures]
    return stream_outputs(bundle, windows)[DESCRIPTOR]


def _rgb(photo: Photo, size: tuple[int, int] | None = None) -> np.ndarray:
    """The whole photo, uint8 (H, W, 3); stretched to `size` (width, height) as edge-run does."""
    pixels = photo.pixels if size is None else cv2.resize(photo.pixels, size)
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--known", "photos_known", type=click.IntRange(1, 9), default=5, show_default=True,
              help="Photos that each person is known by, from the first.")  # fmt: skip
@command_line.one_line_errors
def main(model: Path, photos_known: int) -> None:
    """Rank-1 identification of MODEL (.keras in float, or a bundle) on the 400 photos of ORL."""
    photos = read_photos()
    describe = describe_with_bundle if model.suffix == ".edge" else describe_with_keras
    right = rank_1(describe(model, photos), photos, photos_known)
    click.echo(f"{model}: rank-1 {right.mean():.2%}, {right.sum()} of {len(right)} photos")


if __name__ == "__main__":
    main()
