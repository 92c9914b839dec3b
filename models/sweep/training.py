"""Train one member of a sweep, unless that was done before, and know what it answers."""

import dataclasses
import hashlib
import json
from pathlib import Path

import click
import keras

from edge.whole_file import write_whole

from ..datasets.dataset import DataSet
from ..datasets.from_files import Request
from ..datasets.kinds import load_data
from ..end_to_end.config import EndToEndConfig
from ..end_to_end.run import train_and_save
from .plan import Member

MODEL, DONE, BACKBONE = "model.keras", "trained.json", "backbone.weights.h5"


def trained(member: Member, folder: Path) -> DataSet:
    """Train a member into `folder`/NAME, going on where that was interrupted; its data.

    Raises:
        ModelError: its loss is no number any more.
        KeyboardInterrupt: after what there was to save was saved.
    """
    own, config = folder / member.name, member.training
    if member.backbone_of:
        weights = folder / member.backbone_of / BACKBONE
        network = dataclasses.replace(config.network, backbone_weights=str(weights))
        config = dataclasses.replace(config, network=network)
    network = config.network
    own.mkdir(parents=True, exist_ok=True)
    data = load_data(
        config.data, Request(network.window, network.size, config.seed, folder / ".cache")
    )
    if not is_trained(member, own):
        if member.backbone_of:
            _write_backbone(folder / member.backbone_of)
        click.echo(f"training {member.name}: {member.about}")
        maps = folder / (member.backbone_of or member.name) / "maps"
        shared = maps if member.shares_backbone else None
        train_and_save(config, data, own / MODEL, resume=True, maps=shared)
        write_whole(own / DONE, json.dumps({"fingerprint": fingerprint(member.training)}).encode())
        keras.utils.clear_session()
    return data


def is_trained(member: Member, own: Path) -> bool:
    """Whether exactly this training was done; not where its data lie."""
    try:
        done = json.loads((own / DONE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return done.get("fingerprint") == fingerprint(member.training) and (own / MODEL).exists()


def fingerprint(training: EndToEndConfig) -> str:
    """16 hex digits that change with all that decides a member's outcome."""
    data = training.data
    if hasattr(data, "path"):
        training = dataclasses.replace(training, data=dataclasses.replace(data, path=""))
    return hashlib.sha256(training.fingerprint().encode()).hexdigest()[:16]


def _write_backbone(other: Path) -> None:
    path = other / BACKBONE
    if not path.exists():
        model = keras.saving.load_model(other / MODEL, compile=False)
        model.get_layer("backbone").layer.save_weights(path)
