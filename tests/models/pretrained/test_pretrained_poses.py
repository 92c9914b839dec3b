"""Joints out of MoveNet's maps, by means in the place of look-ups."""

import keras
import numpy as np
import pytest
from skimage import data

from edge_models.pretrained import catalogue, poses
from tests.models.pretrained import test_pretrained_real as real

SIDE, RIGHT_WRIST = 24, 10


def joints_of(**maps: np.ndarray) -> np.ndarray:
    """(17, 3) y, x in shares of the side, and score."""
    inputs = {name: keras.Input(values.shape, name=name) for name, values in maps.items()}
    model = keras.Model(inputs, poses.joints(**inputs))
    found = model({name: values[None] for name, values in maps.items()}).numpy()
    return found.reshape(3, 17).T + (0.5, 0.5, 0.0)


def maps_of_a_body_in_the_middle() -> dict[str, np.ndarray]:
    """Each joint is expected at row 10, column 14, and seen nowhere yet."""
    middle = SIDE // 2
    maps = {
        name: np.full((SIDE, SIDE, channels), low, np.float32)
        for name, channels, low in (
            ("heat", 17, -6.0), ("regression", 34, 0.0), ("centre", 1, -6.0), ("offset", 34, 0.0)
        )
    }  # fmt: skip
    maps["centre"][middle, middle] = 2.0
    maps["regression"][middle, middle] = np.tile([10 - middle, 14 - middle], 17)
    return maps


def test_a_joint_is_at_its_place_and_its_offset_in_it() -> None:
    maps = maps_of_a_body_in_the_middle()
    maps["heat"][9, 15, RIGHT_WRIST] = 3.0
    maps["offset"][9, 15, 2 * RIGHT_WRIST : 2 * RIGHT_WRIST + 2] = 0.25, 0.75
    wrist = joints_of(**maps)[RIGHT_WRIST]
    assert wrist * (SIDE, SIDE, 1) == pytest.approx([9.25, 15.75, 0.953], abs=0.01)


def test_of_two_people_the_one_in_the_middle_is_meant() -> None:
    maps = maps_of_a_body_in_the_middle()
    maps["centre"][2, 2] = 2.0  # as sure of a body in the corner
    maps["heat"][9, 15, RIGHT_WRIST], maps["heat"][3, 3, RIGHT_WRIST] = 1.0, 3.0
    wrist = joints_of(**maps)[RIGHT_WRIST]
    assert wrist * (SIDE, SIDE, 1) == pytest.approx([9, 15, 0.73], abs=0.05)


def test_a_joint_that_is_nowhere_has_a_poor_score() -> None:
    found = joints_of(**maps_of_a_body_in_the_middle())
    assert found[:, 2] == pytest.approx(np.full(17, 0.0025), abs=1e-3)
    assert np.isfinite(found).all()


def test_movenet_finds_the_joints_that_its_own_graph_finds() -> None:
    path = real.HUMAN_MODELS / "models/movenet-lightning.json"
    real.needs(path)
    picture = data.astronaut()[None, ::2, ::2][:, :192, :192].astype(np.float32)
    (own,) = real.run_by_operation(path, picture, ["Identity"])
    sure = own.reshape(17, 3)[:, 2] > 0.3
    assert sure.sum() >= 5
    found = poses.read_pose(catalogue.MOVENET, real.HUMAN_MODELS).predict_on_batch(picture)
    joints = found.reshape(3, 17).T + (0.5, 0.5, 0.0)
    apart = np.abs(joints - own.reshape(17, 3))[sure]
    assert np.median(apart[:, :2]) < 0.5 / 192
    # of two places as likely, the mean lies between
    assert apart[:, :2].max() < 0.1 and np.median(apart[:, 2]) < 0.1
