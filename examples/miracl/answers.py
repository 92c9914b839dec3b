"""A trained run converted to int8, and what float and int8 answer about the clips that it is asked of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from edge.bundle import open_bundle
from edge.check.evaluate import stream_outputs
from edge_common import whole_file
from edge_models.datasets import dataset, from_files, kinds
from edge_models.networks import views
from examples.miracl.plan import OTHER_KIND, FoldRun
from examples.sweep import training

OUTPUTS, TASKS, BATCH = "outputs.npz", ("utterance", "person"), 64


@dataclass(frozen=True)
class RunAnswers:
    """What a run answers to one task.

    Attributes:
        labels: of the outputs, (k,).
        scores: of "float" and of "int8", float32 (n, k); int8 is streamed through the ring.
        truth: of "utterance" and of "person", texts (n,), whichever was asked.
    """

    task: str
    labels: np.ndarray
    scores: Mapping[str, np.ndarray]
    truth: Mapping[str, np.ndarray]

    def right(self, precision: str, among: np.ndarray | None = None) -> np.ndarray:
        """bool (n,): whether the best of the labels (or of those `among` them) is the true one."""
        scores = self.scores[precision]
        if among is not None:
            scores = np.where(np.isin(self.labels, among), scores, -np.inf)
        return self.labels[scores.argmax(1)] == self.truth[self.task]


def load(run: FoldRun, folder: Path, **changes: Any) -> dataset.DataSet:
    """The data of a run; `changes` of its [data]."""
    config = run.training.training
    network, cache = config.network, folder / ".cache"
    request = from_files.ClipRequest(network.window, network.size, config.seed, cache)
    return kinds.load_data(replace(config.data, **changes), request)


def answer(run: FoldRun, folder: Path) -> None:
    """Convert a trained run and keep what it answers, unless that was done before."""
    own = folder / run.training.name
    if training.is_newer(own / OUTPUTS, own / training.MODEL):
        return
    click.echo(f"converting and asking {run.training.name}")
    data = load(run, folder)
    with training.exported_clips(own, data, run.training.training.seed) as sets:
        validation = ("--validation", sets / "test.npz", "--max-drop", 100, "--no-gate")
        training.convert(own, sets, *validation)
    arrays: dict[str, np.ndarray] = {}
    for task in data.tasks:
        arrays |= {f"{task.name}.labels": np.array(task.labels)}
        arrays |= {f"{task.name}.{key}": a for key, a in _asked(run, folder, task.name).items()}
    with whole_file(own / OUTPUTS) as file:
        np.savez(file, **dict[str, Any](arrays))
    keras.utils.clear_session()


def read(run: FoldRun, folder: Path) -> dict[str, RunAnswers]:
    """What `answer` kept, by task; nothing if this run was not trained and asked."""
    own = folder / run.training.name
    trained = training.is_trained(run.training, own)
    if not (trained and training.is_newer(own / OUTPUTS, own / training.MODEL)):
        return {}
    with np.load(own / OUTPUTS) as file:
        arrays = dict(file)
    return {
        task: RunAnswers(
            task, arrays[f"{task}.labels"],
            {key: arrays[f"{task}.{key}"] for key in ("float", "int8")},
            {key: arrays[f"{task}.{key}"] for key in TASKS},
        )
        for task in TASKS if f"{task}.labels" in arrays
    }  # fmt: skip


def _asked(run: FoldRun, folder: Path, task: str) -> dict[str, np.ndarray]:
    """Outputs of the network and of the bundle, and both true labels."""
    own = folder / run.training.name
    model = views.by_frames(keras.saving.load_model(own / training.MODEL, compile=False))
    bundle = open_bundle(own / training.BUNDLE)
    data, parts = _parts_for(run, folder, task)
    windows = [part.clip(index) for part in parts for index in range(len(part))]
    texts = {t.name: np.array(t.labels) for t in data.tasks}
    truth = {
        name: np.concatenate([texts[name][part.labels[name]] for part in parts]) for name in TASKS
    }
    outputs = np.concatenate([_predict(model, batch, task) for batch in _batches(windows)])
    return {"float": outputs, "int8": stream_outputs(bundle, windows)[task], **truth}


def _parts_for(
    run: FoldRun, folder: Path, task: str
) -> tuple[dataset.DataSet, tuple[dataset.Subset, ...]]:
    """What a task is asked of, with both labels: what tests; people who were trained on, by what
    else they say, if those who test are others."""
    if task == "utterance" or not run.question.folds:
        data = load(run, folder, tasks=list(TASKS))
        return data, (data.test,)
    trained_on = run.training.training.data.train["kind"]
    said = {"kind": OTHER_KIND[trained_on]}
    data = load(run, folder, tasks=list(TASKS), train=said, test=said)
    return data, (data.train, data.validation)


def _batches(windows: list[np.ndarray]) -> Iterator[np.ndarray]:
    for first in range(0, len(windows), BATCH):
        yield np.stack(windows[first : first + BATCH]).astype(np.float32)


def _predict(model: keras.Model, batch: np.ndarray, task: str) -> np.ndarray:
    return np.asarray(model(batch, training=False)[task])
