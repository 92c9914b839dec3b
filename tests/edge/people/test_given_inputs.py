"""People enrolled and named by a network that takes numbers beside their frames."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge import sources
from edge.bundle import open_bundle
from edge.cli import main
from edge.people.gallery import read_gallery, unit
from edge.stream import Stream
from tests import tiny
from tests.conftest import BuiltOnce
from tests.edge.stream import side_inputs


def write_files(folder: Path) -> None:
    """`who.edge`: the coarse picture beside a speed, at length one."""
    import keras
    from keras import layers

    from edge_convert.pipeline import Conversion
    from edge_convert.request import ConversionRequest

    keras.utils.set_random_seed(5)
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3), name="window")
    speed = keras.Input((2,), name="speed")
    maps = layers.TimeDistributed(layers.Rescaling(1 / 127.5, -1.0))(window)
    coarse = layers.TimeDistributed(layers.AveragePooling2D(8))(maps)
    mean = layers.GlobalAveragePooling1D()(layers.TimeDistributed(layers.Flatten())(coarse))
    x = layers.Concatenate()([mean, layers.Dense(4, activation="tanh")(speed)])
    keras.Model([window, speed], layers.UnitNormalization(name="who")(x)).save(folder / "who.keras")
    clips = side_inputs.clips()
    np.savez(folder / "clips.npz", clips=clips["clips"], speed=clips["speed"])
    request = ConversionRequest(
        folder / "who.keras",
        folder / "who.edge",
        folder / "clips.npz",
        given=(("speed", ""),),
        **side_inputs.PRECISIONS,
    )
    Conversion(request).run()


@pytest.fixture(scope="module")
def who(built_once: BuiltOnce) -> Path:
    return built_once("who-at-a-speed", write_files) / "who.edge"


def enroll(who: Path, source: Path, gallery: Path, *words: str) -> Result:
    files = ["--bundle", str(who), "--source", str(source), "--gallery", str(gallery)]
    return CliRunner().invoke(main, ["enroll", "anna", *files, *words])


def test_descriptors_are_those_at_the_speed_that_is_given(
    who: Path, films: dict[str, Path], tmp_path: Path
) -> None:
    gallery, out = tmp_path / "people.npz", tmp_path / "out.jsonl"
    done = enroll(who, films["anna"], gallery, "--input", "speed=1.5,2")
    assert done.exit_code == 0, done.output
    stream = Stream(open_bundle(who), inputs={"speed": [1.5, 2]})
    with sources.open_source(sources.find_source(str(films["anna"]))) as source:
        decisions = [stream.push(frame) for frame in source]
    expected = [d.tasks["who"].scores for d in decisions[3::4] if d]
    kept = read_gallery(gallery).people["anna"]
    np.testing.assert_allclose(kept, unit(np.stack(expected)), rtol=0, atol=1e-7)
    words = ["--source", str(films["anna"]), "--gallery", str(gallery), "--threshold", "0.999"]
    for speed, name in (("1.5,2", "anna"), ("-1,0", "unknown")):
        run = [str(who), *words, "--input", f"speed={speed}", "--jsonl", str(out), "--quiet"]
        assert CliRunner().invoke(main, run).exit_code == 0
        labels = {
            json.loads(line)["tasks"]["who"]["label"] for line in out.read_text().splitlines()
        }
        assert labels == {name}
        out.unlink()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the network takes 'speed' (2 numbers, "),
        (["--input", "speed=1"], "the input 'speed' takes 2 numbers, and (1.0,) was given"),
        (["--input", "sped=1,2"], "no input 'sped' beside frames; did you mean 'speed'?"),
    ],
)
def test_what_does_not_fit_is_said_before_a_source_is_opened(
    who: Path, words: list[str], message: str, tmp_path: Path
) -> None:
    done = enroll(who, tmp_path / "none.mp4", tmp_path / "people.npz", *words)
    assert done.exit_code == 2
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_network_of_frames_alone_takes_none(
    who_path: Path, films: dict[str, Path], tmp_path: Path
) -> None:
    done = enroll(who_path, films["anna"], tmp_path / "people.npz", "--input", "speed=1")
    assert done.exit_code == 2 and "it takes frames alone" in done.stderr
