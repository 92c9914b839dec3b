"""A tenth of the zoo goes from its builder to a bundle that answers as the network does."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.bundle import open_bundle
from edge_convert.cli import main as edge_convert
from examples.zoo import keras_forms, worker
from examples.zoo.members import ZOO

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
    """Little training on few clips."""
    train = keras_forms.train
    monkeypatch.setattr(keras_forms, "train", lambda model, clips, *_: train(model, clips, 2))
    monkeypatch.setattr(worker, "TRAINING", 32)
    monkeypatch.setattr(worker, "TEST", 48)


def test_a_tenth_of_it_is_here() -> None:
    worker.load_zoo()
    assert 10 * len(NETWORKS) >= len(ZOO)


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
