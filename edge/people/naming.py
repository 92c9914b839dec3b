"""From `--gallery` and `--threshold` to who names people in a run."""

from pathlib import Path

from edge.bundle import Bundle
from edge.people.acceptance import threshold_of
from edge.people.gallery import descriptor_task
from edge.people.gallery_file import read_gallery
from edge.people.recogniser import Recogniser


def open_recogniser(bundle: Bundle, path: Path, threshold: float | None) -> Recogniser:
    """Raise GalleryError where the bundle, the gallery or the threshold do not do."""
    descriptor_task(bundle)  # what is wrong with the bundle comes first
    gallery = read_gallery(path)
    gallery.check_fits(bundle, str(path))
    return Recogniser(gallery, threshold_of(bundle, threshold))
