"""ORL faces for the pretrained networks: clips, and who is recognised."""

from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from edge_models.datasets.orl import Photo
from examples.face import clips, identify
from examples.face.galleries import part_of
from examples.face.identify import rank_1

BLANK = np.zeros((112, 92), np.uint8)


def two_people(numbers: tuple[int, ...]) -> list[Photo]:
    return [Photo(person, number, BLANK) for person in (0, 1) for number in numbers]


def test_a_probe_is_the_person_at_the_smallest_angle() -> None:
    faces = two_people((1, 6, 7))
    descriptors = np.array([[1, 0], [9, 1], [1, 2], [0, 2], [0, 1], [0.1, 5]], np.float32)
    assert rank_1(descriptors, faces).tolist() == [True, False, True, True]


def test_more_known_photos_are_asked_for_no_longer() -> None:
    descriptors = np.eye(6, dtype=np.float32)
    assert len(rank_1(descriptors, two_people((1, 2, 3)), photos_known=1)) == 4
    assert len(rank_1(descriptors, two_people((1, 2, 3)), photos_known=2)) == 2


def test_gallery_and_probes_share_no_photo() -> None:
    faces = two_people(tuple(range(1, 11)))
    gallery, probes = part_of(faces, "gallery"), part_of(faces, "probes")
    assert sorted({photo.number for photo in gallery}) == [1, 2, 3, 4, 5]
    assert sorted({photo.number for photo in probes}) == [6, 7, 8, 9, 10]
    assert len(part_of(faces, "all")) == 20


@pytest.mark.parametrize("labels", [False, True])
def test_clips_are_written_at_the_size_of_the_network(
    photos, cli: CliRunner, tmp_path: Path, labels: bool
) -> None:
    path = tmp_path / "new/fer.npz"
    command = ["fer", str(path), "--window", "3", "--count", "6", "--photos", "probes"]
    done = cli.invoke(clips.main, command + ["--labels"] * labels)
    assert done.exit_code == 0, done.output
    content = np.load(path)
    assert content["clips"].shape == (6, 3, 64, 64, 3) and content["clips"].dtype == np.uint8
    assert content["clips"].std(axis=(1, 2, 3, 4)).min() > 5
    assert sorted(content.files) == ["action", "clips", "reid"] if labels else ["clips"]


def describing_network(*window: int) -> keras.Model:
    """Describes a photo by its pixels in coarse."""
    frame = keras.Input((*window, 32, 32, 3))
    x = layers.Reshape((-1, 32, 32, 3))(frame)
    x = layers.AveragePooling3D((1, 4, 4))(x)
    x = layers.GlobalAveragePooling1D()(layers.Reshape((window or (1,)) + (192,))(x))
    return keras.Model(frame, {"descriptor": layers.Rescaling(1 / 128, -1.0)(x)})


@pytest.mark.parametrize("window", [(), (2,)])
def test_models_of_pictures_and_of_windows_are_asked_alike(
    photos, cli: CliRunner, tmp_path: Path, window: tuple[int, ...]
) -> None:
    path = tmp_path / "m.keras"
    describing_network(*window).save(path)
    done = cli.invoke(identify.main, [str(path), "--known", "9"])
    assert done.exit_code == 0, done.output
    assert "rank-1 95.00%, 38 of 40 photos" in done.output


def test_a_model_without_descriptor_is_refused(cli: CliRunner, tmp_path: Path) -> None:
    frame = keras.Input((8, 8, 3))
    keras.Model(frame, {"age": layers.Flatten()(frame)}).save(tmp_path / "m.keras")
    (tmp_path / "n.keras").write_text("nothing")
    for name, reason in {"m": "gives no descriptor", "n": "is no Keras model"}.items():
        done = cli.invoke(identify.main, [str(tmp_path / f"{name}.keras")])
        assert done.exit_code == 2 and reason in done.output
