"""A tenth of the zoo goes from its builder to a bundle that answers as the network does."""

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from click.testing import CliRunner

from edge.bundle import open_bundle
from edge_convert.cli import main as edge_convert
from examples.zoo import keras_forms, worker
from examples.zoo.members import ZOO
from examples.zoo.patterns import PatternClips

# name -> its parts
NETWORKS = {
    "har_conv1d": ["model"],
    "siamese_two_frames": ["encoder", "head"],
    "two_streams_of_differences": ["encoder", "head"],
    "label_of_each_frame": ["encoder", "head"],
    "hand_box": ["encoder", "head"],
    "colours_and_flow": ["encoder", "head"],
    "own_lambda": ["encoder", "head"],
}
PRECISION = ["--encoder-precision", "int8", "--head-precision", "dynamic_range"]


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little training on few clips, of so few steps that tracing them would take longer."""
    train = keras_forms.train

    def train_eagerly(model: Any, clips: PatternClips, *_: int) -> None:
        tf.config.run_functions_eagerly(True)
        try:
            train(model, clips, 2)
        finally:
            tf.config.run_functions_eagerly(False)

    monkeypatch.setattr(keras_forms, "train", train_eagerly)
    monkeypatch.setattr(worker, "TRAINING", 32)
    monkeypatch.setattr(worker, "TEST", 48)


def test_a_tenth_of_it_is_here() -> None:
    worker.load_zoo()
    assert 10 * len(NETWORKS) >= len(ZOO)


@pytest.mark.filterwarnings("ignore:Even though .*run_functions_eagerly")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_converted_and_answers_as_its_own_library_says(
    tmp_path: Path, name: str
) -> None:
    worker.build(name, tmp_path)
    bundle = tmp_path / "network.edge"
    arguments = json.loads((tmp_path / "network.json").read_text())
    options = ["-o", str(bundle), "--calibration", str(tmp_path / "train.npz"), "--no-cache"]
    result = CliRunner().invoke(edge_convert, [*arguments, *options, *PRECISION])
    assert result.exit_code == 0, result.output
    assert [part.role for part in open_bundle(bundle).manifest.parts] == NETWORKS[name]
    assert min(worker.compare(tmp_path, bundle).values()) >= 0.9
