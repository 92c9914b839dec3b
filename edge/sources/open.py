"""From what the user typed to a source."""

import glob
from pathlib import Path
from urllib.parse import urlsplit

from edge.sources.files import (
    IMAGE_SUFFIXES,
    ImageFiles,
    VideoFile,
    frame_count,
    images_in,
    natural_key,
)
from edge.sources.live import LiveSource, camera, network_stream, open_url
from edge_common.errors import SourceError


def open_source(uri: str | int) -> VideoFile | ImageFiles | LiveSource:
    """Open a camera index, a video file, a folder or glob of images, or a stream's URL.

    Raises SourceError with what to do where nothing can be read there.
    """
    if isinstance(uri, int):
        return camera(uri)
    path = Path(uri)
    if path.is_dir():
        return ImageFiles(uri, images_in(path))
    if path.is_file():
        return ImageFiles(uri, [path]) if path.suffix.lower() in IMAGE_SUFFIXES else VideoFile(uri)
    if len(urlsplit(uri).scheme) > 1:  # one letter is a drive
        return _over_network(uri)
    if glob.has_magic(uri):
        matches = sorted(map(Path, glob.glob(uri)), key=natural_key)
        if not matches:
            raise SourceError(f"no file matches {uri}: quote the pattern and check its folder")
        return ImageFiles(uri, matches)
    raise SourceError(f"there is no source {uri}: give a video, an image folder, a glob or a URL")


def _over_network(url: str) -> VideoFile | LiveSource:
    """A recording on a server is read to its end; only a stream drops frames and reconnects."""
    capture = open_url(url)
    if frame_count(capture) is not None:
        return VideoFile(url, capture)
    return network_stream(url, capture)
