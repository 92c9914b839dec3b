"""Train one member of a sweep, unless exactly that was done before."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import click
import keras

from edge.whole_file import write_whole

from ..datasets.dataset import DataSet
from ..datasets.from_files import Request
from ..datasets.kinds import load_data
from ..end_to_end.config import EndToEndConfig
from ..end_to_end.progress import Checkpoint
from ..end_to_end.run import train_and_save, training_folder
from .plan import Member

MODEL, STATE, BACKBONE, MAPS = "model.keras", "state.json", "backbone.weights.h5", "maps"


def trained(member: Member, folder: Path) -> DataSet:
    """Train a member into `folder`/NAME, going on where that was interrupted; its data.

    What lies there of another training is moved to NAME.before.

    Raises:
        ModelError: its loss is no number any more.
        KeyboardInterrupt: after what there was to save was saved.
    """
    own, config = folder / member.name, member.training
    network = config.network
    data = load_data(
        config.data, Request(network.window, network.size, config.seed, folder / ".cache")
    )
    if is_trained(member, own):
        return data
    _make_way(member, own)
    if member.lender:
        weights = _backbone_of(folder / member.lender.name)
        network = dataclasses.replace(network, backbone_weights=str(weights))
        config = dataclasses.replace(config, network=network)
    click.echo(f"training {member.name}: {member.about}")
    train_and_save(config, data, own / MODEL, resume=True, maps=_shared_maps(member, folder))
    _write_state(member, own, done=True)
    keras.utils.clear_session()
    return data


def is_trained(member: Member, own: Path) -> bool:
    """Whether exactly this training was done; not where its data lie."""
    return _state(own) == {"training": fingerprint(member), "done": True} and (own / MODEL).exists()


def fingerprint(member: Member) -> str:
    """16 hex digits that change with all that decides a member's outcome."""
    lender = fingerprint(member.lender) if member.lender else ""
    return hashlib.sha256(f"{_decisive(member.training)} {lender}".encode()).hexdigest()[:16]


def _decisive(training: EndToEndConfig) -> str:
    """The training's own fingerprint, wherever the data lie."""
    if hasattr(training.data, "path"):
        data = dataclasses.replace(training.data, path="")
        training = dataclasses.replace(training, data=data)
    return training.fingerprint()


def _make_way(member: Member, own: Path) -> None:
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
    _write_state(member, own, done=False)


def _state(own: Path) -> dict[str, object]:
    try:
        return json.loads((own / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_state(member: Member, own: Path, *, done: bool) -> None:
    content = {"training": fingerprint(member), "done": done}
    write_whole(own / STATE, json.dumps(content).encode())


def _shared_maps(member: Member, folder: Path) -> Path | None:
    """Where the maps of a backbone lie that more than one member stands on."""
    if member.lender:
        return folder / member.lender.name / MAPS
    return folder / member.name / MAPS if member.lends else None


def _backbone_of(other: Path) -> Path:
    """The weights of a trained member's backbone, as a file."""
    path = other / BACKBONE
    if not path.exists():
        model = keras.saving.load_model(other / MODEL, compile=False)
        model.get_layer("backbone").layer.save_weights(path)
    return path
