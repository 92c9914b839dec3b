"""A network that was trained on BGR gets BGR, while calibrating and while running."""

from pathlib import Path

import keras
import numpy as np
import pytest

from edge import Stream, open_bundle
from edge.bundle import InputSpec, Resize
from edge.bundle.manifest import to_json
from edge.check.clips import read_clips
from edge.check.self_test import self_test
from edge_convert.cli import main
from edge_convert.precision.calibration import as_network_input
from tests import flat_models as flat

layers = keras.layers
SIZE = 16


def _model(channels: int = 3) -> keras.Model:
    """Class 0 if channel 0 is brighter than the last one, else class 1."""
    window = keras.Input((4, SIZE, SIZE, channels))
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(window)
    dense = layers.Dense(2, activation="softmax", name="colour")
    model = keras.Model(window, dense(layers.GlobalAveragePooling1D()(x)))
    kernel = np.zeros((channels, 2), np.float32)
    kernel[0, 0] = kernel[-1, 1] = 0.05
    dense.set_weights([kernel, np.array([0, 0.1], np.float32)])
    return model


def _clips(path: Path) -> Path:
    """RGB clips that are mostly blue or mostly red."""
    clips = np.random.default_rng(0).integers(0, 256, (8, 4, SIZE, SIZE, 3), dtype=np.uint8)
    clips[::2, ..., 0] //= 2
    clips[1::2, ..., 2] //= 2
    np.savez(path, clips=clips)
    return path


@pytest.fixture
def convert_colours(cli, tmp_path: Path):
    def run(*options: str, channels: int = 3):
        _model(channels).save(tmp_path / "m.keras")
        arguments = [tmp_path / "m.keras", "-o", tmp_path / "b.edge"]
        arguments += ["--calibration", _clips(tmp_path / "c.npz"), *options]
        return cli.invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.mark.parametrize(("options", "order", "blue"), [([], "RGB", 1), (["bgr"], "BGR", 0)])
def test_the_colours_come_in_the_order_that_is_asked_for(
    convert_colours, tmp_path: Path, options: list[str], order: str, blue: int
) -> None:
    done = convert_colours(*(["--colour-order", *options] if options else []))
    assert done.exit_code == 0, done.output
    bundle = open_bundle(tmp_path / "b.edge")
    assert bundle.manifest.input.colour_order == order
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    frame[..., 0] = 220  # BGR: blue
    stream = Stream(bundle)
    decision = [stream.push(frame) for _ in range(4)][-1]
    assert decision.tasks["colour"].index == blue


def test_grey_frames_have_no_order(convert_colours) -> None:
    done = convert_colours("--colour-order", "BGR", channels=1)
    assert done.exit_code == 2
    assert "the network takes grey frames: leave out --colour-order" in done.stderr


def test_frames_are_prepared_as_for_training(convert_colours, tmp_path: Path) -> None:
    """Mean and std a channel, BGR, letterbox: in the manifest, the clips and the stream."""
    options = "--colour-order BGR --mean 10,20,30 --std 2,3,4 --resize letterbox:114 --no-gate"
    floats = "--encoder-precision float32 --head-precision float32"
    done = convert_colours(*options.split(), *floats.split())
    assert done.exit_code == 0, done.output
    bundle = open_bundle(tmp_path / "b.edge")
    stated = "16 x 16 BGR, (0..255 - 10 20 30) / 2 3 4, letterbox:114; tasks"
    assert stated in bundle.members["report.md"].decode()
    assert to_json(bundle.manifest)["input"] == {
        "height": 16, "width": 16, "channels": 3, "colour_order": "BGR", "value_range": [0, 255],
        "mean": [10, 20, 30], "std": [2, 3, 4], "resize": {"kind": "letterbox", "padding": 114},
    }  # fmt: skip
    assert bundle.manifest.schema == 3
    wide = np.random.default_rng(1).integers(0, 256, (8, 16, 3), dtype=np.uint8)
    boxed = np.full((16, 16, 3), 114.0)
    boxed[4:12] = wide
    expected = _model()(((boxed - [10, 20, 30]) / [2, 3, 4])[None, None].repeat(4, 1))
    stream = Stream(bundle)
    decision = [stream.push(wide) for _ in range(4)][-1]
    assert decision.tasks["colour"].scores == pytest.approx(expected[0].numpy(), abs=1e-5)
    assert self_test(bundle).largest_difference == 0.0


def _convert_file(cli, tmp_path: Path, model: bytes):
    """A .tflite, with clips of 24 colours."""
    (tmp_path / "x.tflite").write_bytes(model)
    colours = np.random.default_rng(0).integers(0, 256, (24, 1, 1, 1, 3), dtype=np.uint8)
    np.savez(tmp_path / "c.npz", clips=colours.repeat(4, 2).repeat(4, 3))
    arguments = [tmp_path / "x.tflite", "-o", tmp_path / "x.edge"]
    arguments += ["--calibration", tmp_path / "c.npz", "--encoder-precision", "float32"]
    return cli.invoke(main, [str(argument) for argument in arguments])


def test_a_file_s_metadata_says_what_its_user_does_not(cli, tmp_path: Path) -> None:
    metadata = flat.normalisation([120.0, 110.0, 100.0], [60.0, 50.0, 40.0])
    done = _convert_file(cli, tmp_path, flat.colour_model("SOFTMAX", metadata=metadata))
    assert done.exit_code == 0, done.output
    assert "input 4 x 4 RGB, (0..255 - 120 110 100) / 60 50 40 (--input-range" in done.stderr
    spec = open_bundle(tmp_path / "x.edge").manifest.input
    assert (spec.mean, spec.std) == ((120.0, 110.0, 100.0), (60.0, 50.0, 40.0))


def test_what_was_compiled_for_the_edge_tpu_is_not_converted(cli, tmp_path: Path) -> None:
    done = _convert_file(cli, tmp_path, flat.compiled_model())
    assert done.exit_code == 2
    assert "x.tflite was compiled for the Edge TPU, and only that runs it: give" in done.stderr


def test_clips_of_another_aspect_come_as_frames_do(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (1, 2, 48, 64, 3), dtype=np.uint8)
    np.savez(tmp_path / "c.npz", clips=clips)
    read = read_clips(tmp_path / "c.npz", 2, (48, 48), Resize("crop"))
    assert np.array_equal(read.windows, clips[:, :, :, 8:56])


def test_the_ranges_are_those_of_normalised_pixels() -> None:
    spec = InputSpec(1, 1, 3, mean=(100.0, 0.0, 255.0), std=(10.0, -1.0, 5.0))
    assert spec.extremes == (-255.0, 15.5)
    assert InputSpec(1, 1, value_range=(-1.0, 1.0)).extremes == (-1.0, 1.0)


def test_the_calibrator_takes_a_mean_and_a_deviation_a_channel() -> None:
    spec = InputSpec(1, 1, 3, "BGR", (0.0, 255.0), mean=(3.0, 2.0, 1.0), std=(1.0, 2.0, 4.0))
    pixel = np.array([[[9, 20, 33]]], np.uint8)  # RGB
    assert as_network_input(pixel, spec).tolist() == [[[30.0, 9.0, 2.0]]]
