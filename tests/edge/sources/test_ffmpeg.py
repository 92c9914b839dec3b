"""ffmpeg as a child: what it hands over is as large as needed, whole, and in the right colours."""

import itertools
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sources import WHOLE, FrameNeeds, ffmpeg, network, open_source
from edge.sources.live import LiveSource
from edge_common import SourceError
from tests.edge.sources import web

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")


def scene(width: int, height: int, red: int = 200) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2], image[: height // 2, width // 2 :] = (40, 90, red), (200, 60, 20)
    return image


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


LARGE, SMALL = jpeg(scene(640, 480)), jpeg(scene(160, 120))
SEQUENCES = {
    "/large": [LARGE],
    "/small": [SMALL],
    "/half": [LARGE, LARGE[: len(LARGE) // 2]],
    "/resized": [*[LARGE] * 10, *[SMALL] * 10],
}


class Camera(web.Handler):
    """Sends one of the SEQUENCES, again and again, 50 frames a second."""

    connections = 0

    def do_GET(self) -> None:
        Camera.connections += 1
        self.send_images(itertools.cycle(SEQUENCES[self.path]))


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    with web.serving(Camera) as address:
        yield address


def first_frames(url: str, needs: FrameNeeds, count: int = 6) -> list[np.ndarray]:
    capture = ffmpeg.FfmpegStream(url, needs)(10)
    try:
        return [capture.read(10) for _ in range(count)]
    finally:
        capture.close()


@pytest.mark.parametrize(
    ("path", "needs", "shape"),
    [
        ("/large", WHOLE, (480, 640)),
        ("/large", FrameNeeds((100, 100)), (100, 100)),
        ("/large", FrameNeeds((100, 100), keeps_aspect=True), (100, 133)),
        ("/large", FrameNeeds((224, 224)), (224, 224)),
        ("/large", FrameNeeds((800, 300)), (300, 640)),
        ("/small", FrameNeeds((100, 100)), (100, 100)),
        ("/small", FrameNeeds((300, 300)), (120, 160)),
        ("/small", FrameNeeds((300, 300), keeps_aspect=True), (120, 160)),
    ],
)
def test_frames_are_no_larger_than_needed_and_never_enlarged(camera, path, needs, shape) -> None:
    frame = first_frames(camera + path, needs)[-1]
    assert frame.shape == (*shape, 3)
    expected = cv2.resize(scene(640, 480), shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.median(np.abs(frame.astype(int) - expected)) <= 2


def test_one_connection_is_enough_for_a_camera_of_usual_size(camera: str) -> None:
    before = Camera.connections
    first_frames(f"{camera}/large", FrameNeeds((100, 100)))
    assert Camera.connections == before + 1


def test_half_an_image_is_no_frame(camera: str) -> None:
    for frame in first_frames(f"{camera}/half", WHOLE, 20):
        assert np.abs(frame.astype(int) - scene(640, 480)).mean() < 4


@pytest.mark.parametrize(
    ("needs", "shape"), [(WHOLE, (480, 640)), (FrameNeeds((90, 60)), (60, 90))]
)
def test_a_camera_that_changes_its_size_goes_on(camera, needs, shape) -> None:
    frames = first_frames(f"{camera}/resized", needs, 30)
    expected = cv2.resize(scene(640, 480), shape[::-1], interpolation=cv2.INTER_AREA)
    for frame in frames:
        assert frame.shape == (*shape, 3)
        assert np.median(np.abs(frame.astype(int) - expected)) <= 3


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 frames of H.264 that become redder, as an MPEG transport stream."""
    path = tmp_path_factory.mktemp("film") / "film.ts"
    frames = b"".join(scene(320, 240, 50 + 8 * number).tobytes() for number in range(25))
    command = (
        "ffmpeg -v error -f rawvideo -pix_fmt bgr24 -s 320x240 -r 25 -i - -c:v libx264 -qp 10 "
        f"-pix_fmt yuv420p {path}"
    )
    subprocess.run(command.split(), input=frames, check=True)
    return path


def test_each_frame_of_h264_comes_once_and_in_its_colours(film: Path) -> None:
    capture = ffmpeg.FfmpegStream(f"file:{film}", FrameNeeds((32, 24)))(10)
    reads = (capture.read(10) for _ in itertools.count())
    frames = list(itertools.takewhile(lambda pixels: pixels is not None, reads))
    reds = [int(frame[12, 5, 2]) for frame in frames]
    assert len(frames) == 25
    assert np.abs(np.array(reds) - (50 + 8 * np.arange(25))).max() <= 4
    assert (frames[0][2, 28] - np.array([200, 60, 20])).max() <= 4


def test_a_decoder_can_be_chosen(film: Path) -> None:
    with open_source(f"stream:file:{film}:decoder=h264") as source:
        assert next(iter(source)).pixels.shape == (240, 320, 3)
    with pytest.raises(SourceError, match=r"nonsense.*ffmpeg -decoders"):
        open_source(f"stream:file:{film}:decoder=nonsense")
    with pytest.raises(SourceError, match="tcp or udp"):
        open_source("rtsp://127.0.0.1:9/x:transport=carrier-pigeon")


def test_without_ffmpeg_a_line_names_the_package_and_opencv_reads(
    camera: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    with open_source(f"{camera}/large", FrameNeeds((100, 100))) as source:
        assert isinstance(source, LiveSource)
        assert next(iter(source)).pixels.shape == (480, 640, 3)
    assert "sudo apt install ffmpeg" in capsys.readouterr().err
    with pytest.raises(SourceError, match="sudo apt install ffmpeg"):
        open_source(f"{camera}/large:decoder=mjpeg_v4l2m2m")


def test_a_decoder_without_its_hardware_is_said(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    pattern = "-f lavfi -i testsrc=size=64x48:rate=25 -t 0.2 -c:v libx264 -pix_fmt yuv420p"
    subprocess.run(["ffmpeg", "-v", "error", *pattern.split(), str(clip)], check=True)
    with pytest.raises(SourceError, match=r"none of its hardware|`ffmpeg -decoders` lists them"):
        ffmpeg.FfmpegStream(str(clip), WHOLE, decoder="h264_v4l2m2m")(10).close()


def test_who_has_set_up_opencv_s_ffmpeg_keeps_it(
    camera: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_OPENCV_IS_SET_UP", True)
    with open_source(f"{camera}/large", FrameNeeds((100, 100))) as source:
        assert next(iter(source)).pixels.shape == (480, 640, 3)


def test_segments_of_a_playlist_are_played_at_their_own_rate(tmp_path: Path) -> None:
    playlist = tmp_path / "live.m3u8"
    command = (
        "ffmpeg -v error -nostdin -re -f lavfi -i testsrc=size=160x120:rate=25 -c:v libx264 -g 25 "
        f"-preset ultrafast -f hls -hls_time 1 -hls_list_size 3 -hls_flags delete_segments {playlist}"
    )
    with (
        subprocess.Popen(command.split()) as encoder,
        web.serving(web.files_of(tmp_path)) as address,
    ):
        try:
            while not playlist.exists():
                time.sleep(0.05)
            capture = ffmpeg.FfmpegStream(f"{address}/live.m3u8", FrameNeeds((32, 24)))(30)
            arrivals = [time.monotonic() for _ in range(50) if capture.read(30) is not None]
            capture.close()
        finally:
            encoder.kill()
    assert arrivals[-1] - arrivals[0] > 1.4  # 49 frames are 2 s; segments at once would take none
