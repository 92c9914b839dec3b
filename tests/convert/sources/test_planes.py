"""A network over colours and optical flow as a bundle: converted, verified, streamed and refused."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from edge.bundle import GateSpec, Manifest, open_bundle
from edge.bundle.manifest_check import check
from edge.check.evaluate import stream_outputs
from edge.stream import Stream
from edge_convert.cli import main
from edge_convert.precision import calibration
from tests import tiny

PLANES = ("red", "green", "blue", "flow_x", "flow_y")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planes")
    keras.utils.set_random_seed(0)
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 5))
    x = layers.TimeDistributed(layers.Conv2D(8, 3, 2, activation="relu"))(
        layers.Rescaling(1 / 127.5, -1)(window)
    )
    x = layers.GRU(8)(layers.TimeDistributed(layers.GlobalAveragePooling2D())(x))
    keras.Model(window, layers.Dense(3, activation="softmax", name="kind")(x)).save(
        folder / "net.keras"
    )
    coarse = tiny.frames(24, 48, 48, seed=4)  # each moves over the window
    clips = [[f[t : t + 32, 2 * t : 2 * t + 32] for t in range(tiny.WINDOW)] for f in coarse]
    np.savez(folder / "clips.npz", clips=np.array(clips))
    words = ["net.keras", "-o", "net.edge", "--calibration", "clips.npz"]
    words = [
        word if word == "-o" or word.startswith("--") else str(folder / word) for word in words
    ]
    options = ["--planes", ",".join(PLANES), "--encoder-precision", "int8", "--head-precision"]
    done = CliRunner().invoke(main, [*words, *options, "dynamic_range"])
    assert done.exit_code == 0, done.output
    assert "planes red green blue flow_x flow_y, 0..255, flow of 20 pixels" in done.stderr
    return folder


@pytest.fixture
def manifest(folder: Path) -> Manifest:
    return open_bundle(folder / "net.edge").manifest


def test_the_manifest_names_the_planes_and_older_releases_refuse_it(folder: Path) -> None:
    with zipfile.ZipFile(folder / "net.edge") as archive:
        stated = json.loads(archive.read("manifest.json"))
    assert stated["schema"] == 11
    assert tuple(stated["input"]["planes"]) == PLANES
    assert stated["parts"][0]["inputs"][0]["shape"] == [1, tiny.SIZE, tiny.SIZE, 5]
    assert "gate" not in stated


def test_the_stream_answers_as_the_converter_computes(folder: Path) -> None:
    """The same planes reach the encoder, so that only int8 stands between the answers."""
    bundle = open_bundle(folder / "net.edge")
    with np.load(folder / "clips.npz") as arrays:
        clips = arrays["clips"][:6]
    streamed = stream_outputs(bundle, clips)["kind"]
    values = calibration.as_network_input(clips, bundle.manifest.input)
    expected = keras.models.load_model(folder / "net.keras")(values).numpy()
    np.testing.assert_allclose(streamed, expected, atol=0.02)
    assert np.abs(expected - expected[0]).max() > 0.001


def test_each_window_of_one_network_remembers_its_own_frame_before(folder: Path) -> None:
    bundle = open_bundle(folder / "net.edge")
    first, second = tiny.frames(tiny.WINDOW, seed=1), tiny.frames(tiny.WINDOW, seed=2)
    alone = Stream(bundle)
    (expected,) = [d for frame in first if (d := alone.push(frame))]
    one = Stream(bundle, network=alone.network)
    other = Stream(bundle, network=alone.network)
    for a, b in zip(first, second):
        decision, _ = one.push(a), other.push(b)
    scores = expected.tasks["kind"].scores
    np.testing.assert_array_equal(decision.tasks["kind"].scores, scores)
    alone.reset()  # as behind a gap: no flow over it
    (again,) = [d for frame in first if (d := alone.push(frame))]
    np.testing.assert_array_equal(again.tasks["kind"].scores, scores)


def test_what_a_manifest_says_of_planes_has_to_fit(manifest: Manifest) -> None:
    spec = manifest.input
    wrong = {
        "planes in version 10": replace(manifest, schema=10),
        "the planes": replace(manifest, input=replace(spec, planes=(*PLANES[:4], "depth"))),
        "planes and channels": replace(manifest, input=replace(spec, planes=PLANES[:4])),
        "order of colours": replace(manifest, input=replace(spec, colour_order="RGB")),
        "several pairs": replace(manifest, input=replace(spec, planes=(*PLANES[:4], "flow_x"))),
        "gate of planes": replace(manifest, gate=GateSpec(1.0)),
    }
    for message, each in wrong.items():
        with pytest.raises(ValueError, match=message):
            check(each)
