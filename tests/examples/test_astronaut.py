import cv2
import numpy as np
from click.testing import CliRunner

from edge.check.clips import read_clips
from edge_models.datasets.motion import ACTIONS
from examples import astronaut


def test_the_face_is_framed_as_an_orl_photo() -> None:
    face = astronaut.astronaut_face()
    assert (face.shape, face.dtype) == ((112, 92), np.uint8)
    assert np.ptp(face) > 150


def test_it_writes_clips_and_a_film_of_all_actions(cli: CliRunner, tmp_path) -> None:
    done = cli.invoke(astronaut.main, [str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    clips = read_clips(tmp_path / "new/astronaut.npz", 15, (100, 100))
    assert clips.windows.shape == (8, 15, 100, 100, 3)
    assert clips.labels["action"].tolist() == list(range(len(ACTIONS)))
    film = cv2.VideoCapture(str(tmp_path / "new/astronaut.mp4"))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 8 * 24
