"""How the shipped detectors are made and measured, on small drawn data."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import DetectionSpec
from edge_common import ClipError, decode, toml_parser
from examples.detectors import faces, measure, network
from tests import detectors


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    """Two sequences of 64 x 32 pixels, of 2 frames each: a bright spot, and one that no box is of."""
    for name in ("A", "B"):
        folder = tmp_path / "data" / name
        for part in ("img1", "gt"):
            (folder / part).mkdir(parents=True)
        for number in (1, 2):
            frame = np.zeros((32, 64, 3), np.uint8)
            frame[8:12, 8 * number : 8 * number + 4] = 255
            frame[24:28, 48:52] = 200
            cv2.imwrite(str(folder / "img1" / f"{number:06}.jpg"), frame)
        boxes = [f"{n},1,{8 * n - 2},6,8,8,1,-1,-1,-1" for n in (1, 2)]
        (folder / "gt" / "gt.txt").write_text("\n".join([*boxes, "2,2,60,-4,20,12,1,-1,-1,-1", ""]))
    return tmp_path / "data"


def test_footage_holds_boxes_inside_of_frames_and_seconds(sequences: Path) -> None:
    footage = measure.read_footage(sequences)
    assert [len(boxes) for boxes in footage.truth] == [1, 2, 1, 2]
    assert footage.truth[1].tolist() == [[14, 6, 22, 14], [60, 0, 64, 8]]
    assert footage.blocks.tolist() == [0, 0, 1, 1]


def test_footage_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="holds no SEQUENCE/gt/gt.txt"):
        measure.read_footage(tmp_path)


def test_a_detector_is_measured_and_its_figures_sealed(sequences: Path, tmp_path: Path) -> None:
    from edge.bundle import open_bundle, write_bundle

    spots = detectors.bright_spots()
    for name in ("first", "second"):
        write_bundle(tmp_path / f"{name}.edge", spots.manifest, spots.members)
    paths = [str(tmp_path / f"{name}.edge") for name in ("first", "second")]
    result = CliRunner().invoke(measure.main, [*paths, "--data", str(sequences), "--seal"])
    assert result.exit_code == 0, result.output
    sealed = open_bundle(tmp_path / "second.edge")
    figures = {(a.metric, a.graph): a for a in sealed.manifest.accuracy}
    precision = figures["average precision in %", "streamed"]
    # four of six are found before the four wrong ones, which are less bright
    assert precision.value == pytest.approx(100 * 4 / 6)
    assert figures["average precision in %", "float"].value == precision.value
    assert figures["recall in %", "streamed"].value == pytest.approx(100 * 4 / 6)
    assert measure.TITLE in sealed.members["report.md"].decode()
    assert open_bundle(tmp_path / "first.edge").manifest.accuracy == ()


def test_a_loss_is_of_the_same_resamplings() -> None:
    figure = measure.figure([0.5, 0.4, 0.6], [0.6, 0.5, 0.7])
    assert str(figure) == "50.0 (40.5 to 59.5)"
    assert figure.change == "10.0 (10.0 to 10.0)"


@pytest.mark.parametrize("name", network.DETECTORS)
def test_what_a_shipped_detector_says_of_its_outputs_can_be_read(name: str) -> None:
    table = toml_parser().loads(network.DETECTORS[name].detection)
    spec = decode(DetectionSpec, table, name)
    assert {*network.DETECTORS[name].network.maps} == {o for o in spec.decoding.outputs if o}


def test_golden_pictures_show_the_astronaut_twice() -> None:
    pictures = network.scenes(network.HEAD, (128, 96))
    assert pictures.shape == (network.GOLDEN_PICTURES, 1, 96, 128, 3)
    assert (pictures == network.scenes(network.HEAD, (128, 96))).all()
    assert (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize("text", ["320", "x240", "320x", "axb", "320x-16"])
def test_a_size_is_two_numbers(text: str) -> None:
    arguments = ["person", "out", "--from", "package", "--size", text]
    result = CliRunner().invoke(network.main, arguments)
    assert result.exit_code == 2 and "is no size: write it as 640x480" in result.output


def test_faces_stand_in_their_scene() -> None:
    from edge_models.datasets import orl

    photos = [orl.Photo(0, n, np.full((112, 92), 250, np.uint8)) for n in (1, 2)]
    image, boxes = faces.scene(photos, np.random.default_rng(0))
    assert image.shape == (faces.HEIGHT, faces.WIDTH, 3)
    for left, top, width, height in boxes:
        assert left >= 0 and top >= 0 and left + width <= 320 and top + height <= 240
    assert boxes[0][0] + boxes[0][2] < boxes[1][0]
