"""One member of a sweep: trained, unless exactly that was done before, then converted and measured."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import keras
import numpy as np

from edge.bundle import open_bundle
from edge.check.evaluate import stream_outputs
from edge_common import ConfigError, ModelError, children, write_whole
from edge_models.datasets import dataset, from_files, kinds
from edge_models.evaluation import network, results
from edge_models.networks.files import save_whole
from edge_models.training import feature_cache
from edge_models.training.progress import Checkpoint
from edge_models.training.run import TrainingOptions, train_and_save, training_folder
from examples.sweep.plan import SweepMember

MODEL, STATE, BACKBONE, MAPS = "model.keras", "state.json", "backbone.weights.h5", "maps"


def trained(member: SweepMember, folder: Path, cache: Path) -> dataset.DataSet:
    """Train a member into `folder`/NAME, going on where that was interrupted; its data.

    What lies there of another training is moved to NAME.before.  cache: of decoded clips and features,
    which nobody else fills meanwhile.

    Raises:
        ConfigError: its data have a task that answers no class, or one test file.
        ModelError: its loss is no number any more.
        KeyboardInterrupt: after what there was to save was saved.
    """
    own, config = folder / member.name, member.training
    network = config.network
    data = kinds.load_data(
        config.data,
        from_files.ClipRequest(network.window, network.size, config.seed, cache),
    )
    _check_comparable(data)
    model = None
    if not is_trained(member, own):
        _make_way(member, own)
        click.echo(f"training {member.name}: {member.about}")
        options = TrainingOptions(
            resume=True,
            feature_cache=_shared_features(member, folder),
            backbone=_backbone_of(folder / member.pretrained_from.name)
            if member.pretrained_from
            else None,
        )
        model = train_and_save(config, data, own / MODEL, cache, options)
        _write_state(member, own, finished=True)
        keras.utils.clear_session()
    _backbone_of(own, model)
    return data


def is_trained(member: SweepMember, own: Path) -> bool:
    """Whether exactly this training was done, and its network is there."""
    state = _state(own)
    if not state.get("done") or not (own / MODEL).exists():
        return False
    return state.get("training") == fingerprint(member)


def fingerprint(member: SweepMember) -> str:
    """16 hex digits that change with all that decides a member's outcome."""
    pretrained_from = fingerprint(member.pretrained_from) if member.pretrained_from else ""
    own = member.training.fingerprint()
    return hashlib.sha256(f"{own} {pretrained_from}".encode()).hexdigest()[:16]


def _check_comparable(data: dataset.DataSet) -> None:
    """Raise ConfigError if a figure to compare, or its interval, is not to be had."""
    if len(np.unique(data.test.source_of_each)) < 2:
        raise ConfigError("all test clips are of one file, which says nothing of others: add some")
    for task in data.tasks:
        if not results.is_class_or_number(task):
            raise ConfigError(
                f"{task.name} is a task of kind {task.kind}, and a sweep compares classes and numbers: "
                "choose data whose tasks are those"
            )


def _make_way(member: SweepMember, own: Path) -> None:
    """Keep what was begun of this very training, and move what is of another."""
    if own.exists() and _state(own).get("training") != fingerprint(member):
        before = own.with_name(f"{own.name}.before")
        shutil.rmtree(before, ignore_errors=True)
        own.rename(before)
        click.echo(f"{own} was of another training: it is now {before}")
    own.mkdir(parents=True, exist_ok=True)
    if not Checkpoint(training_folder(own / MODEL)).exists():  # another backbone is to come
        shutil.rmtree(own / MAPS, ignore_errors=True)
        (own / BACKBONE).unlink(missing_ok=True)
    _write_state(member, own, finished=False)


