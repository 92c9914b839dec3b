"""`build`, `compare`: the two ends of a network's way, each in a process of its own."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from examples.zoo.members import ZOO, WrittenNetwork
from examples.zoo.patterns import PatternClips, pattern_clips

TRAINING, TEST = 96, 160  # clips
NETWORKS = ("cnn_rnn", "volumes", "shapes", "features", "older_forms", "torch_networks")


def load_zoo() -> list[str]:
    """Fill `ZOO`; gives the packages that are missing for some of it."""
    missing = []
    for name in NETWORKS:
        try:
            importlib.import_module(f"examples.zoo.{name}")
        except ModuleNotFoundError as error:
            missing.append(str(error.name))
    return missing


def build(name: str, folder: Path) -> None:
    """Write the network, its clips and its own answers."""
    load_zoo()
    _begin_alike()
    member = ZOO[name]
    frames = member.frames
    train, test = pattern_clips(TRAINING, frames, 1), pattern_clips(TEST, frames, 2)
    if len(frames) == 4 and frames[0] == 1:
        network = member.build(
            folder, *(PatternClips(c.frames[:, 0], c.kind) for c in (train, test))
        )
    else:
        network = member.build(folder, train, test)
    _save(folder / "train.npz", train, network)
    _save(folder / "test.npz", test, network)
    answers: dict[str, Any] = dict(network.answers)
    np.savez(folder / "answers.npz", **answers)
    (folder / "network.json").write_text(json.dumps(list(network.arguments)))


def _begin_alike() -> None:
    """Random weights and orders are the same each time."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def _save(path: Path, each: PatternClips, network: WrittenNetwork) -> None:
    """With the kinds as labels of what was trained on them."""
    labels: dict[str, Any] = {
        name: each.kind for name, values in network.answers.items()
        if values.ndim == 2 and values.shape[1] > int(each.kind.max())
    }  # fmt: skip
    is_grey = each.frames.ndim == 5 and each.frames.shape[-1] == 1
    np.savez(path, clips=each.frames.repeat(3, -1) if is_grey else each.frames, **labels)


def compare(folder: Path, bundle_path: Path) -> dict[str, float]:
    """How far the bundle, frame by frame, says what the network said itself, by task: 0 to 1."""
    from edge.bundle import open_bundle
    from edge.check.evaluate import stream_outputs
    from edge_convert.precision.candidates import agreement

    bundle = open_bundle(bundle_path)
    streamed = stream_outputs(bundle, np.load(folder / "test.npz")["clips"])
    expected = list(np.load(folder / "answers.npz").items())
    by_name = dict(expected)
    agreements = {}
    for number, task in enumerate(bundle.manifest.tasks):
        own = by_name.get(task.name, expected[min(number, len(expected) - 1)][1])
        newest = streamed[task.name].reshape(len(own), -1)
        own = own.reshape(len(own), -1)[:, -newest.shape[1] :]  # of each frame's the newest
        agreements[task.name] = agreement(task, own, newest)
    return agreements


if __name__ == "__main__":
    if sys.argv[1] == "build":
        build(sys.argv[2], Path(sys.argv[3]))
    else:
        sys.stdout.write(json.dumps(compare(Path(sys.argv[2]), Path(sys.argv[3]))))
