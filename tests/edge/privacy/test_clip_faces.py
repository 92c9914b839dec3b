"""Faces in clips and snapshots: covered in each frame, whatever a clip is made of."""

import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra clips")

from edge import sinks
from edge.privacy.faces import FaceSearch
from edge.stream import Frame
from edge_models.datasets.orl import package_file
from tests.edge.sinks import samples

FRAMES, RATE_HZ, APPEARS = 40, 25, 12


@pytest.fixture(scope="module")
def scene() -> list[np.ndarray]:
    """Nobody for 12 frames, then the astronaut, who turns their back in frames 24 to 29."""
    astronaut = cv2.imread(str(package_file("skimage", "data/astronaut.png")))
    astronaut = cv2.resize(np.asarray(astronaut), (360, 360), interpolation=cv2.INTER_AREA)
    images = [np.full((360, 480, 3), 90, np.uint8) for _ in range(FRAMES)]
    for number in range(APPEARS, FRAMES):
        images[number][:, 60:420] = astronaut
        if 24 <= number < 30:
            images[number][30:140, 170:270] = images[number][30:140, 170:270][::-1]
    return images


def detail(image: np.ndarray) -> float:
    """How much the middle of the face varies, grey levels."""
    return float(image[50:130, 185:255].std(axis=(0, 1)).mean())


def _images(path: Path) -> list[np.ndarray]:
    capture, images = cv2.VideoCapture(str(path)), list[np.ndarray]()
    while (image := capture.read()[1]) is not None:
        images.append(image)
    return images


def _record(folder: Path, scene: list[np.ndarray], run: sinks.RunInfo, options: str = "") -> Path:
    """The clip of an event that begins with frame 14, and ends with frame 36."""
    request = sinks.registry().find(f"clips:{folder}:before=2,after=2{options}")
    ((sink,),) = sinks.open_sinks([request], [run])

    def moment(number: int) -> object:
        return replace(samples.moment(number), time_s=number / RATE_HZ)

    first = replace(samples.event(14), started=moment(14), best=moment(20), newest=moment(14))
    for number, pixels in enumerate(scene):
        frame = Frame(pixels, number, 100.0 + number / RATE_HZ, number / RATE_HZ)
        if number == 16:
            sink.take_event(first, frame)
        if number == 38:
            end = {"ended": moment(36), "newest": moment(38)}
            sink.take_event(replace(first, phase="end", **end), frame)
        sink.take(frame, [])
    sink.close()
    (path,) = folder.glob("*.mp4")
    return path


def _check(path: Path, is_covered: bool) -> None:
    images = _images(path)
    assert len(images) == FRAMES
    snapshot = np.asarray(cv2.imread(str(path.with_suffix(".jpg"))))
    details = [detail(image) for image in (*images[APPEARS:], snapshot)]
    assert max(details) < 6 if is_covered else min(details) > 20
    assert max(detail(image) for image in images[:APPEARS]) < 6
    assert images[-1][300:350, 200:280].std() > 20  # the suit is there


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_a_clip_of_a_live_source_shows_no_face(
    codec: str, scene: list[np.ndarray], tmp_path: Path
) -> None:
    run = replace(samples.RUN, live=False, faces=FaceSearch())  # waits for what makes clips
    _check(_record(tmp_path, scene, run, f",codec={codec}"), is_covered=True)


def test_without_a_search_it_shows_what_was_there(scene: list[np.ndarray], tmp_path: Path) -> None:
    _check(_record(tmp_path, scene, samples.RECORDING), is_covered=False)


@pytest.mark.parametrize("is_covered", [True, False])
def test_a_clip_of_a_film_is_encoded_anew_to_cover_faces(
    is_covered: bool, scene: list[np.ndarray], tmp_path: Path
) -> None:
    film, folder = tmp_path / "film.mp4", tmp_path / "clips"
    form = f"-f rawvideo -pix_fmt bgr24 -s 480x360 -r {RATE_HZ} -i -"
    command = f"ffmpeg -v error {form} -c:v libx264 -pix_fmt yuv420p -g 25".split()
    content = b"".join(image.tobytes() for image in scene)
    subprocess.run([*command, str(film)], input=content, check=True)
    faces = FaceSearch() if is_covered else None
    run = replace(samples.RECORDING, recording=str(film), faces=faces)
    _check(_record(folder, scene, run), is_covered)