def _state(own: Path) -> dict[str, object]:
    try:
        return json.loads((own / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_state(member: SweepMember, own: Path, *, finished: bool) -> None:
    content = {"training": fingerprint(member), "done": finished}
    write_whole(own / STATE, json.dumps(content).encode())


def _shared_features(member: SweepMember, folder: Path) -> Path | None:
    """Where the maps of a backbone lie that more than one member stands on."""
    if member.pretrained_from:
        return folder / member.pretrained_from.name / MAPS
    return folder / member.name / MAPS if member.pretrains_others else None


def _backbone_of(own: Path, model: keras.Model | None = None) -> Path:
    """The weights of a trained member's backbone, as a file that others can begin with."""
    path = own / BACKBONE
    if not path.exists():
        model = model or keras.saving.load_model(own / MODEL, compile=False)
        save_whole(model.get_layer("backbone").layer.save_weights, path)
    return path


BUNDLE, RECORD, TIMING, PREDICTED = "model.edge", "record.json", "timing.json", "predicted.json"
INT8_ANSWERS = "int8.npz"  # what the bundle answers, as `network.write_answers` keeps it
BOARDS = "pi-4,pi-5"


def convert_and_answer(own: Path, data: dataset.DataSet, seed: int, clips: int) -> None:
    """Make the int8 bundle of a trained member, and let it answer so many test clips (0: all); once."""
    part = feature_cache.some_of(data.test, clips, seed)
    if is_measured(own) and _answered(own) == len(part):
        return
    click.echo(f"converting and measuring {own.name}")
    with exported_clips(own, data, seed, ["calibration"]) as sets:
        convert(own, sets)
    _answer(own, data, part)
    run_command(
        "edge_benchmarks.cli", "run", own / BUNDLE, "-o", own / RECORD, "--processes", 0,
        "--cold-starts", 0,
    )  # fmt: skip
    predictions = run_command(
        "edge_benchmarks.cli", "predict", own / BUNDLE, "--device", BOARDS, "--json"
    )
    write_whole(own / PREDICTED, predictions.encode())


def is_measured(own: Path) -> bool:
    """Whether its bundle was made, and asked; older releases kept no answers."""
    return is_newer(own / PREDICTED, own / MODEL) and (own / INT8_ANSWERS).exists()


def _answered(own: Path) -> int:
    """How many clips the bundle was asked about."""
    answers = network.read_answers(own / INT8_ANSWERS).values()
    return max((len(each.truth) for each in answers), default=0)


@contextmanager
def exported_clips(
    own: Path, data: dataset.DataSet, seed: int, names: Sequence[str] = tuple(dataset.CLIP_SETS)
) -> Iterator[Path]:
    """A folder with calibration.npz and test.npz, or one of them, which is removed in the end."""
    sets = own / "sets"
    try:
        dataset.export_clip_sets(data, sets, seed, names)
        yield sets
    finally:
        shutil.rmtree(sets, ignore_errors=True)


def convert(own: Path, sets: Path, *options: object) -> None:
    """Make the int8 bundle of a trained member. Raises ModelError if that fails."""
    run_command(
        "edge_convert.cli", own / MODEL, "-o", own / BUNDLE, "--calibration", sets / "calibration.npz",
        "--encoder-precision", "int8", "--head-precision", "int8", *options,
    )  # fmt: skip


def _answer(own: Path, data: dataset.DataSet, part: dataset.Subset) -> None:
    """Keep what the bundle says of each clip of a part, streamed through the ring."""
    windows = (part.clip(index) for index in range(len(part)))
    with click.progressbar(length=len(part), label="int8 on test clips") as progress:
        outputs = stream_outputs(
            open_bundle(own / BUNDLE), windows, on_window=lambda: progress.update(1)
        )
    answers = network.results_of(network.Predictions(part, outputs), data.tasks)
    network.write_answers(own / INT8_ANSWERS, answers)


def time_all(folders: Sequence[Path], processes: int, again: bool) -> None:
    """Time all bundles one right after the other, if one is new or it is asked for `again`."""
    if not again and all(is_newer(own / TIMING, own / BUNDLE) for own in folders):
        return
    with click.progressbar(folders, label="timing bundles") as progress:
        for own in progress:
            run_command(
                "edge_benchmarks.cli", "run", own / BUNDLE, "-o", own / TIMING,
                "--cold-starts", 0, "--processes", processes,
            )  # fmt: skip


def is_newer(path: Path, than: Path) -> bool:
    """Whether a file is there and was written after another."""
    return path.exists() and path.stat().st_mtime >= than.stat().st_mtime


def run_command(module: str, *arguments: object) -> str:
    """The standard output of one of the project's commands. Raises ModelError if it fails."""
    process = children.run_captured(children.module_command(module, *arguments))
    if process.returncode:
        reason = children.last_line(process.stderr)
        raise ModelError(f"{module.split('.')[0]} of {arguments[0]} failed: {reason}")
    return process.stdout
