"""Networks on disk: their files, their weights, and what a tasks file says of their answers."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import keras

from edge.tasks import Task, kind_of
from edge_common import ModelError, encode, read_json, whole_path, write_whole


def save_model(model: keras.Model, path: Path) -> None:
    """Save the whole network; the file appears whole or not at all."""
    save_whole(model.save, path)


def save_whole(save: Callable[[Path], object], path: Path) -> None:
    """Save what chooses its format by the file's name; it appears whole or not at all."""
    with whole_path(path) as partial:
        save(partial)


def load_weights(network: keras.Model, path: str | Path, name: str) -> None:
    """Read a file of weights. Raises ModelError if they are not those of `name`."""
    try:
        network.load_weights(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} holds no weights of {name} ({error})") from error


_ONLY_IF_SET = ("temperature", "unknown")  # which readers of older versions do not know


def write_tasks(
    path: Path, tasks: tuple[Task, ...], *, frame_rate_hz: float, licence: str, weights_source: str
) -> None:
    """Write what a converter must know of a model but cannot read from its file."""
    content = {
        "tasks": {task.name: _described(task) for task in tasks},
        "frame_rate_hz": frame_rate_hz,
        "licence": licence,
        "weights_source": weights_source,
    }
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())


def update_tasks(path: Path, changes: Mapping[str, Mapping[str, object]]) -> None:
    """Put options of tasks into a tasks file, and take out those that are None.

    Does nothing if there is no such file, and passes over tasks that it does not name.
    """
    if not changes or not path.exists():
        return
    content = read_json(path)
    for name, options in changes.items():
        if name in content["tasks"]:
            entry = {**content["tasks"][name], **options}
            content["tasks"][name] = {k: value for k, value in entry.items() if value is not None}
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())


def _described(task: Task) -> dict[str, object]:
    """The kind and what a task of this kind has to say, as a tasks file has it."""
    options = {name: getattr(task, name) for name in kind_of(task).options}
    for name in _ONLY_IF_SET:
        if options.get(name) == getattr(Task, name):
            options.pop(name, None)
    mark = {"sensitive": True} if task.sensitive else {}
    return {"kind": task.kind, **encode(options), **mark}
