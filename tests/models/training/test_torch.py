"""Training on PyTorch: the same steps and answers as on TensorFlow, which need not be installed.

`TORCH_PYTHON` is a Python that has Keras and PyTorch (`make test-torch`); without, this one is asked.
"""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from edge_models.datasets.dataset import classification, regression
from edge_models.networks.mtdnn import MTDNNConfig, build_mtdnn
from edge_models.sections import BALANCE_METHODS
from tests.models import data_files
from tests.models.training import on_backend

ROOT = Path(__file__).parents[3]
PYTHON = os.environ.get("TORCH_PYTHON", sys.executable)
Arrays = dict[str, np.ndarray]
MODULE = [PYTHON, str(ROOT / "common/run_module.py")]
TRAINING = """
name = "small"
[data]
kind = "utkface"
[network]
backbone = "small-conv"
backbone_weights = "random"
grey = true
window = 1
size = 32
spatial_width = 4
temporal_width = 4
attention_width = 4
head_width = 8
[targets.age]
method = "{target}"
bins = 11
[balance]
method = "{balance}"
[augmentation]
flip = true
shift = 0.1
brightness = 10
erase = 0.5
[frozen]
max_epochs = 1
batch_size = 16
keep_maps = true
[whole]
max_epochs = 2
batch_size = 16
average = 0.9
"""


def on_torch(
    *command: object, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        [*MODULE, *map(str, command)], env=environment, cwd=cwd, capture_output=True, text=True
    )


def training_in(folder: Path, target: str, balance: str) -> tuple[str, ...]:
    """The arguments of a training in a folder that holds its file and data."""
    data_files.utkface(folder / "data")
    (folder / "run.toml").write_text(TRAINING.format(target=target, balance=balance))
    return "edge_models.cli", "run.toml", "--data", "data", "-o", "trained.keras"


def on_torch_too(folder: Path) -> Arrays:
    done = on_torch("tests.models.training.on_backend", folder)
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "torch.npz"))


@pytest.fixture(scope="module", autouse=True)
def torch() -> None:
    if subprocess.run([PYTHON, "-c", "import torch"], capture_output=True).returncode:
        pytest.skip(f"{PYTHON} has no PyTorch: make test-torch")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Arrays, Arrays]:
    """Losses of the first steps by method, on TensorFlow and on PyTorch, from the same weights."""
    folder = tmp_path_factory.mktemp("steps")
    tasks = (classification("who", ("a", "b", "c")), regression("age", "years", 100.0))
    keras.utils.set_random_seed(3)
    network = build_mtdnn(
        MTDNNConfig(
            tasks, backbone="small-conv", grey=True, window=3, size=32, spatial_width=4,
            temporal_width=4, attention_width=4, head_width=6, block_dropout=0.0, head_dropout=0.0,
        )
    )  # fmt: skip
    network.save(folder / "start.keras")
    random = np.random.default_rng(0)
    clips = random.integers(0, 256, (6, 3, 32, 32, 3), np.uint8)
    np.savez(
        folder / "batch.npz", clips=clips, who=random.integers(0, 3, 6),
        age=random.random(6).astype("f4"),
    )  # fmt: skip
    return on_backend.main(folder), on_torch_too(folder)


@pytest.mark.parametrize("method", BALANCE_METHODS)
def test_first_steps_lose_the_same_on_both_backends(both, method) -> None:
    tensorflow, torch = (each[method] for each in both)
    assert tensorflow.shape[0] == on_backend.STEPS and tensorflow[0, 0] != tensorflow[-1, 0]
    assert torch == pytest.approx(tensorflow, rel=1e-4)


def test_memory_of_a_step_is_given_back(both) -> None:
    """Of EfficientNet-B3 it is 18 GB for 96 faces, which four steps made the whole of a GPU."""
    assert both[1]["forgets_a_step"]


def test_without_tensorflow_the_way_out_is_said(tmp_path) -> None:
    if not subprocess.run([PYTHON, "-c", "import tensorflow"], capture_output=True).returncode:
        pytest.skip(f"{PYTHON} has TensorFlow")
    arguments = training_in(tmp_path, "mse", "fixed")
    done = on_torch(*arguments, cwd=tmp_path, KERAS_BACKEND="")
    assert done.returncode == 2 and done.stderr == (
        "Error: tensorflow is not installed: install it, or set KERAS_BACKEND=torch\n"
    )
    done = on_torch(*arguments, "--tensorboard", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: --tensorboard: TensorFlow writes its events: install it, or leave it out"
    )


@pytest.mark.parametrize(
    "target, balance", [("ordinal", "uncertainty"), ("mean-variance", "gradient")]
)
def test_what_torch_trained_answers_the_same_on_tensorflow(tmp_path, target, balance) -> None:
    done = on_torch(*training_in(tmp_path, target, balance), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    clips = np.random.default_rng(0).integers(0, 256, (4, 1, 32, 32, 3), np.uint8)
    np.save(tmp_path / "clips.npy", clips)
    answers, on_torch_answers = on_backend.main(tmp_path), on_torch_too(tmp_path)
    assert set(answers) == {"age", "race", "gender"}
    for task, expected in on_torch_answers.items():
        assert answers[task] == pytest.approx(expected, rel=1e-4)
